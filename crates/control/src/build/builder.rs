//! The builder: one function after the other, from the cache where it can.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use sonagi_model::{
    Clock, Digest,
    function::{Package, Runtime},
    limits,
    release::ReleaseContent,
};

use super::{
    Error, Interpreters, Progress, Result,
    archive::{self, Content, Entries, Modules},
    cache::{self, Cache},
    job::{Job, blocking},
    layers, node, python,
    tool::{self, Run},
    wasm,
};
use crate::manifest::{self, BuildKind, DeclaredFunction, Manifest};

/// What a build needs of the machine.
#[derive(Debug, Clone)]
pub struct Tools {
    pub clock: Arc<dyn Clock>,
    /// Where programs are looked for: the caller's `PATH`.
    pub path: OsString,
    pub interpreters: Arc<dyn Interpreters>,
}

impl Tools {
    /// What the machine has for WebAssembly functions of each language: what [`Builder::build`] finds, too.
    pub async fn for_components(&self) -> Vec<wasm::Toolchain> {
        wasm::toolchains(self).await
    }
}

/// Turns manifests into packages. Cheap to clone; clones share what was found out about the machine.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) cache: Cache,
    pub(super) tools: Tools,
    pythons: python::Installers,
}

/// A built app: the release's content, and every package that it names.
#[derive(Debug, Clone)]
pub struct Built {
    /// Zips, each once: those of layers, and those of functions in their order.
    pub packages: Vec<Bytes>,
    pub content: ReleaseContent,
}

impl Builder {
    /// `cache` is a folder of the builder's own, an absolute path; it is made when it is needed.
    pub fn new(cache: PathBuf, tools: Tools) -> Self {
        Self { cache: Cache::new(cache), tools, pythons: python::Installers::default() }
    }

    /// Builds all layers and functions. A package over [`limits::PACKAGE_SIZE`] is no error here, since only a direct upload
    /// through Lambda's API has that limit; one over [`limits::PACKAGE_UNPACKED_SIZE`] is.
    ///
    /// # Errors
    /// The first function that cannot be built, with the last lines of the tool that failed.
    pub async fn build(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Built> {
        let mut packages: Vec<Bytes> = Vec::new();
        let mut known: BTreeSet<Digest> = BTreeSet::new();
        let mut content = ReleaseContent {
            functions: Default::default(),
            apis: manifest.apis.clone(),
            outputs: manifest.outputs.clone(),
            resources: manifest.resources.clone(),
            layers: Default::default(),
        };
        for layer in &manifest.layers {
            let zip = layers::package(self, layer, progress).await?;
            let package = Package { digest: Digest::of(&zip), size: zip.len() as u64 };
            content.layers.insert(layer.name.clone(), layers::declared(layer, package));
            if known.insert(package.digest) {
                packages.push(zip);
            }
        }
        // Functions that share a folder share its package.
        let mut done: HashMap<String, (Package, Vec<String>)> = HashMap::new();
        for declared in &manifest.functions {
            let DeclaredFunction { function, source, build, extras, .. } = declared;
            // A component is built for what its function was granted.
            let granted = function.wasm.as_ref().map(|wasm| (wasm.wasi, wasm.keyvalue.is_empty()));
            let same = format!("{source:?} {build:?} {extras:?} {} {granted:?}", function.runtime);
            let (package, names) = match done.get(&same) {
                Some(built) => built.clone(),
                None => {
                    let zip = self.package(declared, progress).await?;
                    let package = Package { digest: Digest::of(&zip), size: zip.len() as u64 };
                    let built = (package, archive::names(&zip));
                    if known.insert(package.digest) {
                        packages.push(zip);
                    }
                    done.insert(same, built.clone());
                    built
                }
            };
            check_handler(declared, &names)?;
            content.functions.insert(function.name.clone(), function.with_package(package));
        }
        Ok(Built { packages, content })
    }

    async fn package(&self, declared: &DeclaredFunction, progress: &dyn Progress) -> Result<Bytes> {
        let DeclaredFunction { function, source, build, extras, .. } = declared;
        let job = Job {
            function: &function.name,
            runtime: function.runtime,
            extras,
            cache: &self.cache,
            tools: &self.tools,
            progress,
        };
        let folder = |modules| {
            let (name, source) = (function.name.clone(), source.clone());
            blocking(move || archive::list(&name, &source, modules))
        };
        let (entries, dependencies) = match build {
            BuildKind::Zip => return ready(&job, source),
            BuildKind::Copy => {
                let entries = folder(Modules::Taken).await?;
                (entries, self.dependencies(&job, function.runtime, &Entries::new()).await?)
            }
            BuildKind::Inline { file, text } => {
                let entries = Entries::from([(file.clone(), Content::Text(text.clone()))]);
                (entries, self.dependencies(&job, function.runtime, &Entries::new()).await?)
            }
            BuildKind::Python => {
                let entries = folder(Modules::Taken).await?;
                let dependencies = self.dependencies(&job, function.runtime, &entries).await?;
                (entries, dependencies)
            }
            BuildKind::Node => {
                let mut entries = folder(Modules::Taken).await?;
                let dependencies = self.dependencies(&job, function.runtime, &entries).await?;
                if dependencies.is_some() {
                    // They were installed afresh.
                    entries.retain(|name, _| !name.starts_with("node_modules/"));
                }
                (entries, dependencies)
            }
            BuildKind::Esbuild(options) => {
                let entries = folder(Modules::LeftOut).await?;
                let bundle = node::esbuild(&job, &entries, options).await?;
                match self.dependencies(&job, function.runtime, &Entries::new()).await? {
                    None => return Ok(bundle.into()),
                    Some(layers) => {
                        return archive::merge(&function.name, &[bundle, layers]);
                    }
                }
            }
            BuildKind::Makefile { target } => {
                let entries = folder(Modules::Taken).await?;
                let zip = make(&job, &entries, target).await?;
                return match function.runtime {
                    Runtime::Wasm => wasm::of_makefile(&job, zip).await,
                    Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => Ok(zip),
                };
            }
            BuildKind::Wasm(kind) => {
                let asked = function.wasm.clone().unwrap_or_default();
                return wasm::build(&job, source, *kind, &asked).await;
            }
        };
        let name = function.name.clone();
        blocking(move || archive::pack(&name, &entries, dependencies.as_deref())).await
    }

    pub(super) async fn dependencies(
        &self,
        job: &Job<'_>,
        runtime: Runtime,
        entries: &Entries,
    ) -> Result<Option<Vec<u8>>> {
        match runtime {
            Runtime::Python { minor } => python::dependencies(job, &self.pythons, minor, entries).await,
            Runtime::Nodejs { .. } => node::dependencies(job, entries).await,
            Runtime::Provided(_) | Runtime::Wasm => Ok(None),
        }
    }
}

/// A zip that the user made.
pub(super) fn ready(job: &Job<'_>, source: &Path) -> Result<Bytes> {
    let size = source.metadata().map_err(|cause| job.failed("look at", source, cause))?.len();
    let limit = limits::PACKAGE_UNPACKED_SIZE;
    if size > limit {
        return Err(Error::Unpacked { function: job.function.clone(), size, limit });
    }
    let zip = std::fs::read(source).map_err(|cause| job.failed("read", source, cause))?;
    if archive::names(&zip).is_empty() {
        let message = format!("{} is not a zip, or holds nothing", source.display());
        return Err(Error::Source { function: job.function.clone(), message });
    }
    Ok(zip.into())
}

/// `make build-<target>` with `ARTIFACTS_DIR`, as `sam build` runs it.
pub(super) async fn make(job: &Job<'_>, entries: &Entries, target: &str) -> Result<Bytes> {
    let function = job.function;
    let Some(program) = tool::find_all(&job.tools.path, "make").into_iter().next() else {
        return Err(Error::NoTool {
            function: function.clone(),
            tool: "make".into(),
            help: "install the package make".into(),
        });
    };
    let key = cache::key(&[b"make 1", target.as_bytes(), archive::digest(function, entries)?.as_bytes()]);
    if let Some(entry) = job.cache.get("make", &key) {
        return python::read_zip(function, &entry).await.map(Bytes::from);
    }
    let shop = job.workshop()?;
    let (work, out, made) = (shop.path().join("source"), shop.path().join("out"), shop.path().join("entry"));
    for folder in [&work, &out, &made] {
        job.make(folder)?;
    }
    archive::copy(function, entries, &work)?;
    let what = format!("make build-{target}");
    let run = Run {
        function,
        what: &what,
        program: &program,
        arguments: vec![format!("build-{target}").into()],
        folder: &work,
        variables: vec![("ARTIFACTS_DIR", out.clone().into())],
        limit: limits::BUILD_TIMEOUT,
    };
    run.run(job.tools, job.progress).await?;
    let (name, folder) = (function.clone(), made.clone());
    let zip = blocking(move || {
        let zip = archive::pack(&name, &archive::list_all(&name, &out, Modules::Taken)?, None)?;
        let path = folder.join("packages.zip");
        std::fs::write(&path, &zip).map_err(|cause| Error::Io {
            function: name.clone(),
            verb: "write",
            path,
            cause,
        })?;
        Ok(zip)
    })
    .await?;
    job.keep("make", &key, &made)?;
    Ok(zip)
}

/// What the manifest could not know: whether the build brought the handler's file.
fn check_handler(declared: &DeclaredFunction, names: &[String]) -> Result<()> {
    let draft = &declared.function;
    let wanted = manifest::candidates(draft.runtime, &draft.handler);
    if !draft.layers.is_empty() || wanted.iter().any(|file| names.contains(file)) {
        return Ok(());
    }
    let first = wanted.first().map_or("", String::as_str);
    let message =
        format!("the handler {:?} wants the file {first}, which is not in the package", draft.handler);
    Err(Error::Source { function: draft.name.clone(), message })
}
