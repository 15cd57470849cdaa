//! What a function says of a batch (Lambda Developer Guide, "Implementing partial batch responses").

use std::collections::HashSet;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(default, borrow)]
    batch_item_failures: Option<Vec<Item<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(borrow)]
    item_identifier: Option<std::borrow::Cow<'a, str>>,
}

/// The records that failed, by their ids; none: all of them did, since the answer makes no sense.
pub(super) fn failed<'a>(answer: &[u8], ids: impl Iterator<Item = &'a str>) -> Option<HashSet<String>> {
    if answer.is_empty() {
        return Some(HashSet::new());
    }
    let read: Option<Answer<'_>> = serde_json::from_slice(answer).ok()?;
    let failures = read.and_then(|answer| answer.batch_item_failures).unwrap_or_default();
    let known: HashSet<&str> = ids.collect();
    let name = |item: Item<'_>| {
        let id = item.item_identifier?;
        known.contains(&*id).then(|| id.into_owned())
    };
    failures.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named_or_all_did() {
        let failed = |answer: &str| {
            let mut ids: Vec<_> = failed(answer.as_bytes(), ["a", "b"].into_iter())?.into_iter().collect();
            ids.sort();
            Some(ids)
        };
        let none: Vec<String> = Vec::new();
        for answer in ["", "null", "{}", r#"{"batchItemFailures": []}"#, r#"{"batchItemFailures": null}"#] {
            assert_eq!(failed(answer), Some(none.clone()), "{answer}");
        }
        let answer = r#"{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}], "x": 1}"#;
        assert_eq!(failed(answer), Some(vec!["a".into(), "b".into()]));
        for answer in [
            "not json",
            r#""text""#,
            r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
            r#"{"batchItemFailures": [{"id": "a"}]}"#,
            r#"{"batchItemFailures": [{"itemIdentifier": "c"}]}"#,
            r#"{"batchItemFailures": "a"}"#,
        ] {
            assert_eq!(failed(answer), None, "{answer}");
        }
    }
}
