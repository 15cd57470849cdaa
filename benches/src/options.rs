//! How this program is told what to measure.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

pub(crate) struct Options {
    pub(crate) chapter: String,
    /// Few and short rounds: to see that all works, not to quote.
    pub(crate) length: Length,
    /// Components of languages whose tools are not here: `rust.wasm`, `go.wasm`, ….
    pub(crate) guests: Option<PathBuf>,
    /// A Python that has `moto[server]`.
    pub(crate) moto: Option<PathBuf>,
    /// Where a RabbitMQ listens that knows `guest`.
    pub(crate) rabbitmq: Option<SocketAddr>,
    /// Messages that a queue is filled with.
    pub(crate) backlog: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Quick,
    Full,
}

impl Length {
    pub(crate) fn of<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            chapter: String::new(),
            length: Length::Full,
            guests: None,
            moto: None,
            rabbitmq: None,
            backlog: None,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.length = Length::Quick,
                "--guests" => options.guests = Some(arguments.next().context("--guests DIR")?.into()),
                "--moto" => options.moto = Some(arguments.next().context("--moto PYTHON")?.into()),
                "--rabbitmq" => {
                    let address = arguments.next().context("--rabbitmq ADDRESS")?;
                    options.rabbitmq = Some(address.parse().context("--rabbitmq wants 127.0.0.1:5672")?);
                }
                "--backlog" => {
                    let messages = arguments.next().context("--backlog MESSAGES")?;
                    options.backlog = Some(messages.parse().context("--backlog wants a number")?);
                }
                _ if options.chapter.is_empty() => options.chapter = argument,
                _ => bail!("{argument:?} is one too many"),
            }
        }
        Ok(options)
    }
}

/// Where `cargo xtask bench` puts other servers and built guests: `target/tools`.
pub(crate) fn tools() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("the target folder")?;
    Ok(target.join("tools"))
}
