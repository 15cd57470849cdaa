//! The text that one entry is on disk.
//!
//! ```text
//! <crc32, 8 hex digits> <micros since 1970> <request id or -> <stream> <text>\n
//! ```
//!
//! The parts are divided by tabs. Backslash, tab (in the stream alone) and line feed are escaped, everything else
//! stands as it is, UTF-8 or not; so a line feed always ends an entry and a torn entry harms no other. The
//! checksum is of all that follows its tab up to the line feed.

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use sonagi_model::{AppName, LambdaName, Timestamp, logs::LogLine};

use super::Entry;

pub(super) fn write(out: &mut Vec<u8>, entry: &Entry) {
    let start = out.len();
    out.extend_from_slice(b"00000000\t");
    let body = out.len();
    // Writing to memory cannot fail.
    let _ = write!(out, "{}\t", entry.line.at.micros());
    match &entry.line.request {
        Some(request) => out.extend_from_slice(&request.text()),
        None => out.push(b'-'),
    }
    out.push(b'\t');
    escape(out, entry.stream.as_bytes(), true);
    out.push(b'\t');
    escape(out, &entry.line.text, false);
    let sum = crc32fast::hash(&out[body..]);
    let _ = write!(&mut out[start..start + 8], "{sum:08x}");
    out.push(b'\n');
}

/// The entry of one line without its line feed; none if the line is not whole.
pub(super) fn read(line: &[u8], app: &AppName, function: &LambdaName) -> Option<Entry> {
    let (sum, rest) = line.split_at_checked(8)?;
    let body = rest.strip_prefix(b"\t")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    if sum != crc32fast::hash(body) {
        return None;
    }
    let mut parts = body.splitn(4, |&byte| byte == b'\t');
    let at = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let request = match parts.next()? {
        b"-" => None,
        text => Some(std::str::from_utf8(text).ok()?.parse().ok()?),
    };
    let stream: Arc<str> = String::from_utf8(unescape(parts.next()?)).ok()?.into();
    let text = Bytes::from(unescape(parts.next()?));
    let line = LogLine { at: Timestamp(at), request, text };
    Some(Entry { app: app.clone(), function: function.clone(), stream, line })
}

fn escape(out: &mut Vec<u8>, text: &[u8], tabs: bool) {
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (tabs && *byte == b'\t');
    let mut rest = text;
    while let Some(at) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(match rest[at] {
            b'\n' => b'n',
            b'\t' => b't',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(&other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sonagi_model::RequestId;

    use super::*;

    fn names() -> (AppName, LambdaName) {
        (AppName::new("petshop").unwrap(), LambdaName::new("petshop-search").unwrap())
    }

    proptest! {
        #[test]
        fn any_entry_survives_its_text(
            at in any::<u64>(),
            request in any::<bool>(),
            stream in "\\PC*|[\\t\\n\\\\a]*",
            text in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let (app, function) = names();
            let request: Option<RequestId> =
                request.then(|| "6f4a3c1e-0b0e-4c5e-9d55-0d8f0c6f2a11".parse().unwrap());
            let line = LogLine { at: Timestamp(at), request, text: Bytes::from(text) };
            let entry = Entry { app: app.clone(), function: function.clone(), stream: stream.into(), line };
            let mut out = Vec::new();
            write(&mut out, &entry);
            prop_assert_eq!(out.iter().filter(|&&b| b == b'\n').count(), 1);
            prop_assert_eq!(read(&out[..out.len() - 1], &app, &function), Some(entry));
        }

        #[test]
        fn any_bytes_are_read_without_harm(line in proptest::collection::vec(any::<u8>(), 0..100)) {
            let (app, function) = names();
            read(&line, &app, &function);
        }

        #[test]
        fn a_torn_entry_is_no_entry(cut in 1usize..60) {
            let (app, function) = names();
            let line = LogLine { at: Timestamp(77), request: None, text: Bytes::from_static(b"hello\\ there") };
            let entry = Entry { app: app.clone(), function: function.clone(), stream: "s".into(), line };
            let mut out = Vec::new();
            write(&mut out, &entry);
            out.pop();
            let cut = cut.min(out.len());
            prop_assert_eq!(read(&out[..out.len() - cut], &app, &function), None);
        }
    }
}
