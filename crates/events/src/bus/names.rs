use std::fmt;

use serde::{Deserialize, Serialize};
use sonagi_model::limits;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $most:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Option<Self> {
                let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                let fits = (1..=$most).contains(&text.len()) && text.bytes().all(letters);
                fits.then(|| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A rule's name: letters, digits, and any of `.-_` (EventBridge API Reference, "PutRule").
    RuleName, limits::RULE_NAME_SIZE
}
name! {
    /// An archive's name (EventBridge API Reference, "CreateArchive").
    ArchiveName, limits::ARCHIVE_NAME_SIZE
}
name! {
    /// A replay's name (EventBridge API Reference, "StartReplay").
    ReplayName, limits::REPLAY_NAME_SIZE
}
