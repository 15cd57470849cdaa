//! Measures what docs/performance.md claims, beside a yardstick in the same run.
//!
//! `sonagi-bench CHAPTER` prints one chapter of Markdown; `cargo xtask bench` puts it into the document. The binary
//! is the load and the yardstick (a bare hyper server); `hello-bootstrap` beside it is the `provided` function.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program")]
#![expect(clippy::disallowed_methods, reason = "it measures real time and reads its environment")]

mod apps;
mod awake;
mod burst;
mod idle;
mod load;
mod options;
mod platform;
mod queues;
mod raw;
mod records;
mod starts;
mod statistics;
mod warm;
mod wasm;
mod yardstick;

use anyhow::{Result, bail};

use crate::options::Options;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options = Options::parse(std::env::args().skip(1))?;
    let (chapter, length) = (options.chapter.as_str(), options.length);
    sonagi_server::raise_file_limit();
    // Not where processes are started: to wake them a hundred times costs less than to take the processors from what gives
    // way late, by a tick of the clock now and then.
    let _awake = if chapter.starts_with("wasm-") { awake::keep()? } else { Vec::new() };
    runtime.block_on(async {
        match chapter {
            "yardstick" => yardstick::serve().await,
            awake::WORD => {
                awake::spin();
                Ok(())
            }
            "invoke" => Box::pin(warm::run(length)).await,
            "sandbox" => Box::pin(warm::sandbox(length)).await,
            "starts" => Box::pin(starts::run(length)).await,
            "burst" => Box::pin(burst::run(length)).await,
            "records" => Box::pin(records::run()).await,
            "idle" => Box::pin(idle::run()).await,
            "queues" => Box::pin(queues::run(&options)).await,
            "queues-throughput" => Box::pin(queues::throughput::run(&options)).await,
            "queues-backlog" => Box::pin(queues::backlog::run(&options)).await,
            "queues-idle" => Box::pin(queues::idle::run(length)).await,
            "queues-woken" => Box::pin(queues::woken::run(length)).await,
            "wasm-guests" => wasm::gather(options.guests.as_deref()),
            "wasm-requests" => Box::pin(wasm::requests::run(length)).await,
            "wasm-first" => Box::pin(wasm::first::run(length)).await,
            "wasm-turns" => Box::pin(wasm::turns::run(length)).await,
            "wasm-neighbours" => Box::pin(wasm::neighbours::run(length)).await,
            "wasm-live" => Box::pin(wasm::live::run(length)).await,
            "wasm-snapshot" => Box::pin(wasm::snapshot::run(length)).await,
            other => bail!(
                "{other:?} is no chapter: use invoke, sandbox, starts, burst, records, idle, queues, or queues- with throughput, \
                 backlog, idle or woken, or wasm- with requests, first, turns, neighbours, live or snapshot, after wasm-guests"
            ),
        }
    })
}
