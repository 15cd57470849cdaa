//! Who may hold code in memory, of which there is only so much.

use sonagi_model::limits;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Memory for code, in units of [`UNIT`] bytes, given in the order of asking.
pub(crate) struct Uploads {
    memory: Semaphore,
    waiting: Semaphore,
}

const UNIT: usize = 1 << 20;
const UNITS: u32 = (limits::UPLOADS_SIZE / UNIT) as u32;

impl Uploads {
    pub(crate) fn new() -> Self {
        Self { memory: Semaphore::new(UNITS as usize), waiting: Semaphore::new(limits::UPLOADS_WAITING) }
    }

    /// The right to hold `bytes` until it is dropped; none if too many wait for theirs already.
    pub(crate) async fn hold(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(UNITS).clamp(1, UNITS);
        if let Ok(permit) = self.memory.try_acquire_many(units) {
            return Some(permit);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        self.memory.acquire_many(units).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[tokio::test]
    async fn uploads_share_the_memory_and_only_so_many_wait_for_it() {
        let uploads = Uploads::new();
        let one = uploads.hold(limits::PACKAGE_UPLOAD_SIZE).await.unwrap();
        let _two = uploads.hold(limits::PACKAGE_UPLOAD_SIZE).await.unwrap();
        let mut third = pin!(uploads.hold(limits::PACKAGE_UPLOAD_SIZE));
        let mut context = Context::from_waker(Waker::noop());
        assert!(third.as_mut().poll(&mut context).is_pending());
        // Who asked first is served first, so that small ones cannot keep a large one waiting for ever.
        let mut waiting: Vec<_> = (1..limits::UPLOADS_WAITING).map(|_| Box::pin(uploads.hold(1))).collect();
        assert!(waiting.iter_mut().all(|hold| hold.as_mut().poll(&mut context).is_pending()));
        assert!(uploads.hold(1).await.is_none());
        drop(one);
        assert!(matches!(third.as_mut().poll(&mut context), Poll::Ready(Some(_))));
        assert!(matches!(waiting[0].as_mut().poll(&mut context), Poll::Ready(Some(_))));
    }

    #[tokio::test]
    async fn what_is_larger_than_all_of_it_gets_all_of_it() {
        assert!(Uploads::new().hold(usize::MAX).await.is_some());
    }
}
