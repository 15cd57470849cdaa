//! TOML text to a tree.

use toml::de::{DeTable, DeValue};

use super::{
    problem::Report,
    tree::{Data, Key, Node, Span},
};

/// The whole document as a map; `None` when it is not TOML, which is then reported.
pub(crate) fn parse(text: &str, report: &Report) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report.problem(&error.span().unwrap_or(0..0), error.message());
    }
    errors.is_empty().then(|| {
        let span = table.span();
        convert_table(table.get_ref(), span)
    })
}

fn convert_table(table: &DeTable<'_>, span: Span) -> Node {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let name = Key { text: key.get_ref().to_string(), span: key.span() };
            (name, convert(value.get_ref(), value.span()))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    Node::new(span, Data::Map(entries))
}

fn convert(value: &DeValue<'_>, span: Span) -> Node {
    let data = match value {
        DeValue::String(text) => Data::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Data::Number(number.to_string()),
            Err(_) => Data::Number(number.as_str().into()),
        },
        DeValue::Float(number) => Data::Number(number.as_str().into()),
        DeValue::Boolean(flag) => Data::Bool(*flag),
        DeValue::Datetime(moment) => Data::Text(moment.to_string()),
        DeValue::Array(items) => {
            Data::List(items.iter().map(|item| convert(item.get_ref(), item.span())).collect())
        }
        DeValue::Table(table) => return convert_table(table, span),
    };
    Node::new(span, data)
}
