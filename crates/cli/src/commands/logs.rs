use std::process::ExitCode;

use anyhow::{Context as _, Result};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use sonagi_model::Clock as _;
use sonagi_server::RealClock;

use super::signals::Stop;
use crate::{
    args::Logs,
    client::{Client, escape},
    output::{self, Shape},
};

#[derive(Debug, Deserialize, Serialize)]
struct Line {
    #[serde(alias = "at")]
    time: String,
    app: String,
    function: String,
    #[serde(default)]
    request: Option<String>,
    #[serde(alias = "text")]
    message: String,
}

/// What a reader that is too slow gets instead of lines.
#[derive(Debug, Deserialize, Serialize)]
struct Lost {
    lost: u64,
}

pub(crate) async fn run(logs: &Logs, shape: Shape) -> Result<ExitCode> {
    let client = Client::new(&logs.target)?;
    let mut stop = Stop::listen()?;
    let mut path = format!("/logs?limit={}&follow={}", logs.limit, u8::from(logs.follow));
    if let Some(app) = &logs.app {
        path.push_str(&format!("&app={app}"));
    }
    if let Some(function) = &logs.function {
        path.push_str(&format!("&function={}", escape(function)));
    }
    if let Some(since) = logs.since {
        let from = RealClock::new().now().millis().saturating_sub(since.as_millis() as u64);
        path.push_str(&format!("&since={from}"));
    }
    let mut body = client.stream(&path).await?;
    let mut partial = Vec::new();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = stop.told() => return Ok(ExitCode::SUCCESS),
        };
        let Some(frame) = frame else { return Ok(ExitCode::SUCCESS) };
        let Ok(data) = frame.context("read the server's log")?.into_data() else { continue };
        partial.extend_from_slice(&data);
        let mut from = 0;
        while let Some(end) = partial[from..].iter().position(|&byte| byte == b'\n') {
            show(&partial[from..from + end], shape)?;
            from += end + 1;
        }
        partial.drain(..from);
    }
}

fn show(line: &[u8], shape: Shape) -> Result<()> {
    if let Ok(lost) = serde_json::from_slice::<Lost>(line) {
        return match shape {
            Shape::Json => output::json(&lost),
            Shape::Human => {
                println!("({} lines came too fast and are left out; sonagi logs has them)", lost.lost);
                Ok(())
            }
        };
    }
    let line: Line = serde_json::from_slice(line).context("understand the server's log")?;
    match shape {
        Shape::Json => output::json(&line),
        Shape::Human => {
            println!("{} {} | {}", line.time, line.function, line.message.trim_end());
            Ok(())
        }
    }
}
