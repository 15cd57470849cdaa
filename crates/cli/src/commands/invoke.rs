use std::{
    io::{self, Read as _, Write as _},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use serde_json::json;

use super::functions;
use crate::{
    args::Invoke,
    client::{Client, escape},
    output::{self, Shape},
};

pub(crate) async fn run(invoke: &Invoke, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&invoke.target)?;
    let (name, qualifier) = match invoke.function.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (invoke.function.as_str(), None),
    };
    let function = find(&client, name).await?;
    let mut path = format!("/functions/{}/invoke?tail={}", escape(&function), u8::from(invoke.tail));
    if let Some(qualifier) = qualifier {
        path.push_str(&format!("&qualifier={}", escape(qualifier)));
    }
    let response = client.whole(Method::POST, &path, payload(&invoke.payload)?).await?;
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let failed = header("x-sonagi-function-error");
    let log = header("x-sonagi-log-tail")
        .and_then(|text| STANDARD.decode(text).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    match shape {
        Shape::Json => {
            let answer: serde_json::Value = serde_json::from_slice(response.body())
                .unwrap_or_else(|_| String::from_utf8_lossy(response.body()).into());
            output::json(&json!({
                "function": function, "request": header("x-amzn-requestid"), "version": header("x-sonagi-version"),
                "error": failed, "answer": answer, "log": log,
            }))?;
        }
        Shape::Human => {
            if let Some(log) = log {
                eprintln!("{}", log.trim_end());
            }
            let mut out = io::stdout().lock();
            out.write_all(response.body())?;
            if !response.body().ends_with(b"\n") {
                out.write_all(b"\n")?;
            }
            out.flush()?;
            if let Some(kind) = &failed {
                eprintln!("error: the function failed: {kind}");
            }
        }
    }
    Ok(if failed.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The Lambda name that the user means.
async fn find(client: &Client, name: &str) -> Result<String> {
    let all = functions::list(client).await?;
    if all.iter().any(|function| function.name == name) {
        return Ok(name.into());
    }
    let meant: Vec<_> = all.iter().filter(|function| function.function == name).collect();
    match meant.as_slice() {
        [one] => Ok(one.name.clone()),
        [] => bail!("there is no function {name:?}: see sonagi functions"),
        several => {
            let names: Vec<&str> = several.iter().map(|function| function.name.as_str()).collect();
            bail!("{name:?} is a function of several apps: name one of {}", names.join(", "))
        }
    }
}

fn payload(argument: &str) -> Result<Bytes> {
    if argument == "-" {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).context("read the event from the standard input")?;
        return Ok(bytes.into());
    }
    match argument.strip_prefix('@') {
        Some(file) => Ok(std::fs::read(file).with_context(|| format!("read the event from {file}"))?.into()),
        None => Ok(argument.to_owned().into()),
    }
}
