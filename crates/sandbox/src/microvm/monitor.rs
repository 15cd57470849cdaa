//! The seam between what a machine does for a function and the program that runs machines.

use std::{
    io,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use sonagi_model::Tick;

use crate::process::Wire;

/// A virtual machine monitor, such as Firecracker.
///
/// Its machines have a vsock device with Firecracker's way to the host: a connection of the guest's to the host's port N
/// is a connection to the Unix socket `<vsock>_N`. Those whose place has a [`Wire`] have an interface too.
#[async_trait]
pub trait Monitor: Send + Sync + 'static {
    /// Everything of it that a snapshot depends on: its name and version.
    fn identity(&self) -> &str;

    /// A place for one machine of this name, which no other has; nothing runs in it. Blocks for a moment.
    fn place(&self, name: &str) -> io::Result<Place>;

    /// Starts a machine in its place. Dropping the future ends it.
    async fn boot(&self, place: Place, shape: &Shape, deadline: Tick) -> Result<Box<dyn Machine>, NoMachine>;

    /// A machine that goes on where the one was of which `snapshot` is. Its memory is its own: the snapshot stays as it
    /// is. Dropping the future ends it.
    async fn restore(
        &self,
        place: Place,
        shape: &Shape,
        snapshot: &Path,
        deadline: Tick,
    ) -> Result<Box<dyn Machine>, NoMachine>;
}

/// A machine that runs. Dropping it ends it and removes its place.
#[async_trait]
pub trait Machine: Send + Sync {
    /// Ready when it has ended on its own. Safe to drop.
    async fn ended(&mut self);

    fn has_ended(&self) -> bool;

    /// From here on its processor time is limited to its share. Before, while it starts, it may have what is there.
    fn limit_processors(&mut self) -> io::Result<()>;

    /// Stops it for good, and writes what it was into the folder `into`, which is there.
    async fn snapshot(&mut self, into: &Path, deadline: Tick) -> Result<(), NoMachine>;

    /// Ends it; ready when it is gone. Safe to drop: it goes on without.
    async fn kill(&mut self);

    /// The end of what it and its monitor said last, for who looks for the cause of its end.
    fn last_words(&self) -> String;
}

/// Where one machine is.
#[derive(Debug)]
pub struct Place {
    /// Its folder. Dropping the place removes it.
    pub folder: Folder,
    /// The path of the vsock device's socket on this machine.
    pub vsock: PathBuf,
    /// Who connects to the sockets beside it, if not this program's user.
    pub user: Option<u32>,
    /// The network that the monitor is to be in, with an interface for its machine. None: one with nothing in it.
    pub wire: Option<Wire>,
}

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it. Its parent is there.
    pub fn make(path: PathBuf) -> io::Result<Self> {
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.0.display(), "a machine's folder stays behind");
        }
    }
}

/// What a machine is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub processors: u32,
    /// Of one processor's time, in thousandths; all of them together.
    pub processor_share: u32,
    /// MiB.
    pub memory: u32,
    pub kernel: PathBuf,
    pub initial: PathBuf,
    /// Read-only, in this order.
    pub drives: Vec<PathBuf>,
    /// The last drive, which the machine writes to: each has a copy of this.
    pub scratch: PathBuf,
}

/// Why there is no machine, or not what was wanted of it.
#[derive(Debug, thiserror::Error)]
pub enum NoMachine {
    #[error("{doing}")]
    Io {
        doing: &'static str,
        #[source]
        cause: io::Error,
    },
    /// The monitor's own words.
    #[error("{request}: {words}")]
    Refused { request: String, words: String },
    #[error("{request}: no answer in time")]
    TimedOut { request: String },
    /// It ended where it should have gone on.
    #[error("the machine's monitor has ended: {words}")]
    Ended { words: String },
}

impl NoMachine {
    pub(super) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |cause| Self::Io { doing, cause }
    }
}
