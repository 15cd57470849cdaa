//! The digests that SQS's clients check messages by (SQS Developer Guide, "Calculating the MD5 message digest for message
//! attributes").

use md5::{Digest as _, Md5};

use super::{Attribute, AttributeValue};

/// An MD5 in hexadecimal digits.
pub fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes).into())
}

/// The digest of attributes, which are in the order of their names; none if there are none.
pub fn md5_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a Attribute)>,
) -> Option<String> {
    let mut digest = Md5::new();
    let mut any = false;
    for (name, attribute) in attributes {
        any = true;
        for part in [name.as_bytes(), attribute.kind.as_bytes()] {
            digest.update((part.len() as u32).to_be_bytes());
            digest.update(part);
        }
        let (kind, value) = match &attribute.value {
            AttributeValue::Text(text) => (1_u8, text.as_bytes()),
            AttributeValue::Binary(bytes) => (2, bytes.as_ref()),
        };
        digest.update([kind]);
        digest.update((value.len() as u32).to_be_bytes());
        digest.update(value);
    }
    any.then(|| hex(&digest.finalize().into()))
}

fn hex(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(32);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_sqs_gives() {
        assert_eq!(md5(b"test"), "098f6bcd4621d373cade4e832627b4f6");
        let text = |text: &str| Attribute { kind: "String".into(), value: AttributeValue::Text(text.into()) };
        let (general, hello, help) = (text("Kenobi"), text("There"), text("Me"));
        let all = [("General", &general), ("Hello", &hello), ("Help.Me", &help)];
        assert_eq!(md5_of_attributes(all).unwrap(), "4c360f3fdafd970e05fae2f149d997f5");
        assert_eq!(md5_of_attributes([all[1]]).unwrap(), "a311262e065454b75da111d535b8dacd");
        let bytes = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        let binary = Attribute { kind: "Binary".into(), value: AttributeValue::Binary(bytes[..].into()) };
        assert_eq!(md5_of_attributes([("attr1", &binary)]).unwrap(), "8cbe4db156db8a94db8b801b7addb984");
        assert_eq!(md5_of_attributes([]), None);
    }
}
