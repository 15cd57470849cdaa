//! Which records a mapping wants (Lambda Developer Guide, "Control which events Lambda sends to your function").

use serde_json::{Map, Value};
use sonagi_expressions::pattern::{Dialect, Pattern, Shape};

/// Filters, of which one must match; none: everything is wanted.
pub(super) struct Filters(Vec<Pattern>);

impl Filters {
    /// What cannot be read wants nothing; it was checked when it was declared.
    pub(super) fn of(texts: &[String]) -> Self {
        let read = |text: &String| match Pattern::parse(text, Dialect::Mapping) {
            Ok(pattern) => pattern,
            Err(error) => {
                tracing::error!(%error, "an event filter cannot be read any more: it matches nothing");
                Pattern::nothing()
            }
        };
        Self(texts.iter().map(read).collect())
    }

    pub(super) fn wants_all(&self) -> bool {
        self.0.is_empty()
    }

    /// `seen` has a record's payload at `key` as text.
    pub(super) fn want(&self, seen: &Value, key: &str) -> bool {
        if self.wants_all() {
            return true;
        }
        let text = seen.get(key).and_then(Value::as_str);
        let parsed: Option<Map<String, Value>> = text.and_then(|text| serde_json::from_str(text).ok());
        let mut as_parsed = None;
        self.0.iter().any(|pattern| match (pattern.shape(key), &parsed) {
            (Shape::Unnamed, _) | (Shape::Values, None) => pattern.matches(seen),
            (Shape::Fields, Some(parsed)) => {
                let seen = as_parsed.get_or_insert_with(|| {
                    let mut seen = seen.clone();
                    if let Some(payload) = seen.get_mut(key) {
                        *payload = Value::Object(parsed.clone());
                    }
                    seen
                });
                pattern.matches(seen)
            }
            // Of one format the payload, of the other the filter: it is not wanted (Lambda Developer Guide, "Using event
            // filtering with an Amazon SQS event source").
            (Shape::Fields, None) | (Shape::Values, Some(_)) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_json_body_matches_as_it_is_parsed_and_a_plain_one_as_text() {
        let filters =
            |texts: &[&str]| Filters::of(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let plain = json!({"body": "hello", "attributes": {"n": "1"}});
        let number = json!({"body": "17"});
        let object =
            json!({"body": r#"{"kind": "click", "n": 3, "at": {"x": 1}}"#, "attributes": {"n": "1"}});
        let cases: [(&[&str], [bool; 3]); 8] = [
            (&[], [true, true, true]),
            (&[r#"{"body": ["hello"]}"#], [true, false, false]),
            (&[r#"{"body": [{"prefix": "1"}]}"#], [false, true, false]),
            (&[r#"{"body": {"kind": ["click"], "n": [{"numeric": [">", 2]}]}}"#], [false, false, true]),
            (&[r#"{"body": {"at": {"x": [{"exists": true}]}}}"#], [false, false, true]),
            (&[r#"{"body": {"kind": ["view"]}}"#, r#"{"body": ["hello"]}"#], [true, false, false]),
            (&[r#"{"attributes": {"n": ["1"]}}"#], [true, false, true]),
            (&[r#"{"body": {"nothing": [{"exists": false}]}}"#], [false, false, true]),
        ];
        for (texts, wanted) in cases {
            let filters = filters(texts);
            let got = [&plain, &number, &object].map(|seen| filters.want(seen, "body"));
            assert_eq!(got, wanted, "{texts:?}");
        }
    }
}
