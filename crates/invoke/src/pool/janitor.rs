//! Stops environments that nobody needs any more.

use std::sync::Weak;

use sonagi_model::{Tick, limits::RETIRE_INTERVAL};

use crate::frontend::Engine;

/// Runs until the engine is gone: stops what was idle for too long, and follows what is live.
pub(crate) async fn tidy(engine: Weak<Engine>) {
    loop {
        let Some(strong) = engine.upgrade() else { return };
        let wake = expire(&strong);
        strong.follow();
        let clock = strong.clock.clone();
        // Waits without holding the engine, so that it can go.
        drop(strong);
        clock.sleep_until(wake).await;
    }
}

/// Stops what has expired; tells when to look again.
fn expire(engine: &Engine) -> Tick {
    let now = engine.clock.tick();
    let keep = engine.config.keep_alive;
    // Nothing can have been idle for longer than the clock runs.
    let since = now.0.checked_sub(keep).map(Tick);
    let mut wake = now + keep.min(RETIRE_INTERVAL);
    for pool in engine.pools.all() {
        let oldest = match since {
            Some(since) => pool.expire(since),
            None => pool.oldest_idle(),
        };
        wake = oldest.map_or(wake, |oldest| wake.min(oldest + keep));
    }
    wake
}
