//! Keys as bytes whose order is that of the values: numbers by their worth, texts by their UTF-8, binaries by their bytes.
//!
//! A part says itself where it ends, so that parts can follow one another: the order of the whole is that of the first
//! part, then of the second.
//!
//! | part | bytes |
//! |---|---|
//! | text, binary | the bytes, of which a 0 is written 0 255; then 0 1 |
//! | number, negative | 1; 255 less what the positive one has after its first byte |
//! | zero | 2 |
//! | number, positive | 3; the first digit's power of ten and 130; a byte for two digits and 1; 0 |

use bytes::Bytes;

use crate::{Kind, Number, Value};

/// Of a power of ten, so that none is negative.
const BIAS: i32 = 130;
/// Of a text or a binary: less than a 0 within, and not to be taken for one, whatever part follows.
const END: [u8; 2] = [0, 1];
const NEGATIVE: u8 = 1;
const ZERO: u8 = 2;
const POSITIVE: u8 = 3;

/// Adds a part; false if the value is of a type that no key has.
pub fn write(into: &mut Vec<u8>, value: &Value) -> bool {
    match value {
        Value::Text(text) => write_bytes(into, text.as_bytes()),
        Value::Binary(bytes) => write_bytes(into, bytes),
        Value::Number(number) => write_number(into, *number),
        Value::Bool(_)
        | Value::Null
        | Value::List(_)
        | Value::Map(_)
        | Value::Texts(_)
        | Value::Numbers(_)
        | Value::Binaries(_) => return false,
    }
    true
}

/// The same without an end, so that all values that begin with these bytes come behind it and those that do not do not.
pub fn write_beginning(into: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        into.push(*byte);
        if *byte == 0 {
            into.push(u8::MAX);
        }
    }
}

fn write_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    write_beginning(into, bytes);
    into.extend_from_slice(&END);
}

fn write_number(into: &mut Vec<u8>, number: Number) {
    let (digits, count, first) = number.parts();
    if count == 0 {
        return into.push(ZERO);
    }
    into.push(if number.is_negative() { NEGATIVE } else { POSITIVE });
    let start = into.len();
    // Between 0 and 255, as numbers have their range.
    into.push((first + BIAS) as u8);
    // As many digits as pairs have.
    let (mut rest, pairs) = if count % 2 == 0 { (digits, count / 2) } else { (digits * 10, count / 2 + 1) };
    for pair in (0..pairs).rev() {
        let power = 100_u128.pow(pair);
        into.push((rest / power) as u8 + 1);
        rest %= power;
    }
    into.push(0);
    if number.is_negative() {
        into[start..].iter_mut().for_each(|byte| *byte = u8::MAX - *byte);
    }
}

/// Reads a part of that type, and returns what follows it. None if it is damaged.
pub fn read(kind: Kind, bytes: &[u8]) -> Option<(Value, &[u8])> {
    match kind {
        Kind::S => {
            let (text, rest) = read_bytes(bytes)?;
            Some((Value::Text(String::from_utf8(text).ok()?), rest))
        }
        Kind::B => read_bytes(bytes).map(|(bytes, rest)| (Value::Binary(Bytes::from(bytes)), rest)),
        Kind::N => read_number(bytes).map(|(number, rest)| (Value::Number(number), rest)),
        Kind::Bool | Kind::Null | Kind::L | Kind::M | Kind::Ss | Kind::Ns | Kind::Bs => None,
    }
}

fn read_bytes(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|byte| *byte == 0)?;
        found.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.split_first() {
            Some((&u8::MAX, after)) => {
                found.push(0);
                rest = after;
            }
            Some((&1, after)) => return Some((found, after)),
            _ => return None,
        }
    }
}

fn read_number(bytes: &[u8]) -> Option<(Number, &[u8])> {
    let (class, rest) = bytes.split_first()?;
    let is_negative = match *class {
        ZERO => return Some((Number::ZERO, rest)),
        NEGATIVE => true,
        POSITIVE => false,
        _ => return None,
    };
    let turned = |byte: u8| if is_negative { u8::MAX - byte } else { byte };
    let (first, mut rest) = rest.split_first()?;
    let first = i32::from(turned(*first)) - BIAS;
    let (mut digits, mut count) = (0_u128, 0_u32);
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match turned(*byte) {
            0 => break,
            pair @ 1..=100 if count < crate::number::DIGITS => {
                digits = digits * 100 + u128::from(pair - 1);
                count += 2;
            }
            _ => return None,
        }
    }
    if digits.is_multiple_of(10) {
        digits /= 10;
        count = count.checked_sub(1)?;
    }
    Some((Number::of_parts(is_negative, digits, count, first)?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::number::tests::numbers;

    fn written(values: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(values.iter().all(|value| write(&mut bytes, value)));
        bytes
    }

    fn binaries() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0, 1, 2, 254, 255]), 0..6)
    }

    #[test]
    fn values_of_other_types_are_no_keys() {
        for value in [Value::Null, Value::Bool(true), Value::List(vec![]), Value::Texts(["a".into()].into())]
        {
            assert!(!write(&mut Vec::new(), &value));
            assert_eq!(read(value.kind(), &[2]), None);
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_are_in_order(one in numbers(), other in numbers()) {
            let (first, second) = (written(&[Value::Number(one)]), written(&[Value::Number(other)]));
            prop_assert_eq!(first.cmp(&second), one.cmp(&other), "{} {}", one, other);
            prop_assert_eq!(read(Kind::N, &first), Some((Value::Number(one), &[][..])));
        }

        #[test]
        fn parts_are_in_order_one_after_the_other(
            one in ("[\\PC\\x00]{0,3}", binaries(), binaries(), numbers()),
            other in ("[\\PC\\x00]{0,3}", binaries(), binaries(), numbers()),
        ) {
            let parts = |(text, binary, more, number): &(String, Vec<u8>, Vec<u8>, Number)| {
                let of = |bytes: &Vec<u8>| Value::Binary(bytes.clone().into());
                [Value::Text(text.clone()), of(binary), of(more), Value::Number(*number)]
            };
            let (first, second) = (written(&parts(&one)), written(&parts(&other)));
            prop_assert_eq!(first.cmp(&second), one.cmp(&other));
            let mut rest = &first[..];
            for part in parts(&one) {
                let (read, after) = read(part.kind(), rest).unwrap();
                prop_assert_eq!(read, part);
                rest = after;
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn what_begins_with_something_comes_behind_its_beginning(text in binaries(), beginning in binaries()) {
            let whole = written(&[Value::Binary(text.clone().into())]);
            let mut prefix = Vec::new();
            write_beginning(&mut prefix, &beginning);
            // The last byte of the beginning may be a 0 that is written as two.
            prop_assert_eq!(whole.starts_with(&prefix), text.starts_with(&beginning));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for kind in Kind::ALL {
                if let Some((value, rest)) = read(kind, &bytes) {
                    let used = bytes.len() - rest.len();
                    prop_assert_eq!(&written(&[value])[..], &bytes[..used]);
                }
            }
        }
    }
}
