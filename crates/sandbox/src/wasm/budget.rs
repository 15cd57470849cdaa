//! How all apps' instances share the memory of the machine.
//!
//! An app may have as much as is left free: half of all when it is alone, a third when two want all they can get, and
//! so on. Whatever the others do, some is left for whoever comes next. (This is how switches share their buffers:
//! Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", 1998.)

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use sonagi_model::AppName;

/// Bytes that all instances have, and may have.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    apps: Mutex<HashMap<AppName, Weak<AtomicUsize>>>,
}

/// An app's part in it; its clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    app: Arc<AtomicUsize>,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), apps: Mutex::default() })
    }

    pub(super) fn share(self: &Arc<Self>, app: &AppName) -> Share {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        if apps.len() >= apps.capacity() / 2 {
            apps.retain(|_, used| used.strong_count() > 0);
        }
        let known = apps.get(app).and_then(Weak::upgrade);
        let app = known.unwrap_or_else(|| {
            let used = Arc::default();
            apps.insert(app.clone(), Arc::downgrade(&used));
            used
        });
        Share { budget: Arc::clone(self), app }
    }
}

impl Share {
    /// All there is, for one who is alone.
    pub(crate) fn unlimited() -> Self {
        Self { budget: Budget::new(usize::MAX), app: Arc::default() }
    }

    /// Whether so many bytes more were free; they are taken then.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let used = self.budget.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let app = self.app.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let fits = self.budget.limit.checked_sub(used).is_some_and(|free| app <= free);
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.app.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn app(number: usize) -> AppName {
        AppName::new(&format!("app-{number}")).unwrap()
    }

    /// Takes all that an app gets, in pieces.
    fn fill(share: &Share, piece: usize) -> usize {
        std::iter::repeat_n((), 10_000).take_while(|()| share.take(piece)).count() * piece
    }

    #[test]
    fn an_app_gets_half_and_leaves_room_for_the_next() {
        let budget = Budget::new(1_200);
        let (first, second) = (budget.share(&app(1)), budget.share(&app(2)));
        assert_eq!(fill(&first, 10), 600);
        assert_eq!(fill(&budget.share(&app(1)), 10), 0, "the same app's share is the same one");
        assert_eq!(fill(&second, 10), 300);
        first.give_back(600);
        assert!(second.take(150));
        assert_eq!(fill(&second, 10), 150);
    }

    #[test]
    fn an_app_that_is_gone_is_forgotten() {
        let budget = Budget::new(1_000);
        for number in 0..1_000 {
            assert!(budget.share(&app(number)).take(0));
        }
        assert!(budget.apps.lock().unwrap().len() < 100);
    }

    proptest! {
        #[test]
        fn never_more_than_there_is_and_nothing_is_lost(
            steps in prop::collection::vec((0_usize..4, 0_usize..400, any::<bool>()), 0..200),
        ) {
            let budget = Budget::new(1_000);
            let shares: Vec<Share> = (0..4).map(|number| budget.share(&app(number))).collect();
            let mut held = [0; 4];
            for (who, bytes, back) in steps {
                if back {
                    let bytes = bytes.min(held[who]);
                    shares[who].give_back(bytes);
                    held[who] -= bytes;
                } else if shares[who].take(bytes) {
                    held[who] += bytes;
                }
                let total: usize = held.iter().sum();
                prop_assert_eq!(budget.used.load(Ordering::Relaxed), total);
                prop_assert!(total <= 1_000);
            }
        }
    }
}
