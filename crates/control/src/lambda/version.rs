//! `PublishVersion`.

use sonagi_model::{LambdaName, limits};

use super::{Changed, PublishVersion, change::check_revision, constraint::Violations};
use crate::{
    Control, Error, Result, Version,
    releases::{Change, records::Key},
};

impl Control {
    /// Publishes `$LATEST` under the next number; if nothing has changed since the newest version, that one is
    /// the answer.
    pub async fn publish_version(&self, name: &str, request: PublishVersion) -> Result<Changed> {
        let name = self.locate_whole(name)?;
        let mut found = Violations::default();
        if let Some(description) = &request.description {
            found.longest("description", description, limits::DESCRIPTION_SIZE);
        }
        found.check()?;
        let at = name.clone();
        let version = self
            .change(move |change| {
                let found = change.find(&at)?;
                check_revision(request.revision_id.as_deref(), &found.record.revision)?;
                let present = found.function.package.digest.to_base64();
                if let Some(wanted) = request.code_sha256.as_ref().filter(|&wanted| *wanted != present) {
                    return Err(Error::Invalid(format!(
                        "CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({present}). Please \
                         try again with the CodeSHA256 in $LATEST."
                    )));
                }
                publish(change, &at, request.description.clone())
            })
            .await?;
        self.changed(&name, version)
    }
}

/// Publishes the function as it is within this change.
pub(super) fn publish(
    change: &mut Change<'_>,
    name: &LambdaName,
    description: Option<String>,
) -> Result<Version> {
    let mut found = change.find(name)?;
    if let Some(number) = found.record.newest_if_same(&found.function) {
        return Ok(Version::Number(number));
    }
    if found.record.versions.len() >= limits::VERSIONS_PER_FUNCTION {
        return Err(Error::TooLarge(format!(
            "the function has {} published versions, which is the most: delete those that are no longer used",
            found.record.versions.len()
        )));
    }
    let release = found.app.live.number;
    let number = change.publish(&mut found.record, release, &found.function, description)?;
    change.store.put(&Key::Function(name.clone()), &found.record)?;
    Ok(Version::Number(number))
}
