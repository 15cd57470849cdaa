//! What makes a file ours: a code over its content, its place and our format, at its end.
//!
//! ```text
//! content | note (JSON) | size of the note (4 bytes) | HMAC-SHA256 (32 bytes) | MARK (8 bytes)
//! ```
//!
//! The place is in the code, so that a file of ours that was put elsewhere is not taken for what belongs there.

use std::io::{self, Read};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Ends every file; changes with the format.
const MARK: &[u8; 8] = b"sonagi-1";
const CODE: usize = 32;
/// Bytes behind the note.
const END: usize = 4 + CODE + MARK.len();
/// Bytes of a note.
const NOTE_SIZE: usize = 4 << 10;
/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// Makes and checks seals.
#[derive(Clone)]
pub(super) struct Sealer(Hmac<Sha256>);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// A seal that is being made or checked.
struct Seal(Hmac<Sha256>);

/// Why a file is not ours, or not whole.
#[derive(Debug)]
pub(super) enum Broken {
    Truncated,
    /// Another format, or another program's file.
    Foreign,
    /// Its content, its note or its place is not what was sealed.
    Tampered,
    Unreadable(io::Error),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("it is not whole"),
            Self::Foreign => f.write_str("it is not of this format"),
            Self::Tampered => f.write_str("it is not what was written, or not where it was written"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl Sealer {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // HMAC takes keys of any size; this one needs no hashing.
        Self(Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any size")))
    }

    fn begin(&self, place: &str) -> Seal {
        let mut code = self.0.clone();
        code.update(MARK);
        code.update(&(place.len() as u64).to_le_bytes());
        code.update(place.as_bytes());
        Seal(code)
    }

    /// What to append to a file at `place` with `size` bytes of content, which is read from `content`.
    pub(super) fn seal(
        &self,
        place: &str,
        content: impl Read,
        size: u64,
        note: &[u8],
    ) -> io::Result<Vec<u8>> {
        if note.len() > NOTE_SIZE {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut seal = self.begin(place);
        if seal.add(content.take(size))? != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut end = note.to_vec();
        end.extend_from_slice(&(note.len() as u32).to_le_bytes());
        seal.finish(size, &end);
        let code = seal.0.finalize().into_bytes();
        end.extend_from_slice(&code);
        end.extend_from_slice(MARK);
        Ok(end)
    }

    /// Reads the whole of `file`, which has `size` bytes, and returns its note if the seal is right.
    pub(super) fn check(&self, place: &str, mut file: impl Read, size: u64) -> Result<Vec<u8>, Broken> {
        if size < END as u64 {
            return Err(Broken::Truncated);
        }
        // The end comes last and says where the content ended, so the last bytes are held back until it is there.
        let held = (NOTE_SIZE + END).min(usize::try_from(size).unwrap_or(usize::MAX));
        let before = size - held as u64;
        let mut seal = self.begin(place);
        if seal.add((&mut file).take(before)).map_err(Broken::Unreadable)? != before {
            return Err(Broken::Truncated);
        }
        let mut tail = vec![0; held];
        file.read_exact(&mut tail).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Broken::Truncated,
            _ => Broken::Unreadable(error),
        })?;
        let (rest, mark) = tail.split_at(held - MARK.len());
        if mark != MARK {
            return Err(Broken::Foreign);
        }
        let (rest, code) = rest.split_at(rest.len() - CODE);
        let (rest, count) = rest.split_at(rest.len() - 4);
        let count = count.try_into().map(u32::from_le_bytes).map_err(|_| Broken::Tampered)? as usize;
        let content = rest.len().checked_sub(count).filter(|_| count <= NOTE_SIZE).ok_or(Broken::Tampered)?;
        let note = rest[content..].to_vec();
        seal.0.update(&rest[..content]);
        let mut end = note.clone();
        end.extend_from_slice(&(count as u32).to_le_bytes());
        seal.finish(before + content as u64, &end);
        seal.0.verify_slice(code).map_err(|_| Broken::Tampered)?;
        Ok(note)
    }
}

impl Seal {
    /// Bytes that were there.
    fn add(&mut self, mut content: impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; CHUNK];
        let mut size = 0;
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(size),
                Ok(count) => {
                    self.0.update(&buffer[..count]);
                    size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn finish(&mut self, content: u64, end: &[u8]) {
        self.0.update(end);
        self.0.update(&content.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(sealer: &Sealer, place: &str, content: &[u8], note: &[u8]) -> Vec<u8> {
        let mut file = content.to_vec();
        file.extend(sealer.seal(place, content, content.len() as u64, note).unwrap());
        file
    }

    fn check(sealer: &Sealer, place: &str, file: &[u8]) -> Result<Vec<u8>, Broken> {
        sealer.check(place, file, file.len() as u64)
    }

    #[test]
    fn a_sealed_file_is_known_again_at_its_place_and_with_its_key_only() {
        let sealer = Sealer::new(&[7; 32]);
        for size in [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 5] {
            let file = sealed(&sealer, "a", &vec![3; size], b"{}");
            assert_eq!(check(&sealer, "a", &file).unwrap(), b"{}");
            assert!(matches!(check(&sealer, "b", &file), Err(Broken::Tampered)));
            assert!(matches!(check(&Sealer::new(&[8; 32]), "a", &file), Err(Broken::Tampered)));
        }
    }

    #[test]
    fn a_note_that_moves_into_the_content_is_found() {
        let sealer = Sealer::new(&[7; 32]);
        let mut file = sealed(&sealer, "a", b"content", b"note");
        let at = file.len() - END;
        file[at..at + 4].copy_from_slice(&3_u32.to_le_bytes());
        assert!(matches!(check(&sealer, "a", &file), Err(Broken::Tampered)));
    }

    proptest! {
        #[test]
        fn no_changed_file_is_taken_for_ours(
            content in proptest::collection::vec(any::<u8>(), 0..6_000),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
            cut in any::<prop::sample::Index>(),
        ) {
            let sealer = Sealer::new(&[7; 32]);
            let file = sealed(&sealer, "a", &content, b"{\"memory\":1}");
            let mut flipped = file.clone();
            flipped[at.index(file.len())] ^= flip;
            prop_assert!(check(&sealer, "a", &flipped).is_err());
            prop_assert!(check(&sealer, "a", &file[..cut.index(file.len())]).is_err());
            let mut longer = file.clone();
            longer.push(flip);
            prop_assert!(check(&sealer, "a", &longer).is_err());
            prop_assert!(check(&sealer, "a", &file).is_ok());
        }

        #[test]
        fn garbage_is_refused_without_a_panic(garbage: Vec<u8>) {
            prop_assert!(check(&Sealer::new(&[7; 32]), "a", &garbage).is_err());
        }
    }
}
