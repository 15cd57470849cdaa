use sonagi_model::{Timestamp, limits};

use super::{
    Document, TransformError, Transformer,
    document::{write, write_escaped, write_inside, write_quoted},
    template::{Part, Place, Source},
};
use crate::json::{Kind, Member, Node};

/// What the predefined variables tell of the rule and of the event's arrival.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    pub rule_arn: &'a str,
    pub rule_name: &'a str,
    pub ingestion_time: Timestamp,
}

impl Transformer {
    /// The text for the target: at most [`TRANSFORMED_SIZE`](limits::TRANSFORMED_SIZE) bytes.
    ///
    /// A variable that stands for a value is written as JSON; one in a string is written into it, objects and arrays
    /// without their quotes. One whose path leads nowhere is an empty string. What is written into a string is escaped
    /// where it must be, so that no event can break the JSON.
    pub fn render(&self, event: &Document, occasion: Occasion<'_>) -> Result<String, TransformError> {
        let mut text = String::new();
        // What each variable becomes as a value, and in a string.
        let mut known: Vec<[Option<String>; 2]> = vec![[const { None }; 2]; self.sources.len()];
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable { source, place } => {
                    let known = &mut known[*source][usize::from(*place == Place::Text)];
                    let write = || self.sources[*source].written(event, occasion, *place);
                    text.push_str(known.get_or_insert_with(write));
                }
            }
            if text.len() > limits::TRANSFORMED_SIZE {
                return Err(TransformError::TooLarge);
            }
        }
        Ok(text)
    }
}

impl Source {
    fn written(&self, event: &Document, occasion: Occasion<'_>, place: Place) -> String {
        let mut into = String::new();
        match (self, place) {
            (Self::Path(path), _) => match (path.place(&event.0), place) {
                (Some(found), Place::Value) => found.write(&mut into),
                (Some(found), Place::Text) => found.write_inside(&mut into),
                (None, Place::Value) => into.push_str("\"\""),
                (None, Place::Text) => {}
            },
            (Self::Event, Place::Value) => write(&mut into, &without_detail(&event.0)),
            (Self::Event, Place::Text) => write_inside(&mut into, &without_detail(&event.0)),
            (Self::EventJson, Place::Value) => write(&mut into, &event.0),
            (Self::EventJson, Place::Text) => write_inside(&mut into, &event.0),
            (Self::RuleArn, _) => write_text(&mut into, occasion.rule_arn, place),
            (Self::RuleName, _) => write_text(&mut into, occasion.rule_name, place),
            (Self::IngestionTime, _) => {
                // Events' times have no fractions of a second.
                let time = occasion.ingestion_time.to_string();
                let time = format!("{}Z", time.split('.').next().unwrap_or_default());
                write_text(&mut into, &time, place);
            }
        }
        into
    }
}

fn write_text(into: &mut String, text: &str, place: Place) {
    match place {
        Place::Value => write_quoted(into, text),
        Place::Text => write_escaped(into, text),
    }
}

/// An event's members as `<aws.events.event>` has them: their names there, in this order, and what else there is behind.
const MEMBERS: [(&str, &str); 8] = [
    ("id", "id"),
    ("account", "account"),
    ("detail-type", "detailType"),
    ("time", "time"),
    ("source", "source"),
    ("region", "region"),
    ("resources", "resources"),
    ("version", "version"),
];

fn without_detail(event: &Node) -> Node {
    let Kind::Object(members) = &event.kind else { return event.clone() };
    let place = |member: &Member| MEMBERS.iter().position(|(name, _)| *name == member.name);
    let mut members: Vec<_> = members.iter().filter(|member| member.name != "detail").cloned().collect();
    members.sort_by_key(|member| place(member).unwrap_or(MEMBERS.len()));
    for member in &mut members {
        if let Some(place) = place(member) {
            MEMBERS[place].1.clone_into(&mut member.name);
        }
    }
    Node { at: event.at, kind: Kind::Object(members) }
}
