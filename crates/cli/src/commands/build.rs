//! From a manifest to packages, with progress.

use std::{collections::BTreeMap, ffi::OsString, path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use sonagi_control::{
    build::{self, Builder, Built, Step, Tools},
    manifest::{self, Context, Manifest},
};
use sonagi_server::{LocalInterpreters, RealClock};

use crate::{args::Source, folders, progress::Progress};

/// Steps that took less are not worth a line.
const WORTH_A_LINE: Duration = Duration::from_millis(300);

pub(crate) fn load(source: &Source, context: &Context) -> Result<Manifest> {
    let parameters: BTreeMap<String, String> = source.parameters.iter().cloned().collect();
    let context = Context { name: source.name.clone(), ..context.clone() };
    Ok(manifest::load(&source.path, &parameters, &context)?)
}

pub(crate) fn builder() -> Builder {
    let clock = Arc::new(RealClock::new());
    let path = OsString::from(folders::search_path());
    let interpreters = Arc::new(LocalInterpreters::new(&path, Arc::clone(&clock) as _));
    let tools = Tools { clock, path, interpreters };
    Builder::new(folders::cache().join("build"), tools)
}

pub(crate) async fn build(builder: &Builder, manifest: &Manifest, progress: &Progress) -> Result<Built> {
    progress.step(&format!("Building {}", manifest.app));
    Ok(builder.build(manifest, &Shown { progress }).await?)
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
