use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sonagi_control::manifest::Context;
use sonagi_model::{
    AccountId, Digest, Region, ReleaseNumber,
    release::{Output, ReleaseContent},
};

use super::{build, urls};
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
    endpoint: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Deployed {
    app: String,
    number: ReleaseNumber,
    digest: Digest,
    new: bool,
}

/// The release as the server keeps it, with the ids that it gave.
#[derive(Debug, Deserialize)]
struct Released {
    content: ReleaseContent,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    deployed: Deployed,
    urls: Vec<urls::Line>,
    outputs: &'a BTreeMap<String, Output>,
}

pub(crate) async fn run(deploy: Deploy, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&deploy.target)?;
    let progress = Progress::new(shape);
    let platform: Platform = client.get("/platform").await?;
    let context = Context {
        account: platform.account,
        region: platform.region,
        gateway: platform.gateway,
        endpoint: platform.endpoint,
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
    let Released { content } = client.get(&format!("{path}/{}", deployed.number)).await?;
    let urls = urls::of(&manifest.app, &content, &context.gateway, context.region.as_str());
    progress.done();
    match shape {
        Shape::Json => output::json(&Answer { deployed, urls, outputs: &content.outputs })?,
        Shape::Human => {
            match deployed.new {
                true => println!("{} is now {}", deployed.app, deployed.number),
                false => println!("{} is {} already", deployed.app, deployed.number),
            }
            urls::print(&content, &urls);
        }
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
