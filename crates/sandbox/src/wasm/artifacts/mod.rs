//! Compiled components on the disk: what was compiled once is not compiled again, and only what is ours is run.
//!
//! ```text
//! ensure ─► index: which component? ─► code of it? ─yes─► done
//!                     │ unknown            │ none
//!                     └─► hash the file ───┴─► line ─► child (compile) ─► sealed ─► code, index
//! find ───► index ─► code: opened once, its seal checked unless remembered ─► load: mapped
//! ```
//!
//! Start reading at [`Artifacts::ensure`] and [`Artifacts::find`]; [`folder`] says where files are, [`vault`] when a
//! file is taken for ours and what remains of the time between a check and its use. Always true here:
//! - no file's content is believed, mapped or parsed before its seal was found right, with a key that the child never
//!   sees, and for the place where the file is;
//! - files appear whole, or not at all, and survive a crash once they do;
//! - the same component is compiled once, however many wait for it, and at most so many are compiled at once.

mod collect;
mod flights;
mod folder;
mod line;
mod map;
mod seal;
#[cfg(test)]
mod tests;
mod usage;
mod vault;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Component as Part, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sonagi_model::{
    Clock, Digest,
    function::{WasiVersion, WasmStart},
    limits,
};
use wasmtime::{Engine, component::Component};

pub(crate) use super::compile::Refusal;
use super::compile::{self, Compiler, Facts, Order};
use flights::{Boarding, Flight, Flights, Pilot};
use folder::{Folder, Key};
use line::{Line, Ticket};
use seal::Sealer;
use usage::Usage;
use vault::{Sealed, Vault};

const READ: &str = "read the cache of compiled components";
const WRITE: &str = "write to the cache of compiled components";
const COMPONENT: &str = "read the component";

/// What [`Artifacts::open`] needs.
pub(crate) struct ArtifactsConfig {
    pub(crate) dir: PathBuf,
    /// What every file is sealed with.
    pub(crate) key: [u8; 32],
    pub(crate) compiler: Compiler,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A component, and how it is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Of the package that it is in.
    pub(crate) package: Digest,
    /// Names the component's file within the package.
    pub(crate) handler: String,
    /// The same file in the unpacked package.
    pub(crate) file: PathBuf,
    pub(crate) start: WasmStart,
    pub(crate) wasi: WasiVersion,
    /// MiB that the function has.
    pub(crate) memory: u32,
}

/// Who goes ahead in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Somebody waits: a deployment, a request.
    Waiting,
    /// Nobody does: what a newer version has to compile again.
    Background,
}

/// The cache; its clones are the same one.
#[derive(Clone)]
pub(crate) struct Artifacts(Arc<Cache>);

struct Cache {
    folder: Folder,
    vault: Vault,
    /// What the index says, as far as it was read: an entry's name, and its component.
    index: Mutex<HashMap<String, Digest>>,
    usage: Usage,
    line: Line,
    flights: Arc<Flights>,
    compiler: Compiler,
    clock: Arc<dyn Clock>,
}

/// Native code that was found to be ours.
pub(crate) struct Found {
    key: Key,
    sealed: Sealed,
}

impl Found {
    pub(crate) fn facts(&self) -> Facts {
        self.sealed.facts
    }
}

/// What an entry of the index says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    component: Digest,
}

impl Artifacts {
    pub(crate) fn open(config: ArtifactsConfig) -> io::Result<Self> {
        let folder = Folder::open(&config.dir)?;
        let usage = Usage::read(&folder.used());
        Ok(Self(Arc::new(Cache {
            folder,
            vault: Vault::new(Sealer::new(&config.key)),
            index: Mutex::default(),
            usage,
            line: Line::new(limits::COMPILES_AT_ONCE, limits::COMPILES_WAITING),
            flights: Arc::default(),
            compiler: config.compiler,
            clock: config.clock,
        })))
    }

    /// Returns once there is native code of `source` for this version: compiles it unless that was done. At most
    /// [`limits::COMPILES_AT_ONCE`] children run; the rest waits in line. What was begun goes on though nobody should
    /// wait for it any more.
    pub(crate) async fn ensure(&self, source: &Source, urgency: Urgency) -> Result<(), Refusal> {
        let wanted = source.clone();
        let found = self.blocking(READ, move |cache| cache.find(&wanted)).await?;
        if let Some((_, sealed)) = found {
            return fits(&sealed, source);
        }
        let wanted = source.clone();
        let (key, sealed) = self
            .blocking(COMPONENT, move |cache| {
                let key = Key { component: hash(&wanted)?, wasi: wanted.wasi, start: wanted.start };
                cache.code(&key).map(|sealed| (key, sealed))
            })
            .await?;
        match sealed {
            Some(sealed) => fits(&sealed, source)?,
            None => self.compile(source, key, urgency).await?,
        }
        let wanted = source.clone();
        self.blocking(WRITE, move |cache| cache.enter(&wanted, key.component)).await
    }

    /// Authenticates. `None`: this version has not compiled it yet, or what it had compiled was not whole and is gone.
    /// Blocks: microseconds for what was checked before, else as long as reading the file takes.
    pub(crate) fn find(&self, source: &Source) -> Result<Option<Found>, Refusal> {
        let Some((key, sealed)) = self.0.find(source)? else { return Ok(None) };
        fits(&sealed, source)?;
        Ok(Some(Found { key, sealed }))
    }

    /// Maps what was found. `None`: it was not whole after all, and is gone. Blocks.
    pub(crate) fn load(&self, engine: &Engine, found: Found) -> Result<Option<Component>, Refusal> {
        let cache = &self.0;
        let Found { key, sealed } = found;
        let path = cache.folder.code(&key);
        let why = match map::map(engine, &sealed) {
            Ok(component) if sealed.is_unchanged() => {
                cache.usage.note(key, cache.clock.now());
                return Ok(Some(component));
            }
            Ok(_) => "it was changed while it was mapped".to_owned(),
            Err(error) => match error.downcast::<io::Error>() {
                Ok(cause) => return Err(Refusal::Machine { doing: "map a compiled component", cause }),
                Err(error) => format!("{error:#}"),
            },
        };
        cache.vault.forget(&path);
        vault::discard(&path, &why);
        Ok(None)
    }

    /// Drops what other versions compiled and, least recently used first, what is beyond
    /// [`limits::ARTIFACTS_SIZE`]. What `live` uses stays. Blocks.
    pub(crate) fn collect(&self, live: &[Source]) {
        self.0.collect(live, limits::ARTIFACTS_SIZE);
    }

    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Cache) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let cache = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&cache))
            .await
            .unwrap_or_else(|error| Err(Refusal::Machine { doing, cause: error.into() }))
    }

    /// Compiles it, or waits for whoever does already.
    async fn compile(&self, source: &Source, key: Key, urgency: Urgency) -> Result<(), Refusal> {
        let cache = &self.0;
        let flight = Flight { key, memory: source.memory };
        let enter = || {
            cache.line.enter(urgency).map_err(|line::Full| {
                let waiting = limits::COMPILES_WAITING;
                Refusal::Busy(format!(
                    "{waiting} components wait to be compiled already: try again in a while"
                ))
            })
        };
        let passenger = match cache.flights.board(flight, cache.clock.tick(), enter) {
            Boarding::Refused(refusal) => return Err(refusal),
            Boarding::Joined(passenger) => {
                match urgency {
                    Urgency::Waiting => cache.line.promote(passenger.ticket),
                    Urgency::Background => {}
                }
                passenger
            }
            Boarding::Started(pilot, passenger, ticket) => {
                tokio::spawn(self.clone().fly(pilot, ticket, source.file.clone(), flight));
                passenger
            }
        };
        passenger.arrive().await.unwrap_or_else(|| {
            let cause = io::Error::other("the server is stopping");
            Err(Refusal::Machine { doing: "compile the component", cause })
        })
    }

    async fn fly(self, pilot: Pilot, ticket: Ticket, component: PathBuf, flight: Flight) {
        let turn = ticket.turn().await;
        let result = self.make(component, flight).await;
        drop(turn);
        if let Err(Refusal::Machine { doing, cause }) = &result {
            tracing::warn!(doing, %cause, component = %flight.key.component, "a component was not compiled");
        }
        let compiled = result.is_ok();
        pilot.land(result, self.0.clock.tick());
        if compiled {
            // A file that was written just now is not remembered as checked.
            self.0.clock.sleep(vault::SETTLED).await;
            let _ = self.blocking(READ, move |cache| cache.code(&flight.key).map(drop)).await;
        }
    }

    async fn make(&self, component: PathBuf, flight: Flight) -> Result<(), Refusal> {
        let Flight { key, memory } = flight;
        let began = self.0.clock.tick();
        let draft = self
            .blocking(WRITE, move |cache| match cache.code(&key)? {
                // Compiled while this waited.
                Some(_) => Ok(None),
                None => cache.folder.draft(&key.to_string()).map(Some).map_err(Refusal::machine(WRITE)),
            })
            .await?;
        let Some(mut draft) = draft else { return Ok(()) };
        let order = Order {
            server: rustix::process::getpid().as_raw_nonzero().get(),
            component,
            output: draft.path.clone(),
            wasi: key.wasi,
            start: key.start,
            memory,
            initialisation: limits::SNAPSHOT_TIMEOUT,
        };
        let compiled = compile::run(&self.0.compiler, order, &self.0.clock).await?;
        if compiled.component != key.component {
            let cause = io::Error::other("the component's file was changed while it was read");
            return Err(Refusal::Machine { doing: COMPONENT, cause });
        }
        let took = self.0.clock.tick().since(began);
        tracing::debug!(component = %key.component, size = compiled.size, ?took, "compiled a component");
        self.blocking(WRITE, move |cache| {
            let path = cache.folder.code(&key);
            let sealed = || -> io::Result<()> {
                if draft.file.metadata()?.len() != compiled.size {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let note = serde_json::to_vec(&compiled.facts)?;
                let place = cache.folder.place(&path);
                let seal = cache.vault.sealer().seal(&place, &draft.file, compiled.size, &note)?;
                draft.file.seek(SeekFrom::Start(compiled.size))?;
                draft.file.write_all(&seal)?;
                draft.publish(&path)
            };
            sealed().map_err(Refusal::machine(WRITE))?;
            cache.usage.note(key, cache.clock.now());
            // What is there now is what counts.
            match cache.code(&key)? {
                Some(_) => Ok(()),
                None => Err(Refusal::Machine { doing: WRITE, cause: io::ErrorKind::NotFound.into() }),
            }
        })
        .await
    }
}

impl Cache {
    fn index(&self) -> MutexGuard<'_, HashMap<String, Digest>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code of `source`, as far as it is known which component that is.
    fn find(&self, source: &Source) -> Result<Option<(Key, Sealed)>, Refusal> {
        let Some(component) = self.component(&Folder::entry_name(source))? else { return Ok(None) };
        let key = Key { component, wasi: source.wasi, start: source.start };
        Ok(self.code(&key)?.map(|sealed| (key, sealed)))
    }

    /// The component that an entry of the index names.
    fn component(&self, name: &str) -> Result<Option<Digest>, Refusal> {
        if let Some(component) = self.index().get(name) {
            return Ok(Some(*component));
        }
        let path = self.folder.entry(name);
        let note = self.vault.read(&path, &self.folder.place(&path)).map_err(Refusal::machine(READ))?;
        let Some(note) = note else { return Ok(None) };
        match serde_json::from_slice::<Entry>(&note) {
            Ok(Entry { component }) => {
                self.index().insert(name.to_owned(), component);
                Ok(Some(component))
            }
            Err(error) => {
                vault::discard(&path, &error);
                Ok(None)
            }
        }
    }

    fn code(&self, key: &Key) -> Result<Option<Sealed>, Refusal> {
        let path = self.folder.code(key);
        self.vault.open(&path, &self.folder.place(&path), self.clock.now()).map_err(Refusal::machine(READ))
    }

    /// Writes into the index which component `source` is.
    fn enter(&self, source: &Source, component: Digest) -> Result<(), Refusal> {
        let name = Folder::entry_name(source);
        let path = self.folder.entry(&name);
        let write = || -> io::Result<()> {
            let note = serde_json::to_vec(&Entry { component })?;
            let seal = self.vault.sealer().seal(&self.folder.place(&path), io::empty(), 0, &note)?;
            self.folder.put(&path, &seal)
        };
        write().map_err(Refusal::machine(WRITE))?;
        self.index().insert(name, component);
        Ok(())
    }
}

/// Whether the function has the memory that the component begins with.
fn fits(sealed: &Sealed, source: &Source) -> Result<(), Refusal> {
    compile::check_memory(sealed.facts.memory, source.memory).map_err(Refusal::Invalid)
}

/// The digest of the component's file.
fn hash(source: &Source) -> Result<Digest, Refusal> {
    let handler = &source.handler;
    let inside = Path::new(handler).components().all(|part| matches!(part, Part::Normal(_) | Part::CurDir));
    if !inside || handler.is_empty() {
        return Err(Refusal::Invalid(format!(
            "the handler `{handler}` names no file within the package: write for example `function.wasm`"
        )));
    }
    let missing = || {
        Refusal::Invalid(format!(
            "the package has no file `{handler}`, which the handler names: the component belongs there"
        ))
    };
    let mut file = match File::open(&source.file) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(missing());
        }
        Err(cause) => return Err(Refusal::Machine { doing: COMPONENT, cause }),
    };
    let data = file.metadata().map_err(Refusal::machine(COMPONENT))?;
    if !data.is_file() {
        return Err(missing());
    }
    if data.len() > limits::COMPONENT_SIZE {
        return Err(Refusal::Invalid(compile::too_large()));
    }
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(Refusal::machine(COMPONENT))? {
            0 => return Ok(Digest::from_bytes(digest.finalize().into())),
            count => digest.update(&buffer[..count]),
        }
    }
}
