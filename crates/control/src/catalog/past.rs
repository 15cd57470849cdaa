//! Targets that are not live any more: what was accepted for them still runs on them.

use std::sync::Arc;

use sonagi_model::{AppName, LambdaName, ReleaseNumber};

use super::{
    Target, Version,
    mirror::{environment, version},
};
use crate::{
    Control, Error, Result,
    releases::records::{Key, VersionRecord},
};

impl Control {
    /// The function as the release has it, or a version as it was published; none if the app keeps that no longer.
    pub async fn target(
        &self,
        app: &AppName,
        release: ReleaseNumber,
        function: &LambdaName,
        at: Version,
    ) -> Result<Option<Arc<Target>>> {
        let live = self.live();
        let found = live.function(function.as_str()).filter(|found| found.app == *app);
        let known = found.and_then(|found| found.version(at));
        match at {
            Version::Latest if known.is_some_and(|known| known.release == release) => {
                return Ok(known.cloned());
            }
            Version::Number(_) if known.is_some() => return Ok(known.cloned()),
            Version::Number(number) => {
                let record: Option<VersionRecord> =
                    self.read(&Key::Version(function.clone(), number)).await?;
                let record = record.filter(|record| record.app == *app);
                return Ok(record.map(|record| Arc::new(version(self.arns(), number, record))));
            }
            Version::Latest => {}
        }
        let past = match self.release(app, release).await {
            Ok(past) => past,
            Err(Error::NoApp(_) | Error::NoRelease { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = past.content.functions.values().find(|found| found.lambda_name == *function);
        Ok(found.map(|found| {
            Arc::new(Target {
                app: app.clone(),
                release,
                version: Version::Latest,
                function: found.clone(),
                arn: self.arns().function(function.as_str()),
                environment: environment(app, Version::Latest, found),
                revision_id: past.digest.to_string(),
                last_modified: past.created,
            })
        }))
    }
}
