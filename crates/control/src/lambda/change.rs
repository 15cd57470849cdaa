//! What all of these changes share: finding the function, comparing revisions, showing the result.

use std::sync::Arc;

use sonagi_model::LambdaName;

use super::{Changed, FunctionReference};
use crate::{Control, Error, LiveFunction, Result, Version};

impl Control {
    /// The function that `name` (a name, a partial or a whole ARN, with or without a qualifier) names, and the
    /// qualifier: the one within the name, or `qualifier`. Whether the qualifier exists is not checked.
    pub fn find_function(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(Arc<LiveFunction>, Option<String>)> {
        let (name, qualifier) = self.locate(name, qualifier)?;
        Ok((self.shown(&name)?, qualifier))
    }

    pub(super) fn locate(&self, name: &str, qualifier: Option<&str>) -> Result<(LambdaName, Option<String>)> {
        FunctionReference::locate(self.arns(), name, qualifier)
    }

    /// The same for calls that concern the function as a whole.
    pub(super) fn locate_whole(&self, name: &str) -> Result<LambdaName> {
        match self.locate(name, None)? {
            (name, None) => Ok(name),
            (_, Some(_)) => Err(Error::Invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this \
                 operation. Please specify either a function name or an unqualified function ARN."
                    .into(),
            )),
        }
    }

    pub(super) fn shown(&self, name: &LambdaName) -> Result<Arc<LiveFunction>> {
        let live = self.live();
        live.function(name.as_str()).cloned().ok_or_else(|| self.arns().no_function(name.as_str()))
    }

    /// What a change came to.
    pub(super) fn changed(&self, name: &LambdaName, version: Version) -> Result<Changed> {
        let function = self.shown(name)?;
        let target = function.version(version).cloned().ok_or_else(|| Error::NoQualifier {
            arn: function.arn().to_owned(),
            qualifier: version.to_string(),
        })?;
        Ok(Changed { function, version, target })
    }
}

/// Refuses a change that was made for another revision.
pub(super) fn check_revision(wanted: Option<&str>, found: &str) -> Result<()> {
    check_revision_at(wanted, found, "GetFunction/GetAlias")
}

/// `source` is the call that tells the present revision.
pub(crate) fn check_revision_at(wanted: Option<&str>, found: &str, source: &str) -> Result<()> {
    if wanted.is_none_or(|wanted| wanted == found) {
        return Ok(());
    }
    Err(Error::Precondition(format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {source} API to retrieve the \
         latest Revision Id"
    )))
}
