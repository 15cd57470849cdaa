//! Work on files, off the threads that drive tasks.

use crate::{Error, Result};

/// Runs `work` to its end on a thread for blocking work, even if the caller goes away.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => Err(Error::Closed),
        },
    }
}
