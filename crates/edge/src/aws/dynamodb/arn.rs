//! How tables, their indexes and streams are named: `arn:aws:dynamodb:<region>:<account>:table/<name>` (Service
//! Authorization Reference, "Resource types defined by Amazon DynamoDB").

use sonagi_data::documents::{Stream, TableName};

use super::error::Fault;
use crate::platform::Parts;

pub(super) fn place(parts: &Parts) -> String {
    format!("arn:aws:dynamodb:{}:{}:", parts.config.region, parts.config.account)
}

pub(super) fn table(parts: &Parts, name: &str) -> String {
    format!("{}table/{name}", place(parts))
}

pub(super) fn index(parts: &Parts, table: &str, index: &str) -> String {
    format!("{}table/{table}/index/{index}", place(parts))
}

pub(super) fn stream(parts: &Parts, table: &TableName, label: &str) -> String {
    format!("{}table/{table}/stream/{label}", place(parts))
}

pub(super) fn stream_of(parts: &Parts, of: &Stream) -> String {
    stream(parts, &of.table, &of.label)
}

/// A table by its name, or by its ARN here.
pub(super) fn table_name(parts: &Parts, text: &str) -> Result<TableName, Fault> {
    let name = match text.strip_prefix(&place(parts)) {
        Some(rest) => rest.strip_prefix("table/").unwrap_or(rest),
        None => text,
    };
    TableName::new(name).map_err(|_| Fault::new("ResourceNotFoundException", "Requested resource not found"))
}

/// The table and the label of a stream's ARN.
pub(super) fn of_stream(parts: &Parts, arn: &str) -> Option<(TableName, String)> {
    let rest = arn.strip_prefix(&place(parts))?.strip_prefix("table/")?;
    let (table, label) = rest.split_once("/stream/")?;
    Some((TableName::new(table).ok()?, label.to_owned()))
}
