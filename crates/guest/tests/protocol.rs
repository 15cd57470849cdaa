//! What the host and a machine's init say to each other, said and understood.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

use proptest::prelude::*;
use sonagi_guest::machine::{
    INIT,
    protocol::{
        Drive, End, FRAME_SIZE, Failure, Interface, Malformed, Order, Orders, Relay, Renewal, Step, Visit,
        Word, frame_size, read_frame,
    },
};

fn body(frame: &[u8]) -> Vec<u8> {
    read_frame(&mut &frame[..]).unwrap()
}

fn words() -> impl Strategy<Value = Word> {
    let step = prop::sample::select(vec![
        Step::Orders,
        Step::Drives,
        Step::Files,
        Step::Network,
        Step::Limits,
        Step::Exec,
    ]);
    let visit = prop::sample::select(vec![Visit::First, Visit::Again]);
    let end = prop_oneof![
        any::<i32>().prop_map(End::Status),
        any::<i32>().prop_map(End::Signal),
        Just(End::OutOfMemory)
    ];
    prop_oneof![
        (any::<u32>(), visit).prop_map(|(version, visit)| Word::Hello { version, visit }),
        (step, any::<i32>(), any::<String>()).prop_map(|(step, errno, subject)| Word::Failed(Failure {
            step,
            errno,
            subject
        })),
        Just(Word::Started),
        any::<u64>().prop_map(Word::Usage),
        Just(Word::Renewed),
        end.prop_map(Word::Ended),
    ]
}

prop_compose! {
    fn renewals()(time: u64, entropy: Vec<u8>, boot_id: String, credentials: String, authorization: String) -> Renewal {
        Renewal { time, entropy, boot_id, credentials, authorization }
    }
}

prop_compose! {
    fn orders()(
        now in renewals(),
        drives: Vec<(String, String)>,
        texts: (String, String),
        numbers: (u32, u32, u64, u64),
        folder: Vec<u8>,
        program: Vec<u8>,
        arguments: Vec<Vec<u8>>,
        variables in prop::collection::vec(any::<Vec<u8>>(), 0..5),
        relays: Vec<(u16, u32)>,
        network in prop::option::of(any::<([u8; 4], [u8; 4], [u8; 4])>().prop_flat_map(|addresses| {
            (0..=32_u8).prop_map(move |prefix| Interface {
                own: addresses.0.into(),
                prefix,
                gateway: addresses.1.into(),
                resolver: addresses.2.into(),
            })
        })),
    ) -> Orders {
        let (client, scratch) = texts;
        let (user, group, files, processes) = numbers;
        Orders {
            now,
            drives: drives.into_iter().map(|(device, at)| Drive { device, at }).collect(),
            client, scratch, user, group, files, processes, folder, program, arguments, variables,
            relays: relays.into_iter().map(|(port, host)| Relay { port, host }).collect(),
            network,
        }
    }
}

proptest! {
    #[test]
    fn what_is_said_is_understood(word in words(), orders in orders(), renewal in renewals()) {
        prop_assert_eq!(Word::decode(&body(&word.encode())), Ok(word));
        let order = Order::Start(Box::new(orders));
        prop_assert_eq!(Order::decode(&body(&order.encode())), Ok(order));
        let order = Order::Renew(renewal);
        prop_assert_eq!(Order::decode(&body(&order.encode())), Ok(order));
    }

    #[test]
    fn a_frame_that_is_cut_off_or_longer_is_none(orders in orders(), cut: prop::sample::Index) {
        let whole = body(&Order::Start(Box::new(orders)).encode());
        prop_assert_eq!(Order::decode(&whole[..cut.index(whole.len())]), Err(Malformed));
        prop_assert_eq!(Order::decode(&[&whole[..], &[0]].concat()), Err(Malformed));
    }

    #[test]
    fn garbage_is_refused_without_a_panic(garbage: Vec<u8>) {
        let _ = Word::decode(&garbage);
        let _ = Order::decode(&garbage);
    }
}

#[test]
fn a_frame_has_a_length_that_is_bounded() {
    let length = |size: usize| u32::try_from(size).unwrap().to_le_bytes();
    assert_eq!(frame_size(length(0)), Err(Malformed));
    assert_eq!(frame_size(length(FRAME_SIZE)), Ok(FRAME_SIZE));
    assert_eq!(frame_size(length(FRAME_SIZE + 1)), Err(Malformed));
    // A list that says that it is long takes no memory before its items are there.
    let endless = [&[1_u8][..], &0_u64.to_le_bytes(), &u64::MAX.to_le_bytes()].concat();
    assert_eq!(Order::decode(&endless), Err(Malformed));
}

#[test]
fn the_init_is_one_static_program() {
    assert!(INIT.starts_with(b"\x7fELF"), "it was not compiled: see the build's warning");
    // A program that needs a loader names it in a segment of type 3 (ELF, "Program Header").
    let number = |at: usize, size: usize| {
        INIT[at..at + size].iter().rev().fold(0_usize, |number, &byte| number << 8 | usize::from(byte))
    };
    let (headers, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let kinds: Vec<usize> = (0..count).map(|header| number(headers + header * size, 4)).collect();
    assert!(kinds.contains(&1) && !kinds.contains(&3), "{kinds:?}");
}
