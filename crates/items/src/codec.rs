//! Items as bytes, compact and quick to walk through.
//!
//! An item is the number of its attributes, and each one's name and value. A value is a byte that says its type, and what it
//! has: lengths and counts are numbers of seven bits a byte (LEB128). Lists, maps and sets say how many bytes they have
//! before they say how many values, so that they can be passed over.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use sonagi_model::limits;

use crate::{Item, Kind, Number, Value};

/// Bytes that are no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes that should be an item are not")]
pub struct Damaged;

/// The bytes of an item.
pub fn encode(item: &Item) -> Bytes {
    let mut into = BytesMut::with_capacity(crate::size(item) + 4 * item.len() + 4);
    write_item(&mut into, item);
    into.freeze()
}

/// The item of these bytes; its binaries share their memory.
pub fn decode(bytes: &Bytes) -> Result<Item, Damaged> {
    let mut reader = Reader { bytes, at: 0 };
    let item = reader.item(0)?;
    if reader.at == bytes.len() { Ok(item) } else { Err(Damaged) }
}

const fn tag(kind: Kind) -> u8 {
    kind as u8
}

fn write_count(into: &mut BytesMut, mut count: usize) {
    while count >= 0x80 {
        into.extend_from_slice(&[count as u8 | 0x80]);
        count >>= 7;
    }
    into.extend_from_slice(&[count as u8]);
}

fn write_bytes(into: &mut BytesMut, bytes: &[u8]) {
    write_count(into, bytes.len());
    into.extend_from_slice(bytes);
}

/// Its digits and exponent: no order is wanted here.
fn write_number(into: &mut BytesMut, number: Number) {
    let mut bytes = Vec::with_capacity(24);
    crate::key::write(&mut bytes, &Value::Number(number));
    into.extend_from_slice(&bytes);
}

fn write_item(into: &mut BytesMut, item: &Item) {
    write_count(into, item.len());
    for (name, value) in item {
        write_bytes(into, name.as_bytes());
        write_value(into, value);
    }
}

/// What `write` writes, after its length.
fn write_sized(into: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let mut inside = BytesMut::new();
    write(&mut inside);
    write_bytes(into, &inside);
}

fn write_value(into: &mut BytesMut, value: &Value) {
    into.extend_from_slice(&[tag(value.kind())]);
    match value {
        Value::Text(text) => write_bytes(into, text.as_bytes()),
        Value::Number(number) => write_number(into, *number),
        Value::Binary(bytes) => write_bytes(into, bytes),
        Value::Bool(value) => into.extend_from_slice(&[u8::from(*value)]),
        Value::Null => {}
        Value::List(values) => write_sized(into, |into| {
            write_count(into, values.len());
            values.iter().for_each(|value| write_value(into, value));
        }),
        Value::Map(item) => write_sized(into, |into| write_item(into, item)),
        Value::Texts(texts) => write_sized(into, |into| {
            write_count(into, texts.len());
            texts.iter().for_each(|text| write_bytes(into, text.as_bytes()));
        }),
        Value::Numbers(numbers) => write_sized(into, |into| {
            write_count(into, numbers.len());
            numbers.iter().for_each(|number| write_number(into, *number));
        }),
        Value::Binaries(binaries) => write_sized(into, |into| {
            write_count(into, binaries.len());
            binaries.iter().for_each(|binary| write_bytes(into, binary));
        }),
    }
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Damaged> {
        let byte = *self.bytes.get(self.at).ok_or(Damaged)?;
        self.at += 1;
        Ok(byte)
    }

    fn count(&mut self) -> Result<usize, Damaged> {
        let mut count = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            count |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(count);
            }
        }
        Err(Damaged)
    }

    fn slice(&mut self) -> Result<Bytes, Damaged> {
        let size = self.count()?;
        let end = self.at.checked_add(size).filter(|end| *end <= self.bytes.len()).ok_or(Damaged)?;
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(slice)
    }

    fn text(&mut self) -> Result<String, Damaged> {
        let slice = self.slice()?;
        std::str::from_utf8(&slice).map(str::to_owned).map_err(|_| Damaged)
    }

    fn number(&mut self) -> Result<Number, Damaged> {
        match crate::key::read(Kind::N, &self.bytes[self.at..]) {
            Some((Value::Number(number), rest)) => {
                self.at = self.bytes.len() - rest.len();
                Ok(number)
            }
            _ => Err(Damaged),
        }
    }

    /// Deeper than any item is, it is none.
    fn item(&mut self, depth: usize) -> Result<Item, Damaged> {
        let count = self.count()?;
        (0..count).map(|_| Ok((self.text()?, self.value(depth)?))).collect()
    }

    fn set<T: Ord>(
        &mut self,
        each: impl Fn(&mut Self) -> Result<T, Damaged>,
    ) -> Result<BTreeSet<T>, Damaged> {
        self.count()?;
        let count = self.count()?;
        (0..count).map(|_| each(self)).collect()
    }

    fn value(&mut self, depth: usize) -> Result<Value, Damaged> {
        if depth > limits::ITEM_DEPTH {
            return Err(Damaged);
        }
        let byte = self.byte()?;
        let kind = Kind::ALL.into_iter().find(|kind| tag(*kind) == byte).ok_or(Damaged)?;
        Ok(match kind {
            Kind::S => Value::Text(self.text()?),
            Kind::N => Value::Number(self.number()?),
            Kind::B => Value::Binary(self.slice()?),
            Kind::Bool => match self.byte()? {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(Damaged),
            },
            Kind::Null => Value::Null,
            Kind::L => {
                self.count()?;
                let count = self.count()?;
                Value::List((0..count).map(|_| self.value(depth + 1)).collect::<Result<_, _>>()?)
            }
            Kind::M => {
                self.count()?;
                Value::Map(self.item(depth + 1)?)
            }
            Kind::Ss => Value::Texts(self.set(Self::text)?),
            Kind::Ns => Value::Numbers(self.set(Self::number)?),
            Kind::Bs => Value::Binaries(self.set(Self::slice)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::number::tests::numbers;

    fn values() -> impl Strategy<Value = Value> {
        let binary = || prop::collection::vec(any::<u8>(), 0..5).prop_map(Bytes::from);
        let leaf = prop_oneof![
            "\\PC{0,5}".prop_map(Value::Text),
            numbers().prop_map(Value::Number),
            binary().prop_map(Value::Binary),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            prop::collection::btree_set("\\PC{0,3}", 1..4).prop_map(Value::Texts),
            prop::collection::btree_set(numbers(), 1..4).prop_map(Value::Numbers),
            prop::collection::btree_set(binary(), 1..4).prop_map(Value::Binaries),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("\\PC{0,3}", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_item_comes_back(item in prop::collection::btree_map("\\PC{0,4}", values(), 0..5)) {
            let bytes = encode(&item);
            prop_assert_eq!(decode(&bytes), Ok(item));
            for size in 0..bytes.len() {
                prop_assert_eq!(decode(&bytes.slice(..size)), Err(Damaged));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            drop(decode(&bytes.into()));
        }
    }

    #[test]
    fn what_is_nested_without_end_is_no_item() {
        let mut bytes = vec![1, 0];
        for _ in 0..1_000_000 {
            bytes.extend_from_slice(&[tag(Kind::L), 127, 1]);
        }
        assert_eq!(decode(&bytes.into()), Err(Damaged));
    }
}
