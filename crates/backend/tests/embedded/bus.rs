use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::poll;
use sonagi_backend::{
    Bus, Error,
    conformance::bus::{Factory, Time},
    embedded::LocalBus,
};
use sonagi_model::limits;

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

#[tokio::test]
async fn large_messages_that_are_not_read_make_room_for_newer_ones() {
    let bus = LocalBus::new(Arc::new(ManualClock::new()));
    let mut slow = bus.subscribe("s").await.unwrap();
    let payload = Bytes::from(vec![0; limits::BUS_PAYLOAD_SIZE]);
    for _ in 0..20 {
        bus.publish("s", payload.clone()).await.unwrap();
    }
    for _ in 0..limits::BUS_BACKLOG_SIZE / limits::BUS_PAYLOAD_SIZE {
        slow.next().await.unwrap();
    }
    assert!(poll!(slow.next()).is_pending());
}

#[tokio::test]
async fn requests_over_the_backlog_of_all_servers_are_busy() {
    let bus = LocalBus::new(Arc::new(ManualClock::new()));
    let mut service = bus.serve("s").await.unwrap();
    let mut waiting: Vec<_> =
        (0..limits::BUS_BACKLOG).map(|_| bus.request("s", Bytes::new(), Duration::from_secs(1))).collect();
    for request in &mut waiting {
        assert!(poll!(request).is_pending());
    }
    assert!(matches!(bus.request("s", Bytes::new(), Duration::from_secs(1)).await, Err(Error::Busy)));
    service.next().await.unwrap().reply.send(Bytes::from_static(b"answer")).unwrap();
    assert_eq!(waiting.remove(0).await.unwrap(), "answer");
}
