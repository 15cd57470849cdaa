//! `template|path|path|event`: input transformers; the paths are those of `<a>` and `<b>`.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use sonagi_expressions::transform::{Document, InputPath, Occasion, TransformError, Transformer};
use sonagi_model::{Timestamp, limits};

const OCCASION: Occasion<'_> = Occasion {
    rule_arn: "arn:aws:events:us-east-1:000000000000:rule/a",
    rule_name: "a",
    ingestion_time: Timestamp(1),
};

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(4, '|');
    let mut part = || parts.next().unwrap_or_default();
    let (template, a, b, event) = (part(), part(), part(), part());
    let read = Document::parse(event);
    // What serde_json reads is read here too.
    assert!(read.is_some() || serde_json::from_str::<serde_json::Value>(event).is_err(), "{event}");
    let Some(event) = read.or_else(|| Document::parse("null")) else { return };
    for path in [a, b] {
        match InputPath::parse(path) {
            Ok(path) => drop(path.select(&event)),
            // It says where.
            Err(error) => assert!(error.for_target("t").len() > error.to_string().len()),
        }
    }
    let paths = BTreeMap::from([("a".to_owned(), a.to_owned()), ("b".to_owned(), b.to_owned())]);
    match Transformer::parse(&paths, template) {
        Ok(transformer) => {
            let Ok(made) = transformer.render(&event, OCCASION) else { return };
            assert!(made.len() <= limits::TRANSFORMED_SIZE);
            let values = serde_json::Deserializer::from_str(&made).into_iter::<IgnoredAny>();
            let read = values.collect::<Result<Vec<_>, _>>();
            assert!(read.is_ok_and(|values| !values.is_empty()), "{made} is no JSON");
        }
        Err(
            TransformError::Template { line, column, .. }
            | TransformError::Key { line, column }
            | TransformError::Placeholder { line, column, .. },
        ) => {
            let lines: Vec<&str> = template.split('\n').collect();
            let place = lines.get(line - 1).map(|line| line.chars().count() + 1);
            assert!(place.is_some_and(|end| (1..=end).contains(&column)), "{line}:{column} is outside");
        }
        Err(_) => {}
    }
});
