//! What a [`Bus`] promises.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{future::join_all, poll};
use sonagi_model::limits;

use crate::{Bus, Error};

/// Makes the bus that a case runs on.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A bus that nobody else uses, and what makes time pass for it.
    async fn open(&self) -> (Arc<dyn Bus>, Arc<dyn Time>);
}

/// Makes time pass for a bus.
#[async_trait]
pub trait Time: Send + Sync {
    async fn pass(&self, time: Duration);
}

/// A test of each case for the bus that the factory makes.
#[macro_export]
macro_rules! bus_conformance {
    ($factory:expr) => {
        $crate::conformance_cases!(
            bus,
            $factory,
            [
                a_message_reaches_everyone_who_is_subscribed_now,
                wildcards_match_words,
                a_subscriber_that_lags_loses_the_oldest,
                a_subject_that_is_not_one_is_refused,
                a_payload_over_the_limit_is_refused,
                a_request_that_nobody_serves_fails_at_once,
                a_request_goes_to_one_server_and_its_answer_comes_back,
                a_request_that_is_not_answered_fails_at_its_deadline,
                a_request_whose_server_goes_away_fails,
                members_are_alive_until_their_guard_is_dropped,
            ]
        );
    };
}

const WAIT: Duration = Duration::from_secs(5);

pub async fn a_message_reaches_everyone_who_is_subscribed_now(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    bus.publish("a.b", Bytes::from_static(b"early")).await.unwrap();
    let mut one = bus.subscribe("a.b").await.unwrap();
    let mut two = bus.subscribe("a.b").await.unwrap();
    let mut other = bus.subscribe("a.c").await.unwrap();
    drop(bus.subscribe("a.b").await.unwrap());
    for n in 0..10_u8 {
        bus.publish("a.b", Bytes::copy_from_slice(&[n])).await.unwrap();
    }
    for n in 0..10_u8 {
        for subscriber in [&mut one, &mut two] {
            let message = subscriber.next().await.unwrap();
            assert_eq!((message.subject.as_str(), &message.payload[..]), ("a.b", &[n][..]));
        }
    }
    assert!(poll!(other.next()).is_pending());
    // A wait that was dropped loses nothing.
    assert!(poll!(one.next()).is_pending());
    bus.publish("a.b", Bytes::from_static(b"late")).await.unwrap();
    assert_eq!(one.next().await.unwrap().payload, "late");
}

pub async fn wildcards_match_words(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    let subjects = ["a", "a.b", "a.b.c", "a.x.c", "b", "ab.c"];
    let cases: [(&str, &[&str]); 7] = [
        ("a.b", &["a.b"]),
        ("a.*", &["a.b"]),
        ("*.*", &["a.b", "ab.c"]),
        ("a.*.c", &["a.b.c", "a.x.c"]),
        ("a.>", &["a.b", "a.b.c", "a.x.c"]),
        (">", &subjects),
        ("*", &["a", "b"]),
    ];
    for (pattern, expected) in cases {
        let mut subscriber = bus.subscribe(pattern).await.unwrap();
        for subject in subjects {
            bus.publish(subject, Bytes::new()).await.unwrap();
        }
        for subject in expected {
            assert_eq!(subscriber.next().await.unwrap().subject, *subject, "{pattern}");
        }
        assert!(poll!(subscriber.next()).is_pending(), "{pattern}");
    }
}

pub async fn a_subscriber_that_lags_loses_the_oldest(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    let mut slow = bus.subscribe("s").await.unwrap();
    let count = 4 * limits::BUS_BACKLOG as u32;
    for n in 0..count {
        bus.publish("s", Bytes::copy_from_slice(&n.to_be_bytes())).await.unwrap();
    }
    let mut received = Vec::new();
    while received.last() != Some(&(count - 1)) {
        let message = slow.next().await.unwrap();
        received.push(u32::from_be_bytes(message.payload[..].try_into().unwrap()));
    }
    assert!(received.len() < count as usize, "the backlog has an end");
    assert!(received.is_sorted(), "what is left is in order");
}

pub async fn a_subject_that_is_not_one_is_refused(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    let long = "s".repeat(limits::BUS_SUBJECT_SIZE + 1);
    for subject in ["", ".", "a.", ".a", "a..b", "a b", "a\n", "*", "a.>", &long] {
        assert!(
            matches!(bus.publish(subject, Bytes::new()).await, Err(Error::Subject { .. })),
            "{subject:?}"
        );
        let asked = bus.request(subject, Bytes::new(), WAIT).await;
        assert!(matches!(asked, Err(Error::Subject { .. })), "{subject:?}");
        assert!(matches!(bus.serve(subject).await.map(drop), Err(Error::Subject { .. })), "{subject:?}");
    }
    for subject in ["", "a..b", "a.>.b", ">a", "a*", &long] {
        assert!(matches!(bus.subscribe(subject).await.map(drop), Err(Error::Subject { .. })), "{subject:?}");
    }
}

pub async fn a_payload_over_the_limit_is_refused(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    let mut subscriber = bus.subscribe("s").await.unwrap();
    let refused = bus.publish("s", Bytes::from(vec![0; limits::BUS_PAYLOAD_SIZE + 1])).await;
    assert!(matches!(refused, Err(Error::TooLarge { .. })));
    bus.publish("s", Bytes::from(vec![0; limits::BUS_PAYLOAD_SIZE])).await.unwrap();
    assert_eq!(subscriber.next().await.unwrap().payload.len(), limits::BUS_PAYLOAD_SIZE);
}

pub async fn a_request_that_nobody_serves_fails_at_once(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    let _listener = bus.subscribe("s").await.unwrap();
    drop(bus.serve("s").await.unwrap());
    let failed = bus.request("s", Bytes::new(), WAIT).await;
    assert!(matches!(failed, Err(Error::NoResponder { subject }) if subject == "s"));
}

pub async fn a_request_goes_to_one_server_and_its_answer_comes_back(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    for name in ["one", "two"] {
        let mut service = bus.serve("s").await.unwrap();
        tokio::spawn(async move {
            while let Ok(request) = service.next().await {
                let mut reply = request.payload.to_vec();
                reply.extend_from_slice(name.as_bytes());
                drop(request.reply.send(reply.into()));
            }
        });
    }
    let asked = join_all((0..50_u8).map(|n| bus.request("s", Bytes::copy_from_slice(&[n]), WAIT))).await;
    for (n, reply) in asked.into_iter().enumerate() {
        let reply = reply.unwrap();
        assert_eq!(reply[0] as usize, n);
        assert!(matches!(&reply[1..], b"one" | b"two"));
    }
}

pub async fn a_request_that_is_not_answered_fails_at_its_deadline(factory: &dyn Factory) {
    let (bus, time) = factory.open().await;
    let mut service = bus.serve("s").await.unwrap();
    let asking = Arc::clone(&bus);
    let asked = tokio::spawn(async move { asking.request("s", Bytes::new(), WAIT).await });
    let request = service.next().await.unwrap();
    time.pass(WAIT).await;
    assert!(matches!(asked.await.unwrap(), Err(Error::NoReply { .. })));
    assert!(request.reply.send(Bytes::new()).is_err(), "nobody waits any more");
}

pub async fn a_request_whose_server_goes_away_fails(factory: &dyn Factory) {
    let (bus, time) = factory.open().await;
    let mut service = bus.serve("s").await.unwrap();
    let asking = Arc::clone(&bus);
    let asked = tokio::spawn(async move { asking.request("s", Bytes::new(), WAIT).await });
    drop(service.next().await.unwrap());
    drop(service);
    time.pass(WAIT).await;
    assert!(matches!(asked.await.unwrap(), Err(Error::NoReply { .. })));
}

pub async fn members_are_alive_until_their_guard_is_dropped(factory: &dyn Factory) {
    let (bus, _) = factory.open().await;
    assert_eq!(bus.members("g").await.unwrap(), [""; 0]);
    let b = bus.join("g", "b").await.unwrap();
    let a = bus.join("g", "a").await.unwrap();
    let again = bus.join("g", "a").await.unwrap();
    let _other = bus.join("h", "c").await.unwrap();
    assert_eq!(bus.members("g").await.unwrap(), ["a", "b"]);
    drop(a);
    assert_eq!(bus.members("g").await.unwrap(), ["a", "b"], "as long as one guard is left");
    drop(again);
    drop(b);
    assert_eq!(bus.members("g").await.unwrap(), [""; 0]);
}
