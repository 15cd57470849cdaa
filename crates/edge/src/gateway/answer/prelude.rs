//! The metadata before a streamed answer: JSON, then eight zero bytes, split over the parts in any way.

use bytes::{Bytes, BytesMut};
use sonagi_model::limits::STREAM_PRELUDE_SIZE;

use super::Malformed;

const END: [u8; 8] = [0; 8];

/// Collects parts until the metadata is whole.
#[derive(Debug, Default)]
pub(super) struct Prelude {
    so_far: BytesMut,
}

/// The metadata, and what of the body came with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) metadata: Bytes,
    pub(super) rest: Bytes,
}

impl Prelude {
    /// Takes the next part; done once this gives something.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<Option<Split>, Malformed> {
        // The end may have begun in an earlier part.
        let from = self.so_far.len().saturating_sub(END.len() - 1);
        self.so_far.extend_from_slice(part);
        let Some(at) = find(&self.so_far[from..]) else {
            // JSON holds no zero bytes, so no more than the metadata and a begun end is kept.
            if self.so_far.len() >= STREAM_PRELUDE_SIZE + END.len() {
                return Err(Malformed::PreludeTooLarge { limit: STREAM_PRELUDE_SIZE });
            }
            return Ok(None);
        };
        let mut all = std::mem::take(&mut self.so_far);
        let mut rest = all.split_off(from + at);
        if all.len() > STREAM_PRELUDE_SIZE {
            return Err(Malformed::PreludeTooLarge { limit: STREAM_PRELUDE_SIZE });
        }
        let rest = rest.split_off(END.len());
        Ok(Some(Split { metadata: all.freeze(), rest: rest.freeze() }))
    }
}

/// Where the first eight zero bytes in a row begin.
fn find(bytes: &[u8]) -> Option<usize> {
    let mut zeros = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        if zeros == END.len() {
            return Some(at + 1 - END.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_metadata_is_found_however_it_is_split(
            metadata in prop::collection::vec(1_u8.., 0..200),
            body in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec(0_usize..500, 0..12),
        ) {
            let whole = [&metadata[..], &END, &body].concat();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % (whole.len() + 1)).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let mut prelude = Prelude::default();
            let mut split: Option<Split> = None;
            let mut after = Vec::new();
            for pair in cuts.windows(2) {
                let part = &whole[pair[0]..pair[1]];
                match split {
                    Some(_) => after.extend_from_slice(part),
                    None => split = prelude.take(part).unwrap(),
                }
            }
            let split = split.unwrap();
            prop_assert_eq!(&split.metadata[..], &metadata[..]);
            prop_assert_eq!([&split.rest[..], &after].concat(), body);
        }
    }

    #[test]
    fn metadata_without_an_end_is_refused_at_its_limit() {
        let mut prelude = Prelude::default();
        let part = [b'x'; 1_024];
        let refused = (0..100).find_map(|_| prelude.take(&part).err());
        assert_eq!(refused, Some(Malformed::PreludeTooLarge { limit: STREAM_PRELUDE_SIZE }));
    }
}
