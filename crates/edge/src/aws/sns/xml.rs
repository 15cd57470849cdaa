//! Answers in XML.

use sonagi_model::RequestId;

use super::operation::Operation;
use crate::aws::error::xml as escape;

pub(super) const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// What an operation has to say.
#[derive(Debug)]
pub(super) enum Output {
    /// The members of its result.
    Result(String),
    /// It has no result.
    Nothing,
}

impl Output {
    pub(super) fn write(&self, operation: Operation, request: RequestId) -> String {
        let name = operation.name();
        let result = match self {
            Self::Result(members) if members.is_empty() => format!("<{name}Result/>"),
            Self::Result(members) => format!("<{name}Result>{members}</{name}Result>"),
            Self::Nothing => String::new(),
        };
        format!(
            "<{name}Response xmlns=\"{NAMESPACE}\">{result}<ResponseMetadata><RequestId>{request}</RequestId>\
             </ResponseMetadata></{name}Response>"
        )
    }
}

pub(super) fn text(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>", escape(value))
}

/// A list, each of whose items has these members.
pub(super) fn list(name: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("<member>{item}</member>")).collect();
    if items.is_empty() { format!("<{name}/>") } else { format!("<{name}>{items}</{name}>") }
}

pub(super) fn map<'a>(name: &str, entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let entries: String = entries
        .map(|(key, value)| format!("<entry>{}{}</entry>", text("key", key), text("value", value)))
        .collect();
    format!("<{name}>{entries}</{name}>")
}
