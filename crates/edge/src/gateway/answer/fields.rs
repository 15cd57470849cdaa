//! The fields of an answer, each still JSON text: one pass over the bytes finds them all and copies nothing.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::head::Raw;

#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) head: Raw<'a>,
    pub(super) body: Option<&'a RawValue>,
    pub(super) is_base64_encoded: Option<&'a RawValue>,
    /// The first field that is none of an answer's.
    pub(super) unknown: Option<String>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(Text(key)) = map.next_key()? {
                    let place = match &*key {
                        "statusCode" => &mut fields.head.status_code,
                        "headers" => &mut fields.head.headers,
                        "multiValueHeaders" => &mut fields.head.multi_value_headers,
                        "cookies" => &mut fields.head.cookies,
                        "body" => &mut fields.body,
                        "isBase64Encoded" => &mut fields.is_base64_encoded,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            fields.unknown.get_or_insert_with(|| key.into_owned());
                            continue;
                        }
                    };
                    let value: &RawValue = map.next_value()?;
                    // JSON's null is what a handler's language has for "nothing".
                    *place = Some(value).filter(|value| value.get() != "null");
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(All)
    }
}

/// Borrowed unless it holds an escape.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);
