//! Values as JSON, with the place in the manifest of everything in the text.

use serde_json::{Number, Value};

use super::super::tree::{Data, Node, Span};

/// A document: one that a manifest has as its own values, or as a text that is JSON.
pub(in super::super) struct Json {
    pub(in super::super) text: String,
    /// Where each value and key begins in the text, in order; none of what is a text in the manifest already.
    places: Vec<(usize, Span)>,
}

impl Json {
    /// None: something in it is broken, and reported.
    pub(in super::super) fn of(node: &Node) -> Option<Self> {
        if let Data::Text(text) = &node.data {
            return Some(Self { text: text.clone(), places: Vec::new() });
        }
        let mut json = Self { text: String::new(), places: Vec::new() };
        json.write(node)?;
        Some(json)
    }

    /// The place in the manifest of a byte of the text, if it is not within one text there.
    pub(in super::super) fn span(&self, at: usize) -> Option<&Span> {
        let behind = self.places.partition_point(|(begins, _)| *begins <= at);
        self.places[..behind].last().map(|(_, span)| span)
    }

    fn write(&mut self, node: &Node) -> Option<()> {
        self.places.push((self.text.len(), node.span.clone()));
        match &node.data {
            Data::Null => self.text.push_str("null"),
            Data::Bool(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Data::Number(text) => match number(text) {
                Some(_) => self.text.push_str(text),
                None => self.quote(text),
            },
            Data::Text(text) => self.quote(text),
            Data::List(items) => {
                self.text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.write(item)?;
                }
                self.text.push(']');
            }
            Data::Map(entries) => {
                self.text.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.places.push((self.text.len(), key.span.clone()));
                    self.quote(&key.text);
                    self.text.push(':');
                    self.write(value)?;
                }
                self.text.push('}');
            }
            Data::Broken => return None,
        }
        Some(())
    }

    fn quote(&mut self, text: &str) {
        self.text.push_str(&Value::from(text).to_string());
    }
}

/// A number that JSON has as well.
fn number(text: &str) -> Option<Number> {
    serde_json::from_str(text).ok()
}
