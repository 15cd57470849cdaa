//! Status, headers and cookies, as a function names them in an answer or in a stream's prelude.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use serde_json::value::RawValue;
use sonagi_model::{api::PayloadFormat, limits::ANSWER_HEADERS};

use super::Malformed;
use crate::{gateway::Front, serve::ResponseBody};

/// JSON texts, none of them checked yet.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Raw<'a> {
    #[serde(borrow)]
    pub(super) status_code: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) headers: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) multi_value_headers: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) cookies: Option<&'a RawValue>,
}

pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// A header's value: API Gateway takes numbers and booleans for their texts.
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Boolean(bool),
}

/// By hand, since serde's untagged enums copy what they look at.
impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a number or a boolean")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
                Ok(Scalar::Text(text))
            }

            fn visit_bool<E>(self, boolean: bool) -> Result<Scalar, E> {
                Ok(Scalar::Boolean(boolean))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Scalar, E> {
                let number = serde_json::Number::from_f64(number);
                number.map(Scalar::Number).ok_or_else(|| E::custom("not a number"))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
        }
    }
}

impl Head {
    pub(super) fn read(raw: &Raw<'_>, format: PayloadFormat) -> Result<Self, Malformed> {
        let status = raw.status_code.map_or(Ok(StatusCode::OK), |raw| status(raw.get()))?;
        let mut headers = HeaderMap::new();
        let many: IndexMap<String, Vec<Scalar>> = match (raw.multi_value_headers, format) {
            (Some(raw), PayloadFormat::V1) => map(raw)?,
            // Payload 2.0 has no such field.
            (None, PayloadFormat::V1) | (_, PayloadFormat::V2) => IndexMap::new(),
        };
        let one: IndexMap<String, Option<Scalar>> = raw.headers.map_or(Ok(IndexMap::new()), map)?;
        for (name, values) in many {
            for value in values {
                append(&mut headers, &name, value)?;
            }
        }
        // Both spellings are merged; a pair that stands in both counts once.
        for (name, value) in one {
            if let Some(value) = value {
                let value = value.into_text();
                let repeated = headers.get_all(&name).iter().any(|old| old.as_bytes() == value.as_bytes());
                if !repeated {
                    append(&mut headers, &name, Scalar::Text(value))?;
                }
            }
        }
        if let (Some(raw), PayloadFormat::V2) = (raw.cookies, format) {
            let cookies: Option<Vec<String>> =
                serde_json::from_str(raw.get()).map_err(|_| Malformed::Header("set-cookie".into()))?;
            for cookie in cookies.into_iter().flatten() {
                append(&mut headers, "set-cookie", Scalar::Text(cookie))?;
            }
        }
        for name in &HOP_BY_HOP {
            headers.remove(name);
        }
        if headers.len() > ANSWER_HEADERS {
            return Err(Malformed::TooManyHeaders { limit: ANSWER_HEADERS });
        }
        Ok(Self { status, headers })
    }

    pub(super) fn with(mut self, front: Front, body: ResponseBody) -> Response<ResponseBody> {
        // A status without a body has none, whatever the function says (RFC 9110 §6.4.1).
        let bodiless = matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if !bodiless && !self.headers.contains_key(header::CONTENT_TYPE) {
            self.headers.insert(header::CONTENT_TYPE, front.default_type());
        }
        let mut response = Response::new(if bodiless { ResponseBody::empty() } else { body });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// About one connection and not about the answer (RFC 9110 §7.6.1), or ours to say.
static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::PROXY_AUTHENTICATE,
];

/// A number from 200 to 599, or the text of one.
fn status(raw: &str) -> Result<StatusCode, Malformed> {
    let wrong = || Malformed::Status(raw.to_owned());
    let scalar: Scalar = serde_json::from_str(raw).map_err(|_| wrong())?;
    let number: u16 = match scalar {
        Scalar::Text(text) => text.trim().parse().map_err(|_| wrong())?,
        Scalar::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().filter(|float| float.fract() == 0.0).map(|float| float as u64))
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(wrong)?,
        Scalar::Boolean(_) => return Err(wrong()),
    };
    // 1xx is never final, and 101 would hand the connection over.
    if !(200..=599).contains(&number) {
        return Err(wrong());
    }
    StatusCode::from_u16(number).map_err(|_| wrong())
}

fn map<T: serde::de::DeserializeOwned>(raw: &RawValue) -> Result<IndexMap<String, T>, Malformed> {
    let map: Option<_> = serde_json::from_str(raw.get()).map_err(|_| Malformed::Header(short(raw.get())))?;
    Ok(map.unwrap_or_default())
}

fn append(headers: &mut HeaderMap, name: &str, value: Scalar) -> Result<(), Malformed> {
    let wrong = || Malformed::Header(short(name));
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::try_from(value.into_text()).map_err(|_| wrong())?;
    headers.try_append(key, value).map_err(|_| wrong())?;
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
