//! Shapes that have no others in them.

use std::borrow::Cow;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::kind::{Kind, Place, Sort};

impl<'de> Kind<'de> for String {
    const SORT: Sort = Sort::Scalar("String");

    fn class() -> String {
        "java.lang.String".to_owned()
    }

    fn text(text: Cow<'de, str>, _: Place) -> Result<Self, String> {
        Ok(text.into_owned())
    }
}

impl<'de> Kind<'de> for bool {
    const SORT: Sort = Sort::Scalar("Boolean");

    fn class() -> String {
        "java.lang.Boolean".to_owned()
    }

    fn flag(flag: bool, _: Place) -> Result<Self, String> {
        Ok(flag)
    }

    /// Some words are taken for one.
    fn text(text: Cow<'de, str>, _: Place) -> Result<Self, String> {
        let is_one_of = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_one_of(["true", "1", "yes"]) {
            Ok(true)
        } else if is_one_of(["false", "0", "no"]) {
            Ok(false)
        } else {
            Err("Unexpected token received from parser".to_owned())
        }
    }
}

/// `Integer` of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer(pub(super) i64);

impl<'de> Kind<'de> for Integer {
    const SORT: Sort = Sort::Scalar("Integer");

    fn class() -> String {
        "java.lang.Integer".to_owned()
    }

    fn whole(number: i64, _: Place) -> Result<Self, String> {
        Ok(Self(number))
    }

    /// As Java makes one of it.
    fn decimal(number: f64, _: Place) -> Result<Self, String> {
        Ok(Self(number as i64))
    }
}

/// `Long` of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Long(pub(super) i64);

impl<'de> Kind<'de> for Long {
    const SORT: Sort = Sort::Scalar("Long");

    fn class() -> String {
        "java.lang.Long".to_owned()
    }

    fn whole(number: i64, _: Place) -> Result<Self, String> {
        Ok(Self(number))
    }

    fn decimal(number: f64, _: Place) -> Result<Self, String> {
        Ok(Self(number as i64))
    }
}

/// A time: seconds since 1970.
impl<'de> Kind<'de> for f64 {
    const SORT: Sort = Sort::Scalar("Date");

    fn class() -> String {
        "java.util.Date".to_owned()
    }

    fn whole(number: i64, _: Place) -> Result<Self, String> {
        Ok(number as Self)
    }

    fn decimal(number: f64, _: Place) -> Result<Self, String> {
        Ok(number)
    }
}

/// That something is there, whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anything;

impl<'de> Kind<'de> for Anything {
    const SORT: Sort = Sort::Structure;

    fn class() -> String {
        "java.lang.Object".to_owned()
    }

    fn text(_: Cow<'de, str>, _: Place) -> Result<Self, String> {
        Ok(Self)
    }

    fn flag(_: bool, _: Place) -> Result<Self, String> {
        Ok(Self)
    }

    fn whole(_: i64, _: Place) -> Result<Self, String> {
        Ok(Self)
    }

    fn decimal(_: f64, _: Place) -> Result<Self, String> {
        Ok(Self)
    }

    fn list<A: SeqAccess<'de>>(mut list: A, _: Place) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self)
    }

    fn map<A: MapAccess<'de>>(mut map: A, _: Place) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self)
    }
}
