//! Random operations against a model of a queue that a page of code describes.

use proptest::prelude::*;
use sonagi_data::queues::{ChangeVisibility, Received};

use crate::{World, bodies};

#[derive(Debug, Clone)]
enum Step {
    Send(u8),
    Receive(usize),
    Acknowledge(usize),
    Show(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u8..3).prop_map(Step::Send),
        3 => (1_usize..6).prop_map(Step::Receive),
        2 => (0_usize..8).prop_map(Step::Acknowledge),
        1 => (0_usize..8).prop_map(Step::Show),
        1 => prop_oneof![Just(1_u64), Just(10), Just(30)].prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

/// A message of the model.
#[derive(Debug, Clone)]
struct Kept {
    body: String,
    group: u8,
    hidden_until: u64,
    receives: u32,
}

async fn agrees(text: &str, steps: Vec<Step>) {
    let world = World::new().await;
    let queue = world.queue(text, |_| {}).await;
    let (fifo, mut now, mut number) = (queue.is_fifo(), 0_u64, 0);
    let mut model: Vec<Kept> = Vec::new();
    let mut held: Vec<Received> = Vec::new();
    for step in steps {
        match step {
            Step::Send(group) => {
                let body = number.to_string();
                number += 1;
                match fifo {
                    true => world.send_in(&queue, &format!("g{group}"), &body).await,
                    false => drop(world.send(&queue, &body).await),
                }
                model.push(Kept { body, group, hidden_until: 0, receives: 0 });
            }
            Step::Receive(most) => {
                let received = world.receive(&queue, most).await;
                let blocked: Vec<u8> =
                    model.iter().filter(|kept| kept.hidden_until > now).map(|kept| kept.group).collect();
                let can = |kept: &&Kept| {
                    if fifo { !blocked.contains(&kept.group) } else { kept.hidden_until <= now }
                };
                let could: Vec<String> = model.iter().filter(can).map(|kept| kept.body.clone()).collect();
                let got = bodies(&received);
                // As many as there are, each once.
                assert_eq!(got.len(), could.len().min(most), "{got:?} of {could:?}");
                assert!(got.iter().all(|body| could.contains(body)), "{got:?} of {could:?}");
                if fifo {
                    // Of each group, its beginning in order.
                    for group in 0..3 {
                        let of_group: Vec<&String> =
                            model.iter().filter(|kept| kept.group == group).map(|kept| &kept.body).collect();
                        let mine: Vec<&String> = got.iter().filter(|body| of_group.contains(body)).collect();
                        assert_eq!(mine, of_group[..mine.len()]);
                    }
                }
                for received in &received {
                    let body = String::from_utf8(received.message.body.to_vec()).unwrap();
                    let kept = model.iter_mut().find(|kept| kept.body == body).unwrap();
                    kept.receives += 1;
                    kept.hidden_until = now + 30;
                    assert_eq!(received.receives, kept.receives);
                }
                held.extend(received);
            }
            Step::Acknowledge(at) if at < held.len() => {
                let received = held.remove(at);
                let body = String::from_utf8(received.message.body.to_vec()).unwrap();
                let done = world.queues.acknowledge(&queue, vec![received.handle]).await.unwrap().remove(0);
                let holds = |kept: &Kept| {
                    kept.body == body
                        && (!fifo || (kept.receives == received.receives && kept.hidden_until > now))
                };
                let is_there = model.iter().any(|kept| kept.body == body);
                assert_eq!(done.is_ok(), !is_there || model.iter().any(holds));
                model.retain(|kept| !holds(kept));
            }
            Step::Show(at) if at < held.len() => {
                let Received { handle, message, receives, .. } = held[at].clone();
                let change = ChangeVisibility { handle, seconds: 0 };
                let done = world.queues.change_visibility(&queue, vec![change]).await.unwrap().remove(0);
                let body = String::from_utf8(message.body.to_vec()).unwrap();
                let kept = model.iter_mut().find(|kept| {
                    kept.body == body && kept.receives == receives && (!fifo || kept.hidden_until > now)
                });
                assert_eq!(done.is_ok(), kept.is_some());
                if let Some(kept) = kept {
                    kept.hidden_until = now;
                }
            }
            Step::Acknowledge(_) | Step::Show(_) => {}
            Step::Wait(seconds) => {
                now += seconds;
                world.seconds(seconds).await;
            }
        }
        let depth = world.queues.depth(&queue).await.unwrap();
        assert_eq!(depth.visible + depth.in_flight, model.len() as u64);
        assert_eq!(depth.in_flight, model.iter().filter(|kept| kept.hidden_until > now).count() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_standard_queue_is_what_its_model_says(steps in steps()) {
        tokio::runtime::Runtime::new().unwrap().block_on(agrees("clicks", steps));
    }

    #[test]
    fn a_fifo_queue_is_what_its_model_says(steps in steps()) {
        tokio::runtime::Runtime::new().unwrap().block_on(agrees("clicks.fifo", steps));
    }
}
