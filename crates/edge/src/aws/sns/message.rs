//! A message of a form, and its attributes (SNS Developer Guide, "Amazon SNS message attributes").

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sonagi_data::queues::{Attribute, AttributeValue, is_text};
use sonagi_events::topics::{Kind, Publication};
use sonagi_model::limits;

use super::{
    error::{Code, Fault},
    form::Form,
};
use crate::aws::sqs::is_number;

/// The message that a form, or a part of one, has; `at` is where that is.
pub(super) fn read(form: &Form, at: &str, trace: Option<&str>) -> Result<Publication, Fault> {
    let message = form.text("Message").ok_or_else(|| Fault::null(&format!("{at}message")))?;
    let text = |name: &str| form.text(name).map(str::to_owned);
    let message = Publication {
        message: message.to_owned(),
        subject: text("Subject"),
        attributes: attributes(form, at)?,
        group: text("MessageGroupId"),
        deduplication: text("MessageDeduplicationId"),
        trace: trace.map(str::to_owned),
        ..Publication::default()
    };
    match form.text("MessageStructure") {
        None | Some("") => Ok(message),
        Some("json") if message.message.is_empty() => Ok(message),
        Some("json") => Ok(message.structured()?),
        Some(_) => Err(Fault::parameter("MessageStructure")),
    }
}

/// Message attributes, in the order of their names.
fn attributes(form: &Form, at: &str) -> Result<Vec<(String, Attribute)>, Fault> {
    let mut attributes = Vec::new();
    for (name, value) in form.entries("MessageAttributes", "Name", "Value") {
        check_name(name)?;
        attributes.push((name.to_owned(), attribute(name, value, at)?));
    }
    attributes.sort_by(|(one, _), (other, _)| one.cmp(other));
    match attributes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(wrong(format!("Message attribute name '{}' already exists.", pair[0].0))),
        None => Ok(attributes),
    }
}

fn wrong(text: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::INVALID_VALUE, text)
}

fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(wrong("The request must contain non-empty message attribute names."));
    }
    if name.len() > limits::TOPIC_ATTRIBUTE_NAME_SIZE {
        return Err(wrong("Length of message attribute name must be less than 256 bytes."));
    }
    if name.starts_with('.') {
        return Err(wrong("Invalid message attribute name starting with character '.' was found."));
    }
    if name.ends_with('.') {
        return Err(wrong("Invalid message attribute name ending with character '.' was found."));
    }
    let strange = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'));
    if let Some(strange) = strange {
        return Err(wrong(format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include \
             alphanumeric characters, hyphens, underscores, or dots.",
            u32::from(strange)
        )));
    }
    if name.contains("..") {
        return Err(wrong("Message attribute name can not have successive '.' character."));
    }
    Ok(())
}

fn attribute(name: &str, value: &Form, at: &str) -> Result<Attribute, Fault> {
    let data_type = value
        .text("DataType")
        .ok_or_else(|| Fault::null(&format!("{at}messageAttributes.{name}.member.dataType")))?;
    let kind = Kind::of(data_type).filter(|_| data_type.len() <= limits::TOPIC_ATTRIBUTE_NAME_SIZE);
    let kind = kind.ok_or_else(|| {
        wrong(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes \
             is Binary, Number, and String."
        ))
    })?;
    let (text, bytes) = (value.text("StringValue"), value.text("BinaryValue"));
    let (own, other, field) = match kind {
        Kind::Binary => (bytes, text, "Binary"),
        Kind::Text | Kind::Array | Kind::Number => (text, bytes, "String"),
    };
    if own.is_none() && other.is_some() {
        return Err(wrong(format!(
            "The message attribute '{name}' with type '{data_type}' must use field '{field}'."
        )));
    }
    let own = own.filter(|own| !own.is_empty()).ok_or_else(|| {
        wrong(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type \
             '{data_type}'."
        ))
    })?;
    let value = match kind {
        Kind::Binary => {
            let bytes = STANDARD.decode(own.replace(['\n', '\r'], ""));
            let bytes = bytes.map_err(|_| {
                wrong(format!("The message attribute '{name}' must have a value of base64 (RFC 4648 §4)."))
            })?;
            AttributeValue::Binary(bytes.into())
        }
        Kind::Number if !is_number(own) => {
            return Err(wrong(format!("Could not cast message attribute '{name}' value to number.")));
        }
        Kind::Text | Kind::Array if !is_text(own.as_bytes()) => {
            return Err(wrong(format!("Invalid characters found in message attribute '{name}'.")));
        }
        Kind::Text | Kind::Array | Kind::Number => AttributeValue::Text(own.to_owned()),
    };
    Ok(Attribute { kind: data_type.to_owned(), value })
}
