//! Status, headers and cookies, as a function names them in an answer or in a stream's prelude.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use sonagi_model::api::PayloadFormat;

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
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Boolean(bool),
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
        for name in HOP_BY_HOP {
            headers.remove(name);
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
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "proxy-authenticate",
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
