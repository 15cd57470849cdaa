//! The microVMs of this server, or why it has none.

use std::{io, path::PathBuf, sync::Arc};

use sonagi_model::{Clock, Entropy, limits};
use sonagi_sandbox::{
    Microvms, Whose,
    layers::Layers,
    microvm::{self, Means, MicrovmDriver, Options},
    process::{Endpoint, Networks},
};

use crate::{Error, Result};

/// What they take.
pub(crate) struct Needs {
    pub(crate) options: Option<Options>,
    pub(crate) whose: Whose,
    pub(crate) work_dir: PathBuf,
    pub(crate) search_path: String,
    pub(crate) layers: Layers,
    pub(crate) networks: Option<Arc<Networks>>,
    pub(crate) endpoint: Endpoint,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Looks at this machine, and makes the driver if there can be one. A server that is to run everything in microVMs and
/// cannot does not start.
pub(crate) async fn open(needs: Needs) -> Result<Microvms> {
    let whose = needs.whose;
    let asked_for = needs.options.is_some();
    // The endpoint is served by a task, which needs the runtime that this thread has.
    let opened = match (&needs.options, whose) {
        (None, Whose::WhoAsks) => {
            Err("start it with `--microvm-kernel FILE` and `--microvm-rootfs FILE`".into())
        }
        (Some(_), _) | (None, Whose::All) => {
            let opening = tokio::task::spawn_blocking(move || driver(needs));
            opening.await.unwrap_or_else(|error| Err(error.to_string()))
        }
    };
    match (&opened, whose) {
        (Err(why), Whose::All) => return Err(Error::Microvm(why.clone())),
        (Err(why), Whose::WhoAsks) if asked_for => {
            tracing::warn!("functions that ask for a microVM are refused: {why}");
        }
        (Ok(_) | Err(_), _) => {}
    }
    Ok(Microvms { driver: opened.map(Arc::new).map_err(Into::into), whose })
}

/// Blocks, for as long as KVM is timed and the root file system is copied.
fn driver(needs: Needs) -> Result<MicrovmDriver, String> {
    let options = needs.options.unwrap_or_default();
    let means: Means = microvm::survey(&options, &needs.search_path, &*needs.clock)?;
    let opened = || -> io::Result<MicrovmDriver> {
        let (monitor, room) =
            means.firecracker(&needs.work_dir, Arc::clone(&needs.clock), &*needs.entropy)?;
        let config = microvm::Config {
            renewal: limits::MICROVM_RENEWAL_TIMEOUT,
            monitor,
            work_dir: needs.work_dir,
            kernel: means.kernel,
            root: means.root,
            extras: Vec::new(),
            endpoint: Some(needs.endpoint),
            networks: needs.networks,
            layers: Some(needs.layers),
            search_path: needs.search_path,
            clock: needs.clock,
            entropy: needs.entropy,
        };
        MicrovmDriver::open(config, room)
    };
    opened().map_err(|error| error.to_string())
}
