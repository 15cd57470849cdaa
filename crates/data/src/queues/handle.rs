use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sonagi_model::limits;

use super::{
    Refusal,
    layout::{Id, Position},
};

/// A receipt handle: which message, and which of its receipts. Prints as text that is safe in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handle {
    pub(super) queue: Id,
    pub(super) position: Position,
    /// Which receipt it was: 1 is the first.
    pub(super) receipt: u32,
    /// Of a FIFO queue's message; empty for others.
    pub(super) group: String,
}

/// Bytes before the group.
const FIXED: usize = 20;

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(FIXED + self.group.len());
        bytes.extend_from_slice(&self.queue.to_be_bytes());
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(&self.receipt.to_be_bytes());
        bytes.extend_from_slice(self.group.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Handle {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::Handle(text.chars().take(limits::QUEUE_HANDLE_SHOWN).collect());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (queue, rest) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (position, rest) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (receipt, group) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let group = std::str::from_utf8(group).map_err(|_| wrong())?;
        if group.len() > limits::QUEUE_GROUP_SIZE || group.contains('\0') {
            return Err(wrong());
        }
        Ok(Self {
            queue: u64::from_be_bytes(*queue),
            position: u64::from_be_bytes(*position),
            receipt: u32::from_be_bytes(*receipt),
            group: group.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_handle_reads_what_it_prints_and_no_text_breaks_it(
            queue: u64, position: u64, receipt: u32, group in "[!-~]{0,128}", text in ".{0,80}",
        ) {
            let handle = Handle { queue, position, receipt, group };
            prop_assert_eq!(handle.to_string().parse::<Handle>().unwrap(), handle);
            if let Ok(read) = text.parse::<Handle>() {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
