//! Values of attributes, straight from a request's bytes (API Reference, `AttributeValue`).
//!
//! JSON of a wrong type ends the reading. A value that is well formed and still none is kept as a [`Mistake`] beside a
//! `Null`, as DynamoDB tells it only once it has looked at the request's constraints.

use std::{borrow::Cow, collections::BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use sonagi_items::{Item, Kind as Type, Number, Value};
use sonagi_model::limits;

use super::{
    Fault,
    kind::{Kind, Name, Place, Seed, Sort},
    mistake::Mistake,
};

/// A value, or what is wrong with it.
#[derive(Debug)]
pub(super) struct Attribute {
    value: Value,
    mistake: Option<Mistake>,
}

impl Attribute {
    pub(super) fn value(self) -> Result<Value, Fault> {
        self.mistake.map_or(Ok(self.value), |mistake| Err(Fault::validation(mistake)))
    }
}

const EMPTY: Attribute = Attribute { value: Value::Null, mistake: Some(Mistake::Empty) };

/// What has been read of a value's members: the mistake that DynamoDB would meet first counts, and only without any that
/// there are several.
#[derive(Default)]
struct Members {
    count: usize,
    value: Option<Value>,
    mistake: Option<(u8, Mistake)>,
}

impl Members {
    fn add(&mut self, kind: Type, value: Result<Value, Mistake>) {
        self.count += 1;
        match value {
            Ok(value) => self.value = Some(value),
            Err(mistake) => {
                let rank = rank(kind);
                if self.mistake.as_ref().is_none_or(|(other, _)| rank < *other) {
                    self.mistake = Some((rank, mistake));
                }
            }
        }
    }

    fn attribute(self) -> Attribute {
        let mistake = match (self.mistake, self.count) {
            (Some((_, mistake)), _) => Some(mistake),
            (None, 0) => Some(Mistake::Empty),
            (None, 1) => None,
            (None, _) => Some(Mistake::Several),
        };
        Attribute { value: self.value.unwrap_or(Value::Null), mistake }
    }
}

/// The order in which DynamoDB looks at a value's members.
const fn rank(kind: Type) -> u8 {
    match kind {
        Type::S => 0,
        Type::B => 1,
        Type::N => 2,
        Type::Bool => 3,
        Type::Null => 4,
        Type::Bs => 5,
        Type::Ns => 6,
        Type::Ss => 7,
        Type::L => 8,
        Type::M => 9,
    }
}

impl<'de> Kind<'de> for Attribute {
    const SORT: Sort = Sort::Structure;

    fn class() -> String {
        "com.amazonaws.dynamodb.v20120810.AttributeValue".to_owned()
    }

    fn map<A: MapAccess<'de>>(mut map: A, place: Place) -> Result<Self, A::Error> {
        let place = place.member();
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Name)? {
            let Some(kind) = Type::of(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = match kind {
                Type::S => map.next_value_seed(Seed::<String>::at(place))?.map(|text| Ok(Value::Text(text))),
                Type::N => map
                    .next_value_seed(Seed::<Numeral>::at(place))?
                    .map(|numeral| numeral.0.map(Value::Number)),
                Type::B => {
                    map.next_value_seed(Seed::<Blob>::at(place))?.map(|blob| Ok(Value::Binary(blob.0)))
                }
                Type::Bool => map.next_value_seed(Seed::<bool>::at(place))?.map(|flag| Ok(Value::Bool(flag))),
                Type::Null => map
                    .next_value_seed(Seed::<bool>::at(place))?
                    .map(|flag| if flag { Ok(Value::Null) } else { Err(Mistake::NullIsFalse) }),
                Type::Ss => map.next_value_seed(Seed::<Elements<String>>::at(place))?.map(Elements::texts),
                Type::Ns => map.next_value_seed(Seed::<Elements<Numeral>>::at(place))?.map(Elements::numbers),
                Type::Bs => map.next_value_seed(Seed::<Elements<Blob>>::at(place))?.map(Elements::binaries),
                Type::L => map
                    .next_value_seed(Seed::<Values>::at(place))?
                    .map(|values| values.mistake.map_or(Ok(Value::List(values.values)), Err)),
                Type::M => {
                    let inside = Place { depth: place.depth + 1, ..place };
                    map.next_value_seed(Seed::<Attributes>::at(inside))?.map(|attributes| {
                        attributes
                            .mistake
                            .map_or(Ok(Value::Map(attributes.item)), |(_, mistake)| Err(mistake))
                    })
                }
            };
            if let Some(value) = value {
                members.add(kind, value);
            }
        }
        Ok(members.attribute())
    }
}

/// `N`
#[derive(Debug)]
struct Numeral(Result<Number, Mistake>);

impl<'de> Kind<'de> for Numeral {
    const SORT: Sort = Sort::Scalar("String");

    fn class() -> String {
        "java.lang.String".to_owned()
    }

    fn text(text: Cow<'de, str>, _: Place) -> Result<Self, String> {
        Ok(Self(text.parse().map_err(Mistake::Number)))
    }
}

/// `B`
#[derive(Debug)]
struct Blob(Bytes);

impl<'de> Kind<'de> for Blob {
    const SORT: Sort = Sort::Blob;

    fn class() -> String {
        "java.nio.ByteBuffer".to_owned()
    }

    fn text(text: Cow<'de, str>, _: Place) -> Result<Self, String> {
        if !text.len().is_multiple_of(4) {
            let length = text.encode_utf16().count();
            return Err(format!(
                "Base64 encoded length is expected a multiple of 4 bytes but found: {length}"
            ));
        }
        match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Ok(Self(bytes.into())),
            Err(_) => Err("Invalid last non-pad Base64 character dectected".to_owned()),
        }
    }
}

/// Of a set.
#[derive(Debug)]
struct Elements<K> {
    elements: Vec<K>,
    has_null: bool,
}

impl<'de, K: Kind<'de>> Kind<'de> for Elements<K> {
    const SORT: Sort = Sort::List;

    fn class() -> String {
        Vec::<K>::class()
    }

    fn list<A: SeqAccess<'de>>(mut list: A, place: Place) -> Result<Self, A::Error> {
        let (mut elements, mut has_null) = (Vec::new(), false);
        while let Some(element) = list.next_element_seed(Seed::<K>::at(place.element()))? {
            has_null |= element.is_none();
            elements.extend(element);
        }
        Ok(Self { elements, has_null })
    }
}

impl<K> Elements<K> {
    fn check(&self, kind: Type) -> Result<(), Mistake> {
        match (self.has_null, self.elements.is_empty()) {
            (true, _) => Err(Mistake::NullInSet(kind)),
            (false, true) => Err(Mistake::EmptySet(kind)),
            (false, false) => Ok(()),
        }
    }
}

impl Elements<String> {
    fn texts(self) -> Result<Value, Mistake> {
        self.check(Type::Ss)?;
        let distinct: BTreeSet<&String> = self.elements.iter().collect();
        if distinct.len() < self.elements.len() {
            return Err(Mistake::Twice(Type::Ss, format!("[{}]", self.elements.join(", "))));
        }
        Ok(Value::Texts(self.elements.into_iter().collect()))
    }
}

impl Elements<Numeral> {
    fn numbers(self) -> Result<Value, Mistake> {
        self.check(Type::Ns)?;
        let count = self.elements.len();
        let numbers =
            self.elements.into_iter().map(|numeral| numeral.0).collect::<Result<BTreeSet<_>, _>>()?;
        match numbers.len() == count {
            true => Ok(Value::Numbers(numbers)),
            false => Err(Mistake::Twice(Type::Ns, String::new())),
        }
    }
}

impl Elements<Blob> {
    fn binaries(self) -> Result<Value, Mistake> {
        self.check(Type::Bs)?;
        let binaries: BTreeSet<Bytes> = self.elements.iter().map(|blob| blob.0.clone()).collect();
        if binaries.len() < self.elements.len() {
            let shown: Vec<String> = self.elements.iter().map(|blob| STANDARD.encode(&blob.0)).collect();
            return Err(Mistake::Twice(Type::Bs, format!("[{}]", shown.join(", "))));
        }
        Ok(Value::Binaries(binaries))
    }
}

/// `L`, and the parameters of a statement.
#[derive(Debug, Default)]
pub(super) struct Values {
    values: Vec<Value>,
    mistake: Option<Mistake>,
}

impl Values {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn values(self) -> Result<Vec<Value>, Fault> {
        self.mistake.map_or(Ok(self.values), |mistake| Err(Fault::validation(mistake)))
    }

    fn add(&mut self, attribute: Attribute) {
        self.values.push(attribute.value);
        self.mistake = self.mistake.take().or(attribute.mistake);
    }
}

impl<'de> Kind<'de> for Values {
    const SORT: Sort = Sort::List;

    fn class() -> String {
        Vec::<Attribute>::class()
    }

    fn list<A: SeqAccess<'de>>(mut list: A, place: Place) -> Result<Self, A::Error> {
        let inside = Place { is_element: true, depth: place.depth + 1 };
        let mut read = Self::default();
        if inside.depth >= limits::ITEM_DEPTH {
            while list.next_element::<IgnoredAny>()?.is_some() {
                read.mistake = Some(Mistake::TooDeep);
            }
            return Ok(read);
        }
        while let Some(element) = list.next_element_seed(Seed::<Attribute>::at(inside))? {
            read.add(element.unwrap_or(EMPTY));
        }
        Ok(read)
    }
}

/// A map of attributes: an item, a key, `M`, or what expressions are given; and the first mistake in it, with its name.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    item: Item,
    mistake: Option<(String, Mistake)>,
}

impl Attributes {
    pub(super) fn item(self) -> Result<Item, Fault> {
        self.mistake.map_or(Ok(self.item), |(_, mistake)| Err(Fault::validation(mistake)))
    }

    pub(super) fn start_key(self) -> Result<Item, Fault> {
        self.mistake.map_or(Ok(self.item), |(_, mistake)| Err(Fault::validation(mistake.in_start_key())))
    }

    pub(super) fn for_expressions(self) -> Result<Item, Fault> {
        self.mistake
            .map_or(Ok(self.item), |(key, mistake)| Err(Fault::validation(mistake.in_expressions(&key))))
    }

    /// In the order of their bytes.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.item.keys().map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.item.is_empty()
    }
}

impl<'de> Kind<'de> for Attributes {
    const SORT: Sort = Sort::Map;

    fn class() -> String {
        format!("java.util.Map<java.lang.String, {}>", Attribute::class())
    }

    fn map<A: MapAccess<'de>>(mut map: A, place: Place) -> Result<Self, A::Error> {
        let mut read = Self::default();
        while let Some(name) = map.next_key_seed(Name)? {
            let attribute = if place.depth >= limits::ITEM_DEPTH {
                map.next_value::<IgnoredAny>()?;
                Attribute { value: Value::Null, mistake: Some(Mistake::TooDeep) }
            } else {
                map.next_value_seed(Seed::<Attribute>::at(place.element()))?.unwrap_or(EMPTY)
            };
            if let (None, Some(mistake)) = (&read.mistake, attribute.mistake) {
                read.mistake = Some((name.clone().into_owned(), mistake));
            }
            read.item.insert(name.into_owned(), attribute.value);
        }
        Ok(read)
    }
}
