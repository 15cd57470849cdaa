//! What must be done with a function's code before a release that holds it goes live.
//!
//! What a function insists on reaching must be there to be given, and a microVM must be possible where one is asked for.
//! A WebAssembly component is compiled, checked and, where it asks for that, run once for its snapshot. That happens
//! before the transaction, so a release whose functions cannot be made ready changes nothing. Start
//! reading at [`Preparation`].

use std::{io, path::Path, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use sonagi_model::{
    function::{Function, Network, Runtime},
    limits,
    release::ReleaseContent,
};

use crate::{Error, Packages, Result, manifest, packages::blocking};

/// Makes functions ready to start. `server` gives one that leads to the sandbox.
#[async_trait]
pub trait Preparation: Send + Sync {
    /// Returns once `function` can start; `code` is the folder with its unpacked package. It is called for every
    /// WebAssembly function of a release and every one that asks for a microVM, and by each change of one, so it must be
    /// quick where nothing is left to do. Its future may be dropped.
    async fn prepare(&self, function: &Function, code: &Path) -> Result<(), PrepareError>;

    /// Whether this server can give functions what they insist on reaching. It is called for every function of a
    /// release, by each change of one, and by whatever makes a release live again.
    async fn grant(&self, network: &Network) -> Result<(), PrepareError>;
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The deployer's mistake: the text says what is wrong and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Too much at once: the same will pass later.
    #[error("{0}")]
    Busy(String),
    #[error("{doing}")]
    Machine {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
}

/// Runs the preparation, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Preparations(pub(crate) Option<Arc<dyn Preparation>>);

impl Preparations {
    /// Makes all functions of a release ready. The first one by name that cannot be is the error.
    pub(crate) async fn all(&self, packages: &Packages, content: &ReleaseContent) -> Result<()> {
        let prepared: Vec<_> =
            content.functions.values().map(|function| self.named(packages, function).boxed()).collect();
        stream::iter(prepared).buffered(limits::PREPARATIONS_AT_ONCE).try_collect().await
    }

    /// Lambda's own calls are about one function and need no name; a deployment does.
    async fn named(&self, packages: &Packages, function: &Function) -> Result<()> {
        self.one(packages, function).await.map_err(|error| match error {
            Error::Invalid(text) => Error::Invalid(format!("function {}: {text}", function.name)),
            Error::Busy(text) => Error::Busy(format!("function {}: {text}", function.name)),
            other => other,
        })
    }

    pub(crate) async fn one(&self, packages: &Packages, function: &Function) -> Result<()> {
        let Some(preparation) = &self.0 else { return Ok(()) };
        let refused = |error| match error {
            PrepareError::Invalid(text) => Error::Invalid(text),
            PrepareError::Busy(text) => Error::Busy(text),
            PrepareError::Machine { doing, cause } => Error::Io { doing, cause },
        };
        preparation.grant(&function.network).await.map_err(refused)?;
        if !wanted(function) {
            return Ok(());
        }
        let code = packages.unpacked(&function.package).await?;
        if function.runtime == Runtime::Wasm {
            let (handler, folder) = (function.handler.clone(), code.clone());
            blocking(move || check_file(&handler, &folder)).await?;
        }
        preparation.prepare(function, &code).await.map_err(refused)
    }
}

/// The handler's file must be in the package, which has no links that lead out of it.
fn check_file(handler: &str, code: &Path) -> Result<()> {
    if code.join(handler).is_file() {
        return Ok(());
    }
    let found = match manifest::neighbours(code, |entry| entry.extension().is_some_and(|end| end == "wasm")) {
        Some(names) => format!("there is {names}"),
        None => "there is no component at its top".into(),
    };
    Err(Error::Invalid(format!("the handler {handler:?} names a file that is not in the package: {found}")))
}

/// Whether a function is prepared at all.
fn wanted(function: &Function) -> bool {
    match function.runtime {
        Runtime::Wasm => true,
        Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
            function.driver.is_microvm()
        }
    }
}

/// Whether a preparation of one is a preparation of the other.
pub(crate) fn same(one: &Function, other: &Function) -> bool {
    match (wanted(one), wanted(other)) {
        (_, false) => true,
        (false, true) => false,
        (true, true) => {
            (one.package, &one.handler, one.memory, &one.wasm, one.runtime)
                == (other.package, &other.handler, other.memory, &other.wasm, other.runtime)
                && (one.driver, &one.network, one.architecture)
                    == (other.driver, &other.network, other.architecture)
        }
    }
}
