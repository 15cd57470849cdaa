//! Stops environments that nobody needs any more, and starts those that somebody will need soon.

use std::sync::{Arc, Weak};

use sonagi_model::{Tick, limits::RETIRE_INTERVAL};

use crate::frontend::Engine;

/// Runs until the engine is gone: stops what was idle for too long, follows what is live, and starts what is provisioned, what is
/// copied, and ahead of the calls that are expected.
pub(crate) async fn tidy(engine: Weak<Engine>) {
    loop {
        let Some(strong) = engine.upgrade() else { return };
        let wake = round(&strong);
        let (clock, news) = (strong.clock.clone(), strong.news.clone());
        // Waits without holding the engine, so that it can go.
        drop(strong);
        tokio::select! {
            () = clock.sleep_until(wake) => {}
            () = news.notified() => {}
        }
    }
}

/// Does what is to be done now; tells when to look again.
fn round(engine: &Arc<Engine>) -> Tick {
    let now = engine.clock.tick();
    let usual = engine.config.keep_alive;
    let mut wake = now + usual.min(RETIRE_INTERVAL);
    for pool in engine.pools.all() {
        if let Some(end) = pool.expire(now, usual) {
            wake = wake.min(end);
        }
    }
    engine.follow();
    // After that, so that nothing is started which is no longer live.
    let provisioned = engine.pools.start_provisioned(engine, now);
    let copied = engine.copied.start(engine, now);
    let ahead = engine.pools.start_ahead(engine, now);
    [provisioned, copied, ahead].into_iter().flatten().fold(wake, Tick::min)
}
