use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use sonagi_expressions::transform::Document;
use sonagi_model::Timestamp;

use super::{ReplayName, store::damaged};
use crate::{Config, Undeliverable};

/// An event as rules see it (EventBridge User Guide, "Structure of events").
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: String,
    /// Its own, which its sender may have said.
    pub(super) time: Timestamp,
    pub(super) text: Bytes,
    pub(super) value: Value,
    /// When it came.
    pub(super) received: Timestamp,
    pub(super) trace: Option<String>,
    /// A replay sent it.
    pub(super) is_replayed: bool,
    /// The text read once more, if a target wants parts of it.
    document: OnceLock<Option<Document>>,
}

/// What an event is made of.
pub(super) struct Parts<'a> {
    pub(super) id: String,
    pub(super) source: &'a str,
    pub(super) kind: &'a str,
    pub(super) detail: &'a str,
    pub(super) resources: &'a [String],
    pub(super) time: Timestamp,
    pub(super) received: Timestamp,
    pub(super) trace: Option<String>,
}

/// Its detail is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MalformedDetail;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "detail-type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    region: Cow<'a, str>,
    #[serde(borrow, default, rename = "replay-name", skip_serializing_if = "Option::is_none")]
    replay: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resources: Vec<Cow<'a, str>>,
    /// As it was given, without blanks: no number of it is rounded.
    #[serde(borrow)]
    detail: &'a RawValue,
}

impl Event {
    pub(super) fn new(parts: Parts<'_>, config: &Config) -> Result<Self, MalformedDetail> {
        let Parts { id, source, kind, detail, resources, time, received, trace } = parts;
        let detail: &RawValue = serde_json::from_str(detail).map_err(|_| MalformedDetail)?;
        if !detail.get().starts_with('{') {
            return Err(MalformedDetail);
        }
        let detail = without_blanks(detail).map_err(|_| MalformedDetail)?;
        let envelope = Envelope {
            version: "0".into(),
            id: id.as_str().into(),
            kind: kind.into(),
            source: source.into(),
            account: config.account.as_str().into(),
            time: without_fraction(time).into(),
            region: config.region.as_str().into(),
            replay: None,
            resources: resources.iter().map(|resource| resource.as_str().into()).collect(),
            detail: &detail,
        };
        let text = serde_json::to_vec(&envelope).map_err(|_| MalformedDetail)?;
        // A number that no double holds, and objects in each other beyond all measure, are refused here.
        let value = serde_json::from_slice(&text).map_err(|_| MalformedDetail)?;
        Ok(Self {
            id,
            time,
            text: text.into(),
            value,
            received,
            trace,
            is_replayed: false,
            document: OnceLock::new(),
        })
    }

    /// One that was archived, as a replay sends it.
    pub(super) fn replayed(
        record: &[u8],
        time: Timestamp,
        replay: &ReplayName,
        received: Timestamp,
    ) -> Result<Self, sonagi_backend::Error> {
        let wrong = || damaged("an archived event");
        let mut envelope: Envelope<'_> = serde_json::from_slice(record).map_err(|_| wrong())?;
        envelope.replay = Some(replay.as_str().into());
        let text = serde_json::to_vec(&envelope).map_err(|_| wrong())?;
        let value = serde_json::from_slice(&text).map_err(|_| wrong())?;
        let id = envelope.id.into_owned();
        Ok(Self {
            id,
            time,
            text: text.into(),
            value,
            received,
            trace: None,
            is_replayed: true,
            document: OnceLock::new(),
        })
    }

    /// To take parts of it.
    pub(super) fn document(&self) -> Result<&Document, Undeliverable> {
        let read = || std::str::from_utf8(&self.text).ok().and_then(Document::parse);
        // It was JSON when it came.
        self.document.get_or_init(read).as_ref().ok_or_else(|| Undeliverable::invalid("the event is damaged"))
    }

    pub(super) fn source(&self) -> &str {
        self.value["source"].as_str().unwrap_or_default()
    }
}

/// JSON without what stands between its tokens, as EventBridge passes it on.
fn without_blanks(json: &RawValue) -> serde_json::Result<Box<RawValue>> {
    let (mut text, mut is_inside, mut is_escaped) = (String::with_capacity(json.get().len()), false, false);
    for letter in json.get().chars() {
        if is_inside || !matches!(letter, ' ' | '\t' | '\n' | '\r') {
            text.push(letter);
        }
        is_inside ^= letter == '"' && !is_escaped;
        is_escaped = is_inside && letter == '\\' && !is_escaped;
    }
    RawValue::from_string(text)
}

/// RFC 3339 in UTC with seconds: `2026-01-31T08:15:30Z`.
fn without_fraction(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}Z", text.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use sonagi_model::{AccountId, Region};

    use super::*;

    fn event(detail: &str) -> Result<Event, MalformedDetail> {
        let parts = Parts {
            id: "1".into(),
            source: "shop",
            kind: "Order",
            detail,
            resources: &["arn:x".into()],
            time: Timestamp::from_millis(1_769_847_330_123),
            received: Timestamp(0),
            trace: None,
        };
        Event::new(
            parts,
            &Config {
                account: AccountId::default(),
                region: Region::default(),
                endpoint: "http://127.0.0.1:4566".into(),
            },
        )
    }

    #[test]
    fn an_event_has_its_members_in_their_order_and_its_detail_as_it_was_given_but_for_blanks() {
        let made = event("{\"n\": 1.10,\n\t\"big\" : 12345678901234567890, \"t\":\"a \\\" \\\\\" }").unwrap();
        let text = "{\"version\":\"0\",\"id\":\"1\",\"detail-type\":\"Order\",\"source\":\"shop\",\
                    \"account\":\"000000000000\",\"time\":\"2026-01-31T08:15:30Z\",\"region\":\"us-east-1\",\
                    \"resources\":[\"arn:x\"],\"detail\":{\"n\":1.10,\"big\":12345678901234567890,\"t\":\"a \\\" \\\\\"}}";
        assert_eq!(made.text, text);
        let again =
            Event::replayed(&made.text, made.time, &ReplayName::new("r").unwrap(), Timestamp(9)).unwrap();
        let with_name = text.replace("\"resources\"", "\"replay-name\":\"r\",\"resources\"");
        assert_eq!((again.text, again.is_replayed), (with_name.into(), true));
    }

    #[test]
    fn a_detail_is_an_object() {
        for detail in
            ["", "[]", "\"{}\"", "1", "null", "{", "{} {}", "{\"n\": 1e999}", &"{\"a\":".repeat(2_000)]
        {
            assert_eq!(event(detail).unwrap_err(), MalformedDetail, "{detail}");
        }
        assert!(event(" {} ").is_ok());
    }
}
