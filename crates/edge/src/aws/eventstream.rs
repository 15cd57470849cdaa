//! `application/vnd.amazon.eventstream` messages (Amazon Transcribe Developer Guide, "Event stream encoding"; Smithy,
//! "Amazon Event Stream").
//!
//! ```text
//!   total length u32 | headers length u32 | CRC-32 of these | headers | payload | CRC-32 of all before
//! ```

use bytes::{BufMut, Bytes, BytesMut};

/// One event. Names and values are ours and short.
pub(super) fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    let mut headers = BytesMut::with_capacity(128);
    for (name, value) in
        [(":event-type", event_type), (":content-type", content_type), (":message-type", "event")]
    {
        headers.put_u8(name.len() as u8);
        headers.put_slice(name.as_bytes());
        headers.put_u8(STRING);
        headers.put_u16(value.len() as u16);
        headers.put_slice(value.as_bytes());
    }
    let total = 12 + headers.len() + payload.len() + 4;
    let mut message = BytesMut::with_capacity(total);
    message.put_u32(total as u32);
    message.put_u32(headers.len() as u32);
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&headers);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}

/// A header value's type byte for a string.
const STRING: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_carries_its_lengths_and_checksums() {
        let message = event("PayloadChunk", "application/octet-stream", b"hello");
        let word = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(word(0), message.len());
        assert_eq!(word(8), crc32fast::hash(&message[..8]) as usize);
        assert_eq!(word(message.len() - 4), crc32fast::hash(&message[..message.len() - 4]) as usize);
        let payload = 12 + word(4);
        assert_eq!(&message[payload..message.len() - 4], b"hello");
        assert_eq!(message[12] as usize, ":event-type".len());
        assert_eq!(&message[13..24], b":event-type");
    }
}
