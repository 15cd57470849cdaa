//! `UpdateFunctionCode` and `UpdateFunctionConfiguration`.

use sonagi_model::{
    LambdaName,
    function::{Architecture, Function, Package},
    layer::Layer,
};

use super::{
    Changed, Mode, Publish, UpdateCode, UpdateConfiguration,
    change::check_revision,
    settings::{Settings, parse_architecture},
};
use crate::{Control, Error, Result, Target, Version, preparation, releases::Change};

impl Control {
    pub async fn update_code(&self, name: &str, request: UpdateCode) -> Result<Changed> {
        let name = self.locate_whole(name)?;
        let architecture = request.architectures.as_deref().map(parse_architecture).transpose()?;
        let function = self.shown(&name)?;
        check_revision(request.revision_id.as_deref(), &function.revision_id)?;
        let package = match request.mode {
            Mode::Apply => self.store_code(request.code).await?,
            Mode::DryRun => self.try_code(request.code).await?,
        };
        if request.mode == Mode::DryRun {
            let mut target = Target::clone(&function.latest);
            set_code(&mut target.function, package, architecture);
            // Its zip is not kept, and so is not measured with its layers.
            return Ok(Changed { function, version: Version::Latest, target: target.into() });
        }
        let arn = function.arn().to_owned();
        let mut ready = function.latest.function.clone();
        set_code(&mut ready, package, architecture);
        self.check_size(&ready).await?;
        self.prepare(&ready).await?;
        let (at, publish, revision) = (name.clone(), request.publish, request.revision_id);
        let version = self
            .change(move |change| {
                edit(change, &at, revision.as_deref(), |function| {
                    set_code(function, package, architecture);
                    check_ready(&ready, function, &arn)
                })?;
                match publish {
                    Publish::No => Ok(Version::Latest),
                    Publish::Yes => super::version::publish(change, &at, None),
                }
            })
            .await?;
        self.changed(&name, version)
    }

    pub async fn update_configuration(&self, name: &str, request: UpdateConfiguration) -> Result<Changed> {
        let name = self.locate_whole(name)?;
        settings(&request, None).check()?;
        let function = self.shown(&name)?;
        check_revision(request.revision_id.as_deref(), &function.revision_id)?;
        let arn = function.arn().to_owned();
        let mut ready = function.latest.function.clone();
        let layers = match &request.layers {
            Some(arns) => Some(self.attached(arns, &ready.layers).await?),
            None => None,
        };
        settings(&request, layers.as_deref()).apply(&mut ready)?;
        if layers.is_some() {
            self.check_size(&ready).await?;
        }
        self.prepare(&ready).await?;
        let at = name.clone();
        self.change(move |change| {
            edit(change, &at, request.revision_id.as_deref(), |function| {
                settings(&request, layers.as_deref()).apply(function)?;
                check_ready(&ready, function, &arn)
            })
        })
        .await?;
        self.changed(&name, Version::Latest)
    }
}

/// Refuses what another change made of the function meanwhile, if that is not what was made ready.
fn check_ready(ready: &Function, function: &Function, arn: &str) -> Result<()> {
    if preparation::same(ready, function) {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
    )))
}

fn set_code(function: &mut Function, package: Package, architecture: Option<Architecture>) {
    function.package = package;
    function.architecture = architecture.unwrap_or(function.architecture);
}

fn settings<'a>(request: &'a UpdateConfiguration, layers: Option<&'a [Layer]>) -> Settings<'a> {
    Settings {
        runtime: request.runtime.as_deref(),
        role: request.role.as_deref(),
        handler: request.handler.as_deref(),
        description: request.description.as_deref(),
        timeout: request.timeout,
        memory: request.memory,
        variables: request.variables.as_ref(),
        ephemeral_storage: request.ephemeral_storage,
        tracing: request.tracing.as_deref(),
        logging: request.logging.as_ref(),
        snap_start: request.snap_start.as_deref(),
        vpc: request.vpc.as_ref(),
        dead_letters: request.dead_letters.as_deref(),
        layers,
    }
}

/// Makes a release of the function's app in which the function is as `change_it` leaves it.
pub(super) fn edit(
    change: &mut Change<'_>,
    name: &LambdaName,
    revision: Option<&str>,
    change_it: impl FnOnce(&mut Function) -> Result<()>,
) -> Result<()> {
    let found = change.find(name)?;
    check_revision(revision, &found.record.revision)?;
    let mut function = found.function.clone();
    change_it(&mut function)?;
    change.replace(found, function)
}
