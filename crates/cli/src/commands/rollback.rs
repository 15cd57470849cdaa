use std::process::ExitCode;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sonagi_model::{Digest, ReleaseNumber};

use crate::{
    args::Rollback,
    client::Client,
    output::{self, Shape},
};

#[derive(Debug, Deserialize, Serialize)]
struct Activated {
    app: String,
    number: ReleaseNumber,
    digest: Digest,
}

pub(crate) async fn run(rollback: &Rollback, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&rollback.target)?;
    let body = match rollback.to {
        Some(number) => json!({ "to": number }),
        None => json!({}),
    };
    let activated: Activated = client.post(&format!("/apps/{}/rollback", rollback.app), &body).await?;
    match shape {
        Shape::Json => output::json(&activated)?,
        Shape::Human => println!("{} is now {}", activated.app, activated.number),
    }
    Ok(ExitCode::SUCCESS)
}
