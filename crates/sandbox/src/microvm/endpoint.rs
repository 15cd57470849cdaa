//! The platform's AWS endpoint for a machine: what connects inside is led to where it is served.

use std::{net::SocketAddr, sync::Arc};

use sonagi_model::{Clock, limits};
use tokio::{
    net::{TcpStream, UnixListener},
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
};

/// Leads each connection to `address`; until the handle is used to stop it.
pub(super) fn lead(listener: UnixListener, address: SocketAddr, clock: Arc<dyn Clock>) -> AbortHandle {
    let leading = async move {
        let places = Arc::new(Semaphore::new(limits::ENVIRONMENT_CONNECTIONS));
        let mut led = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((mut inside, _)) = accepted else {
                        clock.sleep(limits::RUNTIME_ACCEPT_PAUSE).await;
                        continue;
                    };
                    // One more than it may have: closed at once.
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                    led.spawn(async move {
                        if let Ok(mut outside) = TcpStream::connect(address).await {
                            // However it ends, both sides are closed.
                            let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
                        }
                        drop(place);
                    });
                }
                Some(_) = led.join_next(), if !led.is_empty() => {}
            }
        }
    };
    tokio::spawn(leading).abort_handle()
}
