use std::process::ExitCode;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sonagi_model::ReleaseNumber;

use crate::{
    args::Releases,
    client::Client,
    output::{self, Shape},
};

#[derive(Debug, Deserialize)]
struct Apps {
    apps: Vec<App>,
}

#[derive(Debug, Deserialize)]
struct App {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Listed {
    releases: Vec<Release>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Release {
    /// The server leaves it out, since the path names it.
    #[serde(default)]
    app: String,
    number: ReleaseNumber,
    digest: String,
    created: String,
    live: bool,
    functions: usize,
}

pub(crate) async fn run(releases: &Releases, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&releases.target)?;
    let apps = match &releases.app {
        Some(app) => vec![app.to_string()],
        None => client.get::<Apps>("/apps").await?.apps.into_iter().map(|app| app.name).collect(),
    };
    let mut found = Vec::new();
    for app in apps {
        let listed: Listed = client.get(&format!("/apps/{app}/releases")).await?;
        found.extend(listed.releases.into_iter().map(|release| Release { app: app.clone(), ..release }));
    }
    match shape {
        Shape::Json => found.iter().try_for_each(output::json)?,
        Shape::Human => {
            let rows: Vec<[String; 6]> = found
                .into_iter()
                .map(|release| {
                    let live = if release.live { "live" } else { "" };
                    let digest: String = release.digest.chars().take(12).collect();
                    [
                        release.app,
                        release.number.to_string(),
                        live.into(),
                        release.created,
                        release.functions.to_string(),
                        digest,
                    ]
                })
                .collect();
            output::table(["APP", "RELEASE", "", "CREATED", "FUNCTIONS", "DIGEST"], &rows);
        }
    }
    Ok(ExitCode::SUCCESS)
}
