//! `sonagi dev`: the platform in this process, with one app on it that follows its source.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::json;
use sonagi_control::{
    Deployed,
    build::Builder,
    manifest::{Context, Manifest, ManifestError},
};
use sonagi_model::{Clock as _, function::Runtime, logs::LogLine, release::Release};
use sonagi_sandbox::process::RuntimePolicy;
use sonagi_server::{Followed, RealClock, Running};

use super::{build, server, signals::Stop, urls, watch::Watch};
use crate::{
    args::{Dev, Source},
    output::{self, Shape},
    progress::Progress,
    report,
};

pub(crate) async fn run(dev: Dev, shape: Shape) -> Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let progress = Progress::new(shape);
    let mut context = Context {
        account: dev.place.account.clone(),
        region: dev.place.region.clone(),
        ..Context::default()
    };
    // Read once before anything starts, so that a typo is told at once.
    let manifest = build::load(&dev.source, &context)?;
    let data = dev.place.data.clone().unwrap_or_else(|| manifest.root.join(".sonagi/data"));
    progress.step("Starting the platform");
    let running = server::start(&dev.place, data, RuntimePolicy::Nearest).await?;
    context.gateway = format!("http://localhost:{}", running.gateway_address().port());
    context.endpoint = running.endpoint();

    let mut session =
        Session { source: dev.source, context, running, builder: build::builder(), progress, shape };
    // Watching begins before the first build, so that no change falls in between.
    let mut watch = Watch::new()?;
    watch.only(&manifest.files)?;
    let manifest = match tokio::select! {
        first = session.first() => first,
        () = stop.told() => return Ok(session.end(&mut stop).await),
    } {
        Ok(manifest) => manifest,
        Err(error) => {
            session.progress.done();
            session.running.drain().await;
            return Err(error);
        }
    };
    session.follow(manifest, watch, &mut stop).await?;
    Ok(session.end(&mut stop).await)
}

struct Session {
    source: Source,
    context: Context,
    running: Running,
    builder: Builder,
    progress: Progress,
    shape: Shape,
}

impl Session {
    /// Deploys for the first time and says where the app is.
    async fn first(&mut self) -> Result<Manifest> {
        let clock = RealClock::new();
        let began = clock.tick();
        let manifest = build::load(&self.source, &self.context)?;
        build::notes(&manifest, &self.progress);
        let release = self.deploy(&manifest).await?;
        self.prepare(&manifest).await;
        self.progress.done();
        let lines =
            urls::of(&release.app, &release.content, &self.context.gateway, self.context.region.as_str());
        match self.shape {
            Shape::Json => {
                let mut ready = server::ready(&self.running);
                ready["app"] = json!(release.app);
                ready["number"] = json!(release.number);
                ready["urls"] = json!(lines);
                ready["outputs"] = json!(release.content.outputs);
                output::json(&ready)?;
            }
            Shape::Human => {
                println!(
                    "{} is ready ({}, {:.1} s)",
                    release.app,
                    release.number,
                    (clock.tick() - began).as_secs_f64()
                );
                urls::print(&release.content, &lines);
                println!("  AWS clients: --endpoint-url http://{}", self.running.platform_address());
                println!("Watching for changes; stop with Ctrl-C.");
            }
        }
        Ok(manifest)
    }

    async fn deploy(&self, manifest: &Manifest) -> Result<Arc<Release>> {
        let built = build::build(&self.builder, manifest, &self.progress).await?;
        for package in built.packages {
            self.running.control().packages().put(package).await.context("store a package")?;
        }
        let content = built.content.clone();
        let work = self.running.control().deploy(&manifest.app, content);
        let deployed = build::activate(&built.content, &self.progress, work).await.context("deploy")?;
        Ok(match deployed {
            Deployed::Activated(release) | Deployed::Unchanged(release) => release,
        })
    }

    /// Gets the runtimes ready, so that the first request need not wait for it.
    async fn prepare(&self, manifest: &Manifest) {
        // WebAssembly functions were made ready by the deployment.
        let runtimes = manifest.functions.iter().map(|declared| declared.function.runtime);
        let mut runtimes: Vec<_> = runtimes.filter(|&runtime| runtime != Runtime::Wasm).collect();
        runtimes.sort();
        runtimes.dedup();
        for runtime in runtimes {
            let told = |message: &str| self.progress.step(message);
            for note in self.running.prepare(runtime, &told).await {
                self.progress.note(&format!("note: {note}"));
            }
        }
    }

    /// Prints what the functions write and deploys again when a file changes, until told to stop.
    async fn follow(&mut self, mut manifest: Manifest, mut watch: Watch, stop: &mut Stop) -> Result<()> {
        let mut logs = self.running.logs().follow(None, None);
        loop {
            tokio::select! {
                () = stop.told() => return Ok(()),
                followed = logs.next() => match followed {
                    Some(Followed::Entry(entry)) => self.show(entry.function.as_str(), &entry.line)?,
                    Some(Followed::Lost(count)) => {
                        self.progress.note(&format!("({count} lines came too fast and are left out)"));
                    }
                    None => return Ok(()),
                },
                changed = watch.changed(&manifest.files) => {
                    let Some(_) = changed else { return Ok(()) };
                    if let Some(newer) = self.reload().await {
                        manifest = newer;
                        watch.only(&manifest.files)?;
                    }
                }
            }
        }
    }

    /// Deploys what the source is now. Whatever is wrong with it is told, and the release before goes on.
    async fn reload(&mut self) -> Option<Manifest> {
        let clock = RealClock::new();
        let began = clock.tick();
        let done = async {
            let manifest = build::load(&self.source, &self.context)?;
            let release = self.deploy(&manifest).await?;
            self.prepare(&manifest).await;
            anyhow::Ok((manifest, release))
        }
        .await;
        self.progress.done();
        match done {
            Ok((manifest, release)) => {
                self.reloaded(&release, clock.tick() - began);
                Some(manifest)
            }
            Err(error) => {
                match (error.downcast_ref::<ManifestError>(), self.shape) {
                    (Some(manifest), Shape::Human) => report::manifest_for_people(manifest),
                    (Some(_) | None, Shape::Human | Shape::Json) => {
                        report::failure(&error, self.shape);
                    }
                }
                self.progress.note("The release before goes on.");
                None
            }
        }
    }

    fn reloaded(&self, release: &Release, took: Duration) {
        match self.shape {
            Shape::Json => {
                // A reader that went away is told by its next line.
                let _ = output::json(&json!({
                    "event": "deployed", "app": release.app, "number": release.number,
                    "milliseconds": took.as_millis() as u64,
                }));
            }
            Shape::Human => println!("{} is now {} ({} ms)", release.app, release.number, took.as_millis()),
        }
    }

    fn show(&self, function: &str, line: &LogLine) -> Result<()> {
        let text = String::from_utf8_lossy(&line.text);
        match self.shape {
            Shape::Json => output::json(&json!({
                "event": "log", "function": function, "time": line.at.to_string(),
                "request": line.request.map(|id| id.to_string()), "message": text,
            })),
            Shape::Human => {
                println!("{function} | {}", text.trim_end());
                Ok(())
            }
        }
    }

    async fn end(self, stop: &mut Stop) -> ExitCode {
        self.progress.done();
        server::drain(self.running, stop).await;
        ExitCode::SUCCESS
    }
}
