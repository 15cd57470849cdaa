//! Percent-decoding of paths and queries, without an allocation where nothing is encoded.

use std::borrow::Cow;

/// Decodes `%xx`; bytes that are not UTF-8 become U+FFFD, since an event is JSON.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// Decodes a query's key or value, where `+` is a space too.
pub(super) fn decode_form(text: &str) -> Cow<'_, str> {
    if text.contains('+') { Cow::Owned(decode(&text.replace('+', " ")).into_owned()) } else { decode(text) }
}

/// The pairs of a query string, decoded, in order.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_form(key), decode_form(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_like_a_form() {
        let found: Vec<_> = pairs("a=1&b=%20x+y&&c&d=1=2&%C3%A9=%ff%zz").collect();
        let expected = [("a", "1"), ("b", " x y"), ("c", ""), ("d", "1=2"), ("é", "\u{fffd}%zz")];
        assert_eq!(found, expected.map(|(key, value)| (key.into(), value.into())));
    }
}
