//! Message attributes: checking them, and the digests by which clients check what was stored (SQS Developer Guide,
//! "Message attributes", "Calculating the MD5 message digest for message attributes").

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sonagi_data::queues::{Attribute, AttributeValue};
use sonagi_model::limits;

use super::{
    error::{Code, Fault},
    text::Text,
};

/// An attribute as a client sends it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttributeInput<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    /// Base64.
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
    string_list_values: Option<Vec<serde::de::IgnoredAny>>,
    binary_list_values: Option<Vec<serde::de::IgnoredAny>>,
}

/// An attribute as a client gets it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttributeOutput<'a> {
    data_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

pub(super) type AttributesInput<'a> = BTreeMap<String, AttributeInput<'a>>;

/// Message attributes, in the order of their names.
pub(super) fn attributes(input: Option<AttributesInput<'_>>) -> Result<Vec<(String, Attribute)>, Fault> {
    let input = input.unwrap_or_default();
    input
        .into_iter()
        .map(|(name, input)| {
            check_name(&name)?;
            let attribute = attribute(&name, input)?;
            Ok((name, attribute))
        })
        .collect()
}

/// The one system attribute that a client may send: `AWSTraceHeader`.
pub(super) fn trace(input: Option<AttributesInput<'_>>) -> Result<Option<Attribute>, Fault> {
    let mut trace = None;
    for (name, input) in input.into_iter().flatten() {
        if name != TRACE {
            let name: String = name.chars().take(256).collect();
            return Err(Fault::parameter(format!("Message system attribute name '{name}' is invalid.")));
        }
        let attribute = attribute(&name, input)?;
        match (attribute.kind.as_str(), &attribute.value) {
            ("String", AttributeValue::Text(_)) => trace = Some(attribute),
            (_, AttributeValue::Text(_) | AttributeValue::Binary(_)) => {
                return Err(Fault::parameter(format!(
                    "The data type of message system attribute '{TRACE}' must be String."
                )));
            }
        }
    }
    Ok(trace)
}

pub(super) const TRACE: &str = "AWSTraceHeader";

/// The text of an attribute that has one.
pub(super) fn text_of(attribute: Attribute) -> String {
    match attribute.value {
        AttributeValue::Text(text) => text,
        AttributeValue::Binary(_) => String::new(),
    }
}

fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::parameter("The request must contain non-empty message (user) attribute names."));
    }
    if name.len() > limits::QUEUE_ATTRIBUTE_NAME_SIZE {
        return Err(Fault::parameter("Message (user) attribute name must be shorter than 256 bytes."));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) {
        return Err(Fault::parameter(
            "Message (user) attribute name can only contain upper and lower case characters, digits, periods, hyphens \
             and underscores.",
        ));
    }
    let starts =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts("aws.") || starts("amazon.") {
        return Err(Fault::parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon'. These strings are reserved for \
             internal use.",
        ));
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(Fault::parameter(
            "Message (user) attribute name can not start or end with a period, or have successive periods.",
        ));
    }
    Ok(())
}

fn attribute(name: &str, input: AttributeInput<'_>) -> Result<Attribute, Fault> {
    let AttributeInput { data_type, string_value, binary_value, string_list_values, binary_list_values } =
        input;
    if [string_list_values, binary_list_values].into_iter().flatten().any(|list| !list.is_empty()) {
        return Err(Fault::parameter(
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    if string_value.is_none() && binary_value.is_none() {
        return Err(Fault::parameter(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute value."
        )));
    }
    let kind = data_type.map(Text::into_string).filter(|kind| !kind.is_empty()).ok_or_else(|| {
        Fault::parameter(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute type."
        ))
    })?;
    if kind.len() > limits::QUEUE_ATTRIBUTE_NAME_SIZE {
        return Err(Fault::parameter("Message (user) attribute type must be shorter than 256 bytes."));
    }
    let empty = || {
        Fault::parameter(format!(
            "Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        ))
    };
    let value = match kind.split('.').next().unwrap_or_default() {
        "Binary" => {
            let text = binary_value.filter(|value| !value.is_empty()).ok_or_else(empty)?;
            AttributeValue::Binary(blob(&text)?)
        }
        base @ ("String" | "Number") => {
            let text = string_value.filter(|value| !value.is_empty()).ok_or_else(empty)?.into_string();
            if !sonagi_data::queues::is_text(text.as_bytes()) {
                return Err(Fault::parameter(format!(
                    "Invalid characters found in message (user) attribute '{name}'. Valid unicode characters are #x9 | \
                     #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
                )));
            }
            if base == "Number" && !is_number(&text) {
                return Err(Fault::parameter(format!(
                    "Can't cast the value of message (user) attribute '{name}' to a number."
                )));
            }
            AttributeValue::Text(text)
        }
        _ => {
            return Err(Fault::parameter(format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
                 type prefixes: Binary, Number, String."
            )));
        }
    };
    Ok(Attribute { kind, value })
}

fn blob(text: &str) -> Result<bytes::Bytes, Fault> {
    let decoded = if text.contains(['\n', '\r']) {
        STANDARD.decode(text.replace(['\n', '\r'], ""))
    } else {
        STANDARD.decode(text)
    };
    decoded
        .map(Into::into)
        .map_err(|_| Fault::new(Code::SERIALIZATION, "A binary value must be base64 (RFC 4648 §4)."))
}

/// Up to 38 digits, between -10^128 and 10^126, written as JSON or Java would (Developer Guide, "Message attribute data
/// types").
pub(in crate::aws) fn is_number(text: &str) -> bool {
    let plain = text.strip_prefix('+').unwrap_or(text);
    let unsigned = plain.strip_prefix('-').unwrap_or(plain);
    if unsigned.len() > 160 || unsigned.starts_with(['+', '-']) {
        return false;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, exponent),
            Err(_) => return false,
        },
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return false;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return true;
    }
    let leading = digits.len() - digits.trim_start_matches('0').len();
    // The power of ten of the first digit.
    let magnitude = i64::from(exponent) + whole.len() as i64 - leading as i64 - 1;
    significant.len() <= limits::QUEUE_ATTRIBUTE_DIGITS && (-128..=126).contains(&magnitude)
}

impl<'a> AttributeOutput<'a> {
    pub(super) fn of(attribute: &'a Attribute) -> Self {
        let (string_value, binary_value) = match &attribute.value {
            AttributeValue::Text(text) => (Some(text.as_str()), None),
            AttributeValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        Self { data_type: &attribute.kind, string_value, binary_value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_38_digits_and_a_range() {
        let most = "9".repeat(38);
        for right in ["0", "-1", "1.5", "+7", ".5", "1e5", "1E-128", "000", &most, "1e126", "0.00"] {
            assert!(is_number(right), "{right}");
        }
        let (long, huge) = (format!("{most}9"), format!("1{}", "0".repeat(127)));
        for wrong in ["", "-", ".", "1.2.3", "ten", "0x1", "1e", "NaN", "--1", &long, &huge, "1e-129", " 1"] {
            assert!(!is_number(wrong), "{wrong}");
        }
    }
}
