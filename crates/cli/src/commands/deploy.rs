use std::process::ExitCode;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_control::manifest::Context;
use sonagi_model::{AccountId, Digest, Region, ReleaseNumber};

use super::build;
use crate::{
    args::Deploy,
    client::Client,
    output::{self, Shape},
    progress::Progress,
};

/// What the server says of itself, so far as a deployment needs it.
#[derive(Debug, Deserialize)]
struct Platform {
    account: AccountId,
    region: Region,
    gateway: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Deployed {
    app: String,
    number: ReleaseNumber,
    digest: Digest,
    new: bool,
}

pub(crate) async fn run(deploy: Deploy, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&deploy.target)?;
    let progress = Progress::new(shape);
    let platform: Platform = client.get("/platform").await?;
    let context = Context {
        account: platform.account,
        region: platform.region,
        gateway: platform.gateway,
        ..Context::default()
    };
    let manifest = build::load(&deploy.source, &context)?;
    build::notes(&manifest, &progress);
    let built = build::build(&build::builder(), &manifest, &progress).await?;
    let count = built.packages.len();
    for (index, package) in built.packages.into_iter().enumerate() {
        progress.step(&format!("Uploading package {} of {count}", index + 1));
        upload(&client, package).await?;
    }
    let path = format!("/apps/{}/releases", manifest.app);
    let deployed: Deployed = build::activate(&built.content, &progress, client.post(&path, &built.content))
        .await
        .with_context(|| format!("deploy {}", manifest.app))?;
    progress.done();
    match shape {
        Shape::Json => output::json(&deployed)?,
        Shape::Human if deployed.new => println!("{} is now {}", deployed.app, deployed.number),
        Shape::Human => println!("{} is {} already", deployed.app, deployed.number),
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends a package unless the server has it.
async fn upload(client: &Client, package: Bytes) -> Result<()> {
    let path = format!("/packages/{}", Digest::of(&package));
    if client.exists(&path).await? {
        return Ok(());
    }
    client.put(&path, package).await.context("upload a package")
}
