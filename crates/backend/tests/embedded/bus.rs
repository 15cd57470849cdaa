use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sonagi_backend::{
    Bus, Error,
    conformance::bus::{Factory, Time},
    embedded::LocalBus,
};

use crate::clock::ManualClock;

struct Local;

#[async_trait]
impl Factory for Local {
    async fn open(&self) -> (Arc<dyn Bus>, Arc<dyn Time>) {
        let clock = Arc::new(ManualClock::new());
        (Arc::new(LocalBus::new(clock.clone())), Arc::new(Moved(clock)))
    }
}

struct Moved(Arc<ManualClock>);

#[async_trait]
impl Time for Moved {
    async fn pass(&self, time: Duration) {
        self.0.advance(time);
    }
}

sonagi_backend::bus_conformance!(Local);

#[tokio::test]
async fn subscribers_and_servers_learn_that_the_bus_is_gone() {
    let bus = LocalBus::new(Arc::new(ManualClock::new()));
    let mut exact = bus.subscribe("a").await.unwrap();
    let mut wild = bus.subscribe(">").await.unwrap();
    let mut service = bus.serve("a").await.unwrap();
    drop(bus);
    assert!(matches!(exact.next().await, Err(Error::Closed)));
    assert!(matches!(wild.next().await, Err(Error::Closed)));
    assert!(matches!(service.next().await.map(drop), Err(Error::Closed)));
}
