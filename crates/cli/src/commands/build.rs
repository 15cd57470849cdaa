//! From a manifest to packages, with progress.

use std::{collections::BTreeMap, ffi::OsString, path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use sonagi_control::{
    build::{self, Builder, Built, Step, Tools},
    manifest::{self, Context, Manifest},
};
use sonagi_model::{Clock as _, function::Runtime, release::ReleaseContent};
use sonagi_server::{LocalInterpreters, RealClock};

use crate::{args::Source, folders, progress::Progress};

/// Steps that took less are not worth a line.
const WORTH_A_LINE: Duration = Duration::from_millis(300);
/// A server that has not answered after this is compiling something.
const WORTH_A_WORD: Duration = Duration::from_secs(1);
/// More functions than these are counted instead of named.
const NAMES: usize = 3;

pub(crate) fn load(source: &Source, context: &Context) -> Result<Manifest> {
    let parameters: BTreeMap<String, String> = source.parameters.iter().cloned().collect();
    let context = Context { name: source.name.clone(), ..context.clone() };
    Ok(manifest::load(&source.path, &parameters, &context)?)
}

pub(crate) fn builder() -> Builder {
    Builder::new(folders::cache().join("build"), tools())
}

/// What builds may use of this machine.
pub(crate) fn tools() -> Tools {
    let clock = Arc::new(RealClock::new());
    let path = OsString::from(folders::search_path());
    let interpreters = Arc::new(LocalInterpreters::new(&path, Arc::clone(&clock) as _));
    Tools { clock, path, interpreters }
}

pub(crate) async fn build(builder: &Builder, manifest: &Manifest, progress: &Progress) -> Result<Built> {
    progress.step(&format!("Building {}", manifest.app));
    Ok(builder.build(manifest, &Shown { progress }).await?)
}

/// Waits for the server, which makes functions ready before it activates a release, and says so when that takes long.
pub(crate) async fn activate<T>(
    content: &ReleaseContent,
    progress: &Progress,
    work: impl Future<Output = T>,
) -> T {
    progress.step("Activating");
    let work = std::pin::pin!(work);
    let told = async {
        RealClock::new().sleep(WORTH_A_WORD).await;
        if let Some(names) = compiled(content) {
            progress.step(&format!("Compiling {names}"));
        }
        std::future::pending().await
    };
    tokio::select! {
        output = work => output,
        never = told => never,
    }
}

/// The functions that may have to be compiled.
fn compiled(content: &ReleaseContent) -> Option<String> {
    let names = content.functions.values().filter(|function| function.runtime == Runtime::Wasm);
    let names: Vec<&str> = names.map(|function| function.name.as_str()).collect();
    match names.as_slice() {
        [] => None,
        few if few.len() <= NAMES => Some(few.join(", ")),
        many => Some(format!("{} WebAssembly functions", many.len())),
    }
}

/// Says what a manifest holds that has no effect here.
pub(crate) fn notes(manifest: &Manifest, progress: &Progress) {
    for note in &manifest.notes {
        progress.note(&format!("note: {}:{}: {}", file(&manifest.path), note.line, note.message));
    }
}

fn file(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

struct Shown<'a> {
    progress: &'a Progress,
}

impl build::Progress for Shown<'_> {
    fn started(&self, step: &Step<'_>) {
        self.progress.step(&format!("Building {}: {}", step.function, step.what));
    }

    fn line(&self, step: &Step<'_>, line: &str) {
        self.progress.detail(&format!("Building {}: {}: {line}", step.function, step.what));
    }

    fn finished(&self, step: &Step<'_>, took: Duration) {
        if took >= WORTH_A_LINE {
            self.progress.note(&format!(
                "Built {}: {} ({:.1} s)",
                step.function,
                step.what,
                took.as_secs_f64()
            ));
        }
    }

    fn note(&self, function: &str, note: &str) {
        self.progress.note(&format!("note: {function}: {note}"));
    }
}
