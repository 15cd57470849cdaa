//! Names that people choose, each with its rule.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{got:?} is not {kind}: it wants {wants}")]
pub struct NameError {
    pub kind: &'static str,
    pub wants: &'static str,
    pub got: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $wants:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: &str) -> Result<Self, NameError> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError { kind: $kind, wants: $wants, got: text.into() })
                }
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

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn word(text: &str, longest: usize, extra: &[u8]) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
}

name!(
    /// An app's name: a DNS label, since it is the first part of the app's host name.
    AppName,
    "an app name",
    "1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
    |text| {
        word(text, 63, b"-")
            && !text.bytes().any(|b| b.is_ascii_uppercase())
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
);
name!(
    /// A function's name within its app: its key in the manifest, or its logical id in a SAM template.
    FunctionName,
    "a function name",
    "1 to 64 letters, digits, hyphens and underscores",
    |text| word(text, 64, b"-_")
);
name!(
    /// A function's name for Lambda's API, unique on the platform.
    LambdaName,
    "a Lambda function name",
    "1 to 64 letters, digits, hyphens and underscores",
    |text| word(text, 64, b"-_")
);
name!(
    /// A layer's name, unique on the platform.
    LayerName,
    "a layer name",
    "1 to 140 letters, digits, hyphens and underscores",
    |text| word(text, 140, b"-_")
);
name!(
    /// An alias of a function.
    AliasName,
    "an alias name",
    "1 to 128 letters, digits, hyphens and underscores, not all of them digits",
    |text| word(text, 128, b"-_") && !text.bytes().all(|b| b.is_ascii_digit())
);
name!(
    /// A network that the operator has declared for functions.
    NetworkName,
    "a network name",
    "1 to 64 letters, digits, hyphens and underscores, and neither \"none\" nor \"internet\"",
    |text| word(text, 64, b"-_") && !matches!(text, "none" | "internet")
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rules() {
        assert!(AppName::new("pet-shop2").is_ok());
        for wrong in ["", "-a", "a-", "A", "a_b", "a.b", "é", &"a".repeat(64)] {
            assert!(AppName::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(AliasName::new("live").is_ok());
        assert!(AliasName::new("12").is_err());
        assert!(AliasName::new("$LATEST").is_err());
        assert!(NetworkName::new("office-2").is_ok());
        assert!(NetworkName::new("internet").is_err());
        assert!(LambdaName::new(&"a".repeat(65)).is_err());
    }
}
