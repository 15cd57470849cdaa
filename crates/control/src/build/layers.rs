//! From a layer's source to its package.

use bytes::Bytes;
use sonagi_model::{
    function::{Package, ProvidedBase, Runtime},
    layer::AppLayer,
};

use super::{
    Builder, Error, Progress, Result,
    archive::{self, Entries, Modules},
    builder::{make, ready},
    job::{Job, blocking},
};
use crate::manifest::{DeclaredLayer, LayerBuild};

pub(super) fn declared(layer: &DeclaredLayer, package: Package) -> AppLayer {
    AppLayer {
        package,
        description: layer.description.clone(),
        runtimes: layer.runtimes.clone(),
        architectures: layer.architectures.clone(),
        license: layer.license.clone(),
        retention: layer.retention,
        version: None,
    }
}

pub(super) async fn package(
    builder: &Builder,
    layer: &DeclaredLayer,
    progress: &dyn Progress,
) -> Result<Bytes> {
    let extras = Default::default();
    let runtime = match layer.build {
        LayerBuild::Modules(runtime) => runtime,
        LayerBuild::Copy | LayerBuild::Zip | LayerBuild::Makefile { .. } => {
            Runtime::Provided(ProvidedBase::Al2023)
        }
    };
    let job = Job {
        function: &layer.key,
        runtime,
        extras: &extras,
        cache: &builder.cache,
        tools: &builder.tools,
        progress,
    };
    let zip = match &layer.build {
        LayerBuild::Zip => return ready(&job, &layer.source),
        LayerBuild::Copy => pack(&job, folder(&job, layer).await?, None).await?,
        LayerBuild::Makefile { target } => make(&job, &folder(&job, layer).await?, target).await?,
        LayerBuild::Modules(runtime) => modules(builder, &job, layer, *runtime).await?,
    };
    if archive::names(&zip).is_empty() {
        let message = format!("the layer holds no files: {} has none", layer.source.display());
        return Err(Error::Source { function: layer.key.clone(), message });
    }
    Ok(zip)
}

/// As a function of that runtime is built, in the folder where it looks for a layer's modules ("Layer paths for each
/// Lambda runtime").
async fn modules(builder: &Builder, job: &Job<'_>, layer: &DeclaredLayer, runtime: Runtime) -> Result<Bytes> {
    let mut entries = folder(job, layer).await?;
    let dependencies = builder.dependencies(job, runtime, &entries).await?;
    let below = match runtime {
        Runtime::Nodejs { .. } => {
            if dependencies.is_some() {
                // They were installed afresh.
                entries.retain(|name, _| !name.starts_with("node_modules/"));
            }
            "nodejs"
        }
        Runtime::Python { .. } | Runtime::Provided(_) | Runtime::Wasm => "python",
    };
    let zip = pack(job, entries, dependencies).await?;
    let key = layer.key.clone();
    blocking(move || archive::below(&key, &zip, below)).await
}

async fn folder(job: &Job<'_>, layer: &DeclaredLayer) -> Result<Entries> {
    let (key, source) = (job.function.clone(), layer.source.clone());
    blocking(move || archive::list(&key, &source, Modules::Taken)).await
}

async fn pack(job: &Job<'_>, entries: Entries, dependencies: Option<Vec<u8>>) -> Result<Bytes> {
    let key = job.function.clone();
    blocking(move || archive::pack(&key, &entries, dependencies.as_deref())).await
}
