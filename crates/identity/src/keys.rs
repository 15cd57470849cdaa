//! Static keys, from a file in the AWS shared-credentials format.

use std::{collections::BTreeMap, fmt};

/// A key pair. `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// The profiles of a credentials file (the AWS SDKs and Tools Reference Guide, "Shared config and credentials files").
#[derive(Debug, Clone, Default)]
pub struct CredentialsFile {
    profiles: BTreeMap<String, Keys>,
}

/// What is wrong with a credentials file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the credentials file: {problem}")]
pub struct CredentialsFileError {
    /// The first is 1.
    pub line: usize,
    pub problem: String,
}

#[derive(Default)]
struct Draft {
    line: usize,
    name: String,
    id: Option<String>,
    secret: Option<String>,
}

impl CredentialsFile {
    /// Reads the file's text. Every profile needs `aws_access_key_id` and `aws_secret_access_key`; a session token
    /// makes no sense for a key that we are to accept for good, and anything else is a typo until we know better.
    pub fn parse(text: &str) -> Result<Self, CredentialsFileError> {
        let mut file = Self::default();
        let mut draft: Option<Draft> = None;
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let wrong = |problem: String| CredentialsFileError { line, problem };
            let content = raw.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = content.strip_prefix('[') {
                let name = rest
                    .split_once(']')
                    .map(|(name, after)| (name.trim(), after.trim()))
                    .filter(|(name, after)| {
                        !name.is_empty() && (after.is_empty() || after.starts_with(['#', ';']))
                    })
                    .map(|(name, _)| name)
                    .ok_or_else(|| wrong("a profile begins with its name in brackets: [default]".into()))?;
                file.finish(draft.take())?;
                if file.profiles.contains_key(name) {
                    return Err(wrong(format!("the profile [{name}] is there twice")));
                }
                draft = Some(Draft { line, name: name.into(), ..Draft::default() });
                continue;
            }
            let Some((key, value)) = content.split_once('=') else {
                return Err(wrong("expected a [profile] or a line like aws_access_key_id = AKIA…".into()));
            };
            let Some(draft) = &mut draft else {
                return Err(wrong("there is no [profile] above this line".into()));
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            let slot = match key.as_str() {
                "aws_access_key_id" => &mut draft.id,
                "aws_secret_access_key" => &mut draft.secret,
                "aws_session_token" => {
                    return Err(wrong(
                        "aws_session_token is for temporary keys; a server's own keys have none".into(),
                    ));
                }
                other => {
                    return Err(wrong(format!(
                        "{other:?} is not known: a profile has aws_access_key_id and aws_secret_access_key"
                    )));
                }
            };
            if slot.is_some() {
                return Err(wrong(format!("{key} is there twice in [{}]", draft.name)));
            }
            if key == "aws_access_key_id" && !is_key_id(value) {
                return Err(wrong(
                    "aws_access_key_id wants 16 to 128 letters, digits and underscores".into(),
                ));
            }
            if key == "aws_secret_access_key"
                && (value.len() < SECRET_MIN || !value.bytes().all(|b| b.is_ascii_graphic()))
            {
                return Err(wrong(format!(
                    "aws_secret_access_key wants at least {SECRET_MIN} visible characters without spaces"
                )));
            }
            *slot = Some(value.into());
        }
        file.finish(draft)?;
        if file.profiles.is_empty() {
            return Err(CredentialsFileError {
                line: 1,
                problem:
                    "there is no profile: write [default], aws_access_key_id = …, aws_secret_access_key = …"
                        .into(),
            });
        }
        Ok(file)
    }

    fn finish(&mut self, draft: Option<Draft>) -> Result<(), CredentialsFileError> {
        let Some(Draft { line, name, id, secret }) = draft else { return Ok(()) };
        let lacks = |what: &str| CredentialsFileError {
            line,
            problem: format!("the profile [{name}] has no {what}"),
        };
        let access_key_id = id.ok_or_else(|| lacks("aws_access_key_id"))?;
        let secret_access_key = secret.ok_or_else(|| lacks("aws_secret_access_key"))?;
        if self.profiles.values().any(|keys| keys.access_key_id == access_key_id) {
            return Err(CredentialsFileError {
                line,
                problem: format!("the key {access_key_id} of [{name}] is in another profile too"),
            });
        }
        self.profiles.insert(name, Keys { access_key_id, secret_access_key, session_token: None });
        Ok(())
    }

    pub fn profile(&self, name: &str) -> Option<&Keys> {
        self.profiles.get(name)
    }

    /// Sorted by profile.
    pub fn keys(&self) -> impl Iterator<Item = &Keys> {
        self.profiles.values()
    }
}

/// Bytes; shorter secrets can be guessed.
const SECRET_MIN: usize = 16;

/// IAM's rule for `AccessKeyId`.
fn is_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    #[test]
    fn profiles_are_read_with_comments_and_spaces() {
        let text = format!(
            "# ours\n[default]\n aws_access_key_id=AKIAIOSFODNN7EXAMPLE\r\naws_secret_access_key = {SECRET}\n\n; next\n[ci] # comment\naws_secret_access_key={SECRET}\nAWS_ACCESS_KEY_ID = AKIAIOSFODNN7EXAMPL2\n"
        );
        let file = CredentialsFile::parse(&text).unwrap();
        assert_eq!(file.profile("default").unwrap().secret_access_key, SECRET);
        assert_eq!(file.profile("ci").unwrap().access_key_id, "AKIAIOSFODNN7EXAMPL2");
        assert_eq!(file.keys().count(), 2);
        assert!(!format!("{file:?}").contains(SECRET));
    }

    #[test]
    fn an_error_names_its_line() {
        let cases = [
            ("", 1, "there is no profile"),
            ("aws_access_key_id = A", 1, "no [profile]"),
            ("[default", 1, "in brackets"),
            ("[a]\nnonsense", 2, "expected"),
            ("[a]\naws_access_key = AKIAIOSFODNN7EXAMPLE", 2, "not known"),
            ("[a]\naws_access_key_id = short", 2, "16 to 128"),
            ("[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x", 3, "at least 16"),
            ("[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\n[b]", 1, "no aws_secret_access_key"),
            ("[a]\naws_session_token = x", 2, "temporary"),
        ];
        for (text, line, problem) in cases {
            let error = CredentialsFile::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.problem.contains(problem), "{text:?}: {error}");
        }
        let whole = format!("aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n");
        let error = CredentialsFile::parse(&format!("[a]\n{whole}[b]\n{whole}")).unwrap_err();
        assert_eq!((error.line, error.problem.contains("another profile")), (4, true));
        let error = CredentialsFile::parse(&format!("[a]\n{whole}[a]\n{whole}")).unwrap_err();
        assert_eq!((error.line, error.problem.contains("twice")), (4, true));
    }
}
