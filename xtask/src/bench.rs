//! `cargo xtask bench`: measures, and writes the tables into docs/performance.md.

mod peers;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::shell;

const CHAPTERS: [&str; 16] = [
    "invoke",
    "sandbox",
    "starts",
    "burst",
    "records",
    "idle",
    "queues-throughput",
    "queues-backlog",
    "queues-idle",
    "queues-woken",
    "wasm-requests",
    "wasm-first",
    "wasm-turns",
    "wasm-neighbours",
    "wasm-live",
    "wasm-snapshot",
];

/// What follows `bench` on the command line.
#[derive(Default)]
struct Wanted<'a> {
    name: Option<&'a str>,
    /// Components of languages whose tools are not here.
    guests: Option<&'a str>,
    /// What queues are measured beside, and with: passed on to their chapters.
    queues: Vec<&'a str>,
    quick: bool,
}

impl<'a> Wanted<'a> {
    fn parse(words: &[&'a str]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => wanted.quick = true,
                "--guests" => wanted.guests = Some(words.next().context("--guests DIR")?),
                option @ ("--moto" | "--rabbitmq" | "--backlog") => {
                    wanted.queues.extend([option, words.next().with_context(|| format!("{option} VALUE"))?]);
                }
                name if wanted.name.is_none() && !name.starts_with('-') => wanted.name = Some(name),
                other => bail!(
                    "{other:?} is not known: bench [NAME] [--quick] [--guests DIR] [--moto PYTHON] \
                     [--rabbitmq ADDRESS] [--backlog MESSAGES]"
                ),
            }
        }
        Ok(wanted)
    }

    /// `wasm` means all chapters that begin with it.
    fn chapters(&self) -> Result<Vec<&'static str>> {
        let Some(name) = self.name else { return Ok(CHAPTERS.to_vec()) };
        let wanted = |chapter: &&str| {
            chapter.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let chapters: Vec<&str> = CHAPTERS.into_iter().filter(wanted).collect();
        if chapters.is_empty() {
            bail!("no such chapter: {}", CHAPTERS.join(", "));
        }
        Ok(chapters)
    }
}

pub(crate) fn run(words: &[&str]) -> Result<()> {
    let wanted = Wanted::parse(words)?;
    let chapters = wanted.chapters()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    shell::run(Command::new(cargo).current_dir(shell::root()).args([
        "build",
        "--profile",
        "dist",
        "--locked",
        "--package",
        "sonagi-cli",
        "--package",
        "sonagi-benches",
    ]))?;
    let program = shell::root().join("target/dist/sonagi-bench");
    if chapters.iter().any(|chapter| chapter.starts_with("wasm-")) {
        peers::ensure()?;
        eprintln!("==> guests");
        let mut gather = Command::new(&program);
        gather.arg("wasm-guests").env("PATH", peers::search_path()?).stdout(Stdio::null());
        if let Some(folder) = wanted.guests {
            gather.args(["--guests", folder]);
        }
        shell::run(&mut gather)?;
    }
    let document = shell::root().join("docs/performance.md");
    for chapter in chapters {
        eprintln!("==> {chapter}");
        let mut command = Command::new(&program);
        command.arg(chapter).stderr(Stdio::inherit());
        if wanted.quick {
            command.arg("--quick");
        }
        if chapter.starts_with("queues-") {
            command.args(&wanted.queues);
        }
        let output = command.output()?;
        let table = String::from_utf8(output.stdout)?;
        println!("{table}");
        if !output.status.success() {
            bail!("{chapter} failed: {}", output.status);
        }
        // A quick run shows that all works; its numbers are not worth keeping.
        if !wanted.quick {
            keep(&document, chapter, &table)?;
        }
    }
    Ok(())
}

fn keep(document: &Path, chapter: &str, table: &str) -> Result<()> {
    let text = fs::read_to_string(document).context("read docs/performance.md")?;
    fs::write(document, replaced(&text, chapter, table)?).context("write docs/performance.md")
}

/// `text` with what stands between a chapter's marks replaced.
pub(crate) fn replaced(text: &str, chapter: &str, table: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {chapter} -->\n"), format!("<!-- /{chapter} -->"));
    let start = text.find(&open).with_context(|| format!("no {} in the document", open.trim()))? + open.len();
    let end = text.find(&close).with_context(|| format!("no {close} in the document"))?;
    Ok(format!("{}\n{}\n{}", &text[..start], table.trim(), &text[end..]))
}
