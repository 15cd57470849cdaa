//! JSON of the shapes that DynamoDB's service model has, read without a tree in between.
//!
//! A value that has another type than its shape wants is told as DynamoDB tells it, at once: such a request is not looked at
//! further. `null` is as if it were not there, a name that is not known is passed over, and of a name that is there twice
//! the last one counts.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::Fault;

/// What stands in the JSON where something else is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    True,
    False,
    Whole,
    Decimal,
    Text,
    List,
    Map,
}

/// Where a value stands: DynamoDB's words differ for a member of a structure and an element of a list or map, and values of
/// attributes lie in each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) is_element: bool,
    /// Lists and maps of attributes around it.
    pub(super) depth: usize,
}

impl Place {
    pub(super) const ROOT: Self = Self { is_element: false, depth: 0 };

    pub(super) const fn member(self) -> Self {
        Self { is_element: false, ..self }
    }

    pub(super) const fn element(self) -> Self {
        Self { is_element: true, ..self }
    }
}

/// What a shape is, as far as DynamoDB's words depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// With Java's name of it.
    Scalar(&'static str),
    Blob,
    List,
    Map,
    Structure,
}

const PARAMETERIZED: &str = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class \
     java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in module \
     java.base of loader 'bootstrap')";

fn refuse(sort: Sort, class: &str, found: Found, place: Place) -> String {
    match (sort, found) {
        (Sort::Scalar(_) | Sort::Blob | Sort::Structure, Found::List) => {
            format!("Unrecognized collection type class {class}")
        }
        (Sort::Map, Found::List) => format!("Unrecognized collection type {class}"),
        (Sort::Scalar(_) | Sort::Blob | Sort::List, Found::Map) => {
            "Start of structure or map found where not expected".to_owned()
        }
        (Sort::Scalar(name), Found::True) => format!("TRUE_VALUE cannot be converted to {name}"),
        (Sort::Scalar(name), Found::False) => format!("FALSE_VALUE cannot be converted to {name}"),
        (Sort::Scalar(name), Found::Whole) => format!("NUMBER_VALUE cannot be converted to {name}"),
        (Sort::Scalar(name), Found::Decimal) => format!("DECIMAL_VALUE cannot be converted to {name}"),
        (Sort::Scalar(name), Found::Text) => format!("STRING_VALUE cannot be converted to {name}"),
        (Sort::Blob, _) => "only base-64-encoded strings are convertible to bytes".to_owned(),
        (Sort::List | Sort::Map, _) if place.is_element => PARAMETERIZED.to_owned(),
        (Sort::Structure, _) if place.is_element => "Unexpected value type in payload".to_owned(),
        (Sort::List | Sort::Map | Sort::Structure, _) => "Unexpected field type".to_owned(),
    }
}

/// A shape. What it does not take is refused.
pub(super) trait Kind<'de>: Sized {
    const SORT: Sort;

    /// Java's name of it.
    fn class() -> String;

    fn refuse(found: Found, place: Place) -> String {
        refuse(Self::SORT, &Self::class(), found, place)
    }

    fn text(_: Cow<'de, str>, place: Place) -> Result<Self, String> {
        Err(Self::refuse(Found::Text, place))
    }

    fn flag(flag: bool, place: Place) -> Result<Self, String> {
        Err(Self::refuse(if flag { Found::True } else { Found::False }, place))
    }

    fn whole(_: i64, place: Place) -> Result<Self, String> {
        Err(Self::refuse(Found::Whole, place))
    }

    fn decimal(_: f64, place: Place) -> Result<Self, String> {
        Err(Self::refuse(Found::Decimal, place))
    }

    fn list<A: SeqAccess<'de>>(_: A, place: Place) -> Result<Self, A::Error> {
        Err(A::Error::custom(Self::refuse(Found::List, place)))
    }

    fn map<A: MapAccess<'de>>(_: A, place: Place) -> Result<Self, A::Error> {
        Err(A::Error::custom(Self::refuse(Found::Map, place)))
    }
}

/// Reads a shape, or `null`.
pub(super) struct Seed<K> {
    place: Place,
    kind: PhantomData<K>,
}

impl<K> Seed<K> {
    pub(super) const fn at(place: Place) -> Self {
        Self { place, kind: PhantomData }
    }
}

impl<'de, K: Kind<'de>> DeserializeSeed<'de> for Seed<K> {
    type Value = Option<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Kind<'de>> Visitor<'de> for Seed<K> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Self::Value, E> {
        K::flag(flag, self.place).map(Some).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        K::whole(number, self.place).map(Some).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        K::decimal(number, self.place).map(Some).map_err(E::custom)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        K::text(Cow::Borrowed(text), self.place).map(Some).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        K::text(Cow::Owned(text.to_owned()), self.place).map(Some).map_err(E::custom)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Self::Value, E> {
        K::text(Cow::Owned(text), self.place).map(Some).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        K::list(list, self.place).map(Some)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        K::map(map, self.place).map(Some)
    }
}

/// The name of a member.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// What a body has. Nothing that serde_json says reaches the client: where it is at fault itself DynamoDB is silent too.
pub(super) fn read<'de, K: Kind<'de>>(body: &'de [u8]) -> Result<K, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Seed::<K>::at(Place::ROOT)
        .deserialize(&mut deserializer)
        .and_then(|read| deserializer.end().map(|()| read));
    match read {
        Ok(Some(read)) => Ok(read),
        Ok(None) => Err(Fault::serialization("")),
        Err(error) if error.is_data() => {
            let mut message = error.to_string();
            let position = format!(" at line {} column {}", error.line(), error.column());
            if message.ends_with(&position) {
                message.truncate(message.len() - position.len());
            }
            Err(Fault::serialization(message))
        }
        Err(_) => Err(Fault::serialization("")),
    }
}

/// A list; `null`s in it are left out.
impl<'de, K: Kind<'de>> Kind<'de> for Vec<K> {
    const SORT: Sort = Sort::List;

    fn class() -> String {
        format!("java.util.List<{}>", K::class())
    }

    fn list<A: SeqAccess<'de>>(mut list: A, place: Place) -> Result<Self, A::Error> {
        let mut read = Self::new();
        while let Some(element) = list.next_element_seed(Seed::<K>::at(place.element()))? {
            read.extend(element);
        }
        Ok(read)
    }
}

/// A map in the order of the body; entries that are `null` are left out.
#[derive(Debug)]
pub(super) struct Entries<K>(pub(super) Vec<(String, K)>);

impl<K> Default for Entries<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: Kind<'de>> Kind<'de> for Entries<K> {
    const SORT: Sort = Sort::Map;

    fn class() -> String {
        format!("java.util.Map<java.lang.String, {}>", K::class())
    }

    fn map<A: MapAccess<'de>>(mut map: A, place: Place) -> Result<Self, A::Error> {
        let mut read: Vec<(String, K)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        while let Some(name) = map.next_key_seed(Name)? {
            let Some(value) = map.next_value_seed(Seed::<K>::at(place.element()))? else { continue };
            match places.get(&name) {
                Some(index) => {
                    let index: &usize = index;
                    read[*index].1 = value;
                }
                None => {
                    read.push((name.clone().into_owned(), value));
                    places.insert(name, read.len() - 1);
                }
            }
        }
        Ok(Self(read))
    }
}

/// A structure of the model: its members as fields, each of which may be missing.
macro_rules! structure {
    ($(#[$meta:meta])* $name:ident, $class:literal { $($field:ident: $kind:ty = $wire:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub(super) struct $name {
            $(pub(super) $field: Option<$kind>,)*
        }

        impl<'de> super::kind::Kind<'de> for $name {
            const SORT: super::kind::Sort = super::kind::Sort::Structure;

            fn class() -> String {
                concat!("com.amazonaws.dynamodb.v20120810.", $class).to_owned()
            }

            fn map<A: serde::de::MapAccess<'de>>(
                mut map: A,
                place: super::kind::Place,
            ) -> Result<Self, A::Error> {
                let mut read = Self::default();
                while let Some(name) = map.next_key_seed(super::kind::Name)? {
                    match &*name {
                        $($wire => {
                            let seed = super::kind::Seed::<$kind>::at(place.member());
                            read.$field = map.next_value_seed(seed)?;
                        })*
                        _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                    }
                }
                Ok(read)
            }
        }
    };
}
pub(super) use structure;
