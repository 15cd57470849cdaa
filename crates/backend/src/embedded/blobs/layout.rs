//! Which keys there are, and where each has its file.

use std::path::{Path, PathBuf};

use sonagi_model::{Digest, limits};

use crate::{Error, Result};

pub(super) fn check(key: &str) -> Result<()> {
    let is_part = |part: &str| {
        (1..=limits::BLOB_KEY_PART_SIZE).contains(&part.len())
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    if key.len() <= limits::BLOB_KEY_SIZE && key.split('/').all(is_part) {
        Ok(())
    } else {
        Err(Error::BlobKey { key: key.to_owned() })
    }
}

/// The file of `key` below `root`; the key is checked, so that it leads nowhere else.
pub(super) fn path(root: &Path, key: &str) -> Result<PathBuf> {
    check(key)?;
    let (folder, name) = key.rsplit_once('/').map_or((None, key), |(folder, name)| (Some(folder), name));
    let mut path = root.to_owned();
    path.extend(folder.into_iter().flat_map(|folder| folder.split('/')));
    path.push(format!("{FAN}{:02x}", Digest::of(name.as_bytes()).as_bytes()[0]));
    path.push(name);
    Ok(path)
}

/// What the folders that hold files begin with; no key has it.
pub(super) const FAN: char = '=';

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_key_leaves_the_folder(key in "(\\PC|[./=_-]|\\.\\.|/){0,40}") {
            if let Ok(path) = path(Path::new("/root"), &key) {
                let below = path.strip_prefix("/root").unwrap();
                prop_assert!(below.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
                prop_assert_eq!(below.components().count(), key.split('/').count() + 1);
            }
        }

        #[test]
        fn every_key_of_the_described_form_has_a_place_of_its_own(
            one in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,8}(/[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,8}){0,4}",
            other in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,8}(/[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,8}){0,4}",
        ) {
            let (path_one, path_other) = (path(Path::new("/r"), &one).unwrap(), path(Path::new("/r"), &other).unwrap());
            prop_assert_eq!(path_one == path_other, one == other);
            prop_assert!(one == other || !path_one.starts_with(&path_other), "no file is where a folder must be");
        }
    }

    #[test]
    fn a_key_that_is_not_one_is_refused() {
        let long_part = "x".repeat(limits::BLOB_KEY_PART_SIZE + 1);
        let long_key = "abcdefg/".repeat(limits::BLOB_KEY_SIZE / 8) + "x";
        for key in [
            "", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/.", "a b", "a\\b", "a\0", "é", &long_part,
            &long_key,
        ] {
            assert!(matches!(check(key), Err(Error::BlobKey { .. })), "{key:?}");
        }
        let part = "x".repeat(limits::BLOB_KEY_PART_SIZE);
        for key in ["a", "...", "a/b/c", ".hidden", "a..b", &part] {
            check(key).unwrap();
        }
    }
}
