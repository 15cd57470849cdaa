//! `cargo xtask bench`: measures, and writes the tables into docs/performance.md.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};

use crate::shell;

const CHAPTERS: [&str; 4] = ["invoke", "cold", "records", "idle"];

pub(crate) fn run(only: Option<&str>) -> Result<()> {
    let chapters: Vec<&str> = match only {
        Some(name) => vec![*CHAPTERS.iter().find(|chapter| **chapter == name).context("no such chapter")?],
        None => CHAPTERS.to_vec(),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    shell::run(Command::new(cargo).current_dir(shell::root()).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "sonagi-cli",
        "--package",
        "sonagi-benches",
    ]))?;
    let document = shell::root().join("docs/performance.md");
    for chapter in chapters {
        eprintln!("==> {chapter}");
        let output = Command::new(shell::root().join("target/release/sonagi-bench")).arg(chapter).output()?;
        if !output.status.success() {
            bail!("{chapter} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let table = String::from_utf8(output.stdout)?;
        println!("{table}");
        let text = fs::read_to_string(&document).context("read docs/performance.md")?;
        fs::write(&document, replaced(&text, chapter, &table)?).context("write docs/performance.md")?;
    }
    Ok(())
}

/// `text` with what stands between a chapter's marks replaced.
fn replaced(text: &str, chapter: &str, table: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {chapter} -->\n"), format!("<!-- /{chapter} -->"));
    let start = text.find(&open).with_context(|| format!("no {} in the document", open.trim()))? + open.len();
    let end = text.find(&close).with_context(|| format!("no {close} in the document"))?;
    Ok(format!("{}\n{}\n{}", &text[..start], table.trim(), &text[end..]))
}
