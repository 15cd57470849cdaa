//! `cargo xtask conformance dynamodb --suite PATH`: runs a public suite against a server of its own, and writes the score
//! into docs/compatibility.md.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{bench::replaced, shell};

const DOCUMENT: &str = "docs/compatibility.md";
/// Another one than that which the suite takes for somebody else's.
const ACCOUNT: &str = "123456789012";

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let suite = match words {
        ["dynamodb", "--suite", suite] => Path::new(suite),
        _ => bail!(
            "conformance dynamodb --suite PATH: PATH is a checkout of github.com/nubo-db/dynamodb-conformance"
        ),
    };
    if !suite.join("vitest.config.ts").is_file() {
        bail!("{} is no checkout of the suite: it has no vitest.config.ts", suite.display());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--locked", "--package", "sonagi-cli"];
    shell::run(Command::new(cargo).current_dir(shell::root()).args(build))?;
    if !suite.join("node_modules").is_dir() {
        shell::run(Command::new("npm").current_dir(suite).args(["install", "--no-audit", "--no-fund"]))?;
    }
    let folder = shell::root().join("target/tmp/conformance");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder)?;
    let report = folder.join("report.json");
    let server = Server::start(&folder.join("data"))?;
    let mut vitest = Command::new("npx");
    vitest
        .current_dir(suite)
        .args(["vitest", "run", "--reporter=json"])
        .arg(format!("--outputFile={}", report.display()))
        .env("DYNAMODB_ENDPOINT", &server.endpoint);
    // Tests that fail are what the report is for.
    let status = vitest.stdout(Stdio::null()).status().context("start npx")?;
    drop(server);
    let read = fs::read(&report).with_context(|| format!("the suite left no report: {status}"))?;
    let table = table(&serde_json::from_slice(&read)?)?;
    println!("{table}");
    let document = shell::root().join(DOCUMENT);
    let text = fs::read_to_string(&document).with_context(|| format!("read {DOCUMENT}"))?;
    fs::write(&document, replaced(&text, "dynamodb", &table)?).with_context(|| format!("write {DOCUMENT}"))
}

/// A server that ends with this.
struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    fn start(data: &Path) -> Result<Self> {
        let mut process = Command::new(shell::root().join("target/debug/sonagi"))
            .args([
                "server",
                "--listen",
                "127.0.0.1:0",
                "--gateway",
                "127.0.0.1:0",
                "--account",
                ACCOUNT,
                "--data",
            ])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .context("start the server")?;
        let said = process.stdout.take().context("the server's output")?;
        let addresses = BufReader::new(said).lines().map_while(Result::ok);
        let endpoint = addresses
            .filter_map(|line| Some(line.trim().strip_prefix("platform")?.trim().to_owned()))
            .next()
            .context("the server did not say where it is")?;
        Ok(Self { process, endpoint })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Tests of a part of the suite.
#[derive(Default)]
struct Score {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn table(report: &Value) -> Result<String> {
    let (mut parts, mut failures) = (BTreeMap::<String, Score>::new(), Vec::new());
    for file in report["testResults"].as_array().context("a report of vitest")? {
        let name = file["name"].as_str().unwrap_or_default();
        let name = name.split_once("/tests/").map_or(name, |(_, name)| name);
        let part = name.rsplit_once('/').map_or(name, |(part, _)| part);
        for test in file["assertionResults"].as_array().into_iter().flatten() {
            let score = parts.entry(part.to_owned()).or_default();
            match test["status"].as_str() {
                Some("passed") => score.passed += 1,
                Some("failed") => {
                    score.failed += 1;
                    failures.push(format!("`{name}`: {}", test["title"].as_str().unwrap_or_default()));
                }
                _ => score.skipped += 1,
            }
        }
    }
    let sum = |of: fn(&Score) -> usize| parts.values().map(of).sum::<usize>();
    let (passed, failed, skipped) =
        (sum(|score| score.passed), sum(|score| score.failed), sum(|score| score.skipped));
    let mut text = format!(
        "{passed} of {} tests pass, {failed} fail, {skipped} are skipped.\n\n| part | pass | fail | skipped |\n|---|---|---|---|\n",
        passed + failed + skipped
    );
    for (part, Score { passed, failed, skipped }) in &parts {
        writeln!(text, "| {part} | {passed} | {failed} | {skipped} |")?;
    }
    for failure in failures {
        write!(text, "\nFails: {failure}\n")?;
    }
    Ok(text)
}
