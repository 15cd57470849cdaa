//! One commit's writes as the bytes of its row in `changes`.
//!
//! Each write is the key's length, the value's length (or [`DELETED`]), the key and the value; lengths are 32-bit
//! little-endian, which the limits on keys and values fit into.

use bytes::{Buf as _, Bytes};

use crate::{Change, Error, Result};

const DELETED: u32 = u32::MAX;

pub(super) fn encode(changes: &[Change]) -> Vec<u8> {
    let size = changes.iter().map(|change| 8 + change.key.len() + value_size(change)).sum();
    let mut bytes = Vec::with_capacity(size);
    for Change { key, value } in changes {
        bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        let length = value.as_ref().map_or(DELETED, |value| value.len() as u32);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(key);
        if let Some(value) = value {
            bytes.extend_from_slice(value);
        }
    }
    bytes
}

/// The keys and values share the memory of `bytes`.
pub(super) fn decode(mut bytes: Bytes) -> Result<Vec<Change>> {
    let damaged = || Error::Damaged { what: "a commit in the change feed is cut off".to_owned() };
    let mut changes = Vec::new();
    while bytes.has_remaining() {
        let key_size = bytes.try_get_u32_le().map_err(|_| damaged())? as usize;
        let value_size = bytes.try_get_u32_le().map_err(|_| damaged())?;
        let mut part = |size: usize| {
            if size <= bytes.len() { Ok(bytes.split_to(size)) } else { Err(damaged()) }
        };
        let key = part(key_size)?;
        let value = if value_size == DELETED { None } else { Some(part(value_size as usize)?) };
        changes.push(Change { key, value });
    }
    Ok(changes)
}

fn value_size(change: &Change) -> usize {
    change.value.as_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_come_back_as_they_were() {
        let changes = vec![
            Change { key: Bytes::new(), value: Some(Bytes::new()) },
            Change { key: Bytes::from_static(b"a"), value: None },
            Change { key: Bytes::from_static(b"b\0"), value: Some(Bytes::from_static(b"value")) },
        ];
        assert_eq!(decode(encode(&changes).into()).unwrap(), changes);
    }

    #[test]
    fn a_row_that_is_cut_off_is_said_to_be_damaged() {
        let whole =
            encode(&[Change { key: Bytes::from_static(b"key"), value: Some(Bytes::from_static(b"value")) }]);
        for size in 1..whole.len() {
            let cut = Bytes::copy_from_slice(&whole[..size]);
            assert!(matches!(decode(cut), Err(Error::Damaged { .. })), "cut to {size}");
        }
    }
}
