//! Values of attributes as answers have them, written straight to an answer's bytes (API Reference, `AttributeValue`).

use std::fmt;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use sonagi_items::{Item, Value};

/// An item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'a>(pub(crate) &'a Item);

/// A value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireValue<'a>(pub(crate) &'a Value);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, WireValue(value))))
    }
}

impl Serialize for WireValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_key(self.0.kind().as_str())?;
        match self.0 {
            Value::Text(text) => map.serialize_value(text)?,
            Value::Number(number) => map.serialize_value(&Shown(number))?,
            Value::Binary(bytes) => map.serialize_value(&binary(bytes))?,
            Value::Bool(flag) => map.serialize_value(flag)?,
            Value::Null => map.serialize_value(&true)?,
            Value::List(values) => map.serialize_value(&Each(|| values.iter().map(WireValue)))?,
            Value::Map(item) => map.serialize_value(&Wire(item))?,
            Value::Texts(texts) => map.serialize_value(texts)?,
            Value::Numbers(numbers) => map.serialize_value(&Each(|| numbers.iter().map(Shown)))?,
            Value::Binaries(binaries) => map.serialize_value(&Each(|| binaries.iter().map(binary)))?,
        }
        map.end()
    }
}

fn binary(bytes: &Bytes) -> Shown<Base64Display<'_, 'static, base64::engine::GeneralPurpose>> {
    Shown(Base64Display::new(bytes, &STANDARD))
}

/// As text that is not put together before it is written.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A list of what it makes.
struct Each<F>(F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}
