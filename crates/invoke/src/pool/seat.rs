use std::sync::{Mutex, PoisonError, atomic::Ordering};

use sonagi_model::Tick;
use tokio::sync::Notify;

use super::{Job, info::Facts};

/// An environment as its pool sees it: what is known of it, and where it waits for its next job.
pub(super) struct Seat {
    pub(super) facts: Facts,
    pub(super) born: Tick,
    order: Mutex<Option<Order>>,
    news: Notify,
}

pub(super) enum Order {
    Run(Job),
    Stop,
}

impl Seat {
    pub(super) fn new(facts: Facts, born: Tick) -> Self {
        Self { facts, born, order: Mutex::new(None), news: Notify::new() }
    }

    pub(super) fn has_served(&self) -> bool {
        self.facts.invocations.load(Ordering::Relaxed) > 0
    }

    /// Only who took the seat from among the idle may call this, and only once.
    pub(super) fn run(&self, job: Job) {
        self.give(Order::Run(job));
    }

    /// As for [`run`](Self::run).
    pub(super) fn stop(&self) {
        self.give(Order::Stop);
    }

    /// The next order. Safe to drop.
    pub(super) async fn order(&self) -> Order {
        loop {
            let order = self.order.lock().unwrap_or_else(PoisonError::into_inner).take();
            match order {
                Some(order) => return order,
                None => self.news.notified().await,
            }
        }
    }

    fn give(&self, order: Order) {
        *self.order.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
        self.news.notify_one();
    }
}
