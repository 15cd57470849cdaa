use std::process::ExitCode;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{
    args::Functions,
    client::{Client, escape},
    output::{self, Shape},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) functions: Vec<Function>,
    next: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Function {
    /// For Lambda's API.
    pub(crate) name: String,
    pub(crate) app: String,
    /// Within its app.
    pub(crate) function: String,
    pub(crate) runtime: String,
    pub(crate) handler: String,
    pub(crate) memory: u32,
    pub(crate) timeout: u32,
    pub(crate) code_size: u64,
    pub(crate) modified: String,
    pub(crate) versions: Vec<u64>,
    pub(crate) aliases: Vec<String>,
    pub(crate) urls: Vec<String>,
}

pub(crate) async fn run(functions: &Functions, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&functions.target)?;
    let mut found = list(&client).await?;
    if let Some(app) = &functions.app {
        found.retain(|function| function.app == app.as_str());
    }
    match shape {
        Shape::Json => found.iter().try_for_each(output::json)?,
        Shape::Human => {
            let rows: Vec<[String; 7]> = found
                .into_iter()
                .map(|function| {
                    [
                        function.name,
                        function.app,
                        function.runtime,
                        function.handler,
                        format!("{} MB", function.memory),
                        format!("{} s", function.timeout),
                        function.modified,
                    ]
                })
                .collect();
            output::table(["FUNCTION", "APP", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "MODIFIED"], &rows);
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn list(client: &Client) -> Result<Vec<Function>> {
    let mut all: Vec<Function> = Vec::new();
    loop {
        let after = all.last().map(|last| format!("?after={}", escape(&last.name))).unwrap_or_default();
        let page: Listed = client.get(&format!("/functions{after}")).await?;
        all.extend(page.functions);
        if page.next.is_none() {
            return Ok(all);
        }
    }
}
