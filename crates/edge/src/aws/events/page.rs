use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sonagi_model::limits;

use super::{checks::Checks, error::Fault};

/// Characters of a token, as the model has it.
const TOKEN_SIZE: usize = 2_048;

/// Which part of a listing is asked for.
pub(super) struct Wanted {
    pub(super) most: usize,
    /// The name of the last thing of the part before.
    pub(super) last: Option<String>,
}

impl Wanted {
    pub(super) fn of(limit: Option<i64>, token: Option<&str>) -> Result<Self, Fault> {
        let mut checks = Checks::default();
        checks.range("limit", limit, 1..=limits::BUS_LIST as i64);
        checks.length("nextToken", token, 1..=TOKEN_SIZE);
        checks.done()?;
        let last = token.map(|token| {
            let bytes = URL_SAFE_NO_PAD.decode(token).ok();
            bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                Fault::parameter("NextToken", "It is not one that a listing has answered with.")
            })
        });
        Ok(Self { most: limit.map_or(limits::BUS_LIST, |limit| limit as usize), last: last.transpose()? })
    }

    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Whether a name is behind those of the parts before.
    pub(super) fn is_ahead(&self, name: &str) -> bool {
        self.last().is_none_or(|last| name > last)
    }
}

/// The token for what is behind `last`.
pub(super) fn token(last: Option<&str>, more: bool) -> Option<String> {
    last.filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(last))
}
