//! Measures what docs/performance.md claims, beside a yardstick in the same run.
//!
//! `sonagi-bench CHAPTER` prints one chapter of Markdown; `cargo xtask bench` puts it into the document. The binary
//! is the load and the yardstick (a bare hyper server); `hello-bootstrap` beside it is the `provided` function.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program")]
#![expect(clippy::disallowed_methods, reason = "it measures real time and reads its environment")]

mod apps;
mod cold;
mod idle;
mod load;
mod platform;
mod raw;
mod records;
mod statistics;
mod warm;
mod yardstick;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let chapter = std::env::args().nth(1).unwrap_or_default();
    runtime.block_on(async {
        match chapter.as_str() {
            "yardstick" => yardstick::serve().await,
            "invoke" => Box::pin(warm::run()).await,
            "cold" => Box::pin(cold::run()).await,
            "records" => Box::pin(records::run()).await,
            "idle" => Box::pin(idle::run()).await,
            other => bail!("{other:?} is no chapter: use invoke, cold, records or idle"),
        }
    })
}
