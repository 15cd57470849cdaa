use std::time::Duration;

use sonagi_invoke::{Metered, Totals};

use crate::world::World;

#[tokio::test]
async fn the_totals_are_the_sum_of_the_records() {
    let world = World::start();
    let mut records = world.frontend.metering();
    let [a, b] = [("a", 128), ("b", 256)].map(|(name, memory)| world.deploy(name, |f| f.memory = memory));
    for (target, payload) in
        [(&a, "sleep 10"), (&a, "fail"), (&b, "exit"), (&b, "sleep 7"), (&a, "sleep 9999"), (&a, "echo")]
    {
        let invoked = world.begin(target, payload).await;
        world.advance(3_000).await;
        invoked.await.unwrap().unwrap();
        world.frontend.idle().await;
    }
    let mut sums = [Totals::default(), Totals::default()];
    for _ in 0..6 {
        let Some(Metered::Record(record)) = records.next().await else { panic!("a record is missing") };
        let sum = &mut sums[usize::from(record.function.as_str() == "b")];
        sum.invocations += 1;
        sum.billed_ms += record.usage.billed;
        sum.memory_time += record.usage.memory_time();
        sum.cold_starts += u64::from(record.usage.cold_start.is_some());
    }
    let expected = [
        Totals {
            invocations: 4,
            errors: 2,
            timeouts: 1,
            throttles: 0,
            cold_starts: 2,
            billed_ms: 10 + 1 + 3_000 + 1,
            memory_time: 128 * 3_012,
            cpu: Duration::ZERO,
        },
        Totals {
            invocations: 2,
            errors: 1,
            timeouts: 0,
            throttles: 0,
            cold_starts: 2,
            billed_ms: 1 + 7,
            memory_time: 256 * 8,
            cpu: Duration::ZERO,
        },
    ];
    for ((name, sum), expected) in ["a", "b"].into_iter().zip(sums).zip(expected) {
        assert_eq!(world.totals(name), expected);
        assert_eq!(
            (sum.invocations, sum.billed_ms, sum.memory_time, sum.cold_starts),
            (expected.invocations, expected.billed_ms, expected.memory_time, expected.cold_starts)
        );
    }
}

#[tokio::test]
async fn a_cold_start_tells_its_phases() {
    let world = World::new(sonagi_invoke::Config { start_parallelism: 1, ..Default::default() });
    let mut records = world.frontend.metering();
    let slow = world.deploy("slow", |f| drop(f.variables.insert("START".into(), "sleep 300".into())));
    let other = world.deploy("other", |f| drop(f.variables.insert("START".into(), "sleep 20".into())));
    let both = [world.begin(&slow, "echo").await, world.begin(&other, "echo").await];
    world.advance(320).await;
    for invoked in both {
        invoked.await.unwrap().unwrap();
    }
    let phases = |metered: Option<Metered>| {
        let Some(Metered::Record(record)) = metered else { panic!("a record is missing") };
        let cold = record.usage.cold_start.unwrap();
        [cold.queue, cold.fetch, cold.create, cold.init].map(|phase| phase.as_millis())
    };
    assert_eq!(phases(records.next().await), [0, 0, 2, 300]);
    assert_eq!(phases(records.next().await), [300, 0, 2, 20]);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_lost() {
    let world = World::start();
    let mut records = world.frontend.metering();
    let hello = world.deploy("hello", |_| {});
    for _ in 0..sonagi_model::limits::METERING_BACKLOG + 3 {
        world.invoke(&hello, "echo").await.unwrap();
    }
    world.frontend.idle().await;
    assert!(matches!(records.next().await, Some(Metered::Lost(3))));
    assert!(matches!(records.next().await, Some(Metered::Record(_))));
}
