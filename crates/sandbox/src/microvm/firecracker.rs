//! Machines in Firecracker, each behind its jailer.
//!
//! ```text
//! place:   <base>/firecracker/<id>/root/   v_1024, v_1025, v_9001 (ours, for the jail's user)
//! start:   + kernel, initial, drive0 …     hard links or copies, read-only
//!          + scratch                       a copy, the jail's user's: the last drive
//! run:     + api, v                        Firecracker's
//! ```

use std::{
    fs, io,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::fs::PermissionsExt as _,
    },
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use async_trait::async_trait;
use sonagi_model::{Clock, Tick};
use tokio::process::{Child, Command};

use super::{
    api::{
        ActionType, Api, BackendType, BootSource, Drive, EntropyDevice, InstanceActionInfo,
        MachineConfiguration, MemoryBackend, NetworkInterface, SnapshotCreateParams, SnapshotLoadParams,
        SnapshotType, Vm, VmState, Vsock,
    },
    console::Console,
    jailer::{API_SOCKET, Jailer, VSOCK},
    monitor::{Folder, Machine, Monitor, NoMachine, Place, Shape},
    scratch,
};
use crate::process::{Users, Wire, in_a_new_namespace};

/// The kernel's command line. A reboot ends Firecracker; a panic does at once.
const BOOT_ARGUMENTS: &str = "console=ttyS0 reboot=k panic=-1 pci=off quiet loglevel=1 random.trust_cpu=on \
                              i8042.noaux i8042.nomux i8042.dumbkbd";
/// The machine's own number on its vsock; it is alone there.
const GUEST_CID: u32 = 3;
/// The files of a snapshot.
const STATE: &str = "state";
const MEMORY: &str = "memory";
const SCRATCH: &str = "scratch";
/// Firecracker's name for a machine's interface.
const INTERFACE: &str = "eth0";

pub struct Firecracker {
    jailer: Jailer,
    /// What `firecracker --version` says.
    identity: String,
    users: Users,
    clock: Arc<dyn Clock>,
}

impl Firecracker {
    /// `random` is for the users that its jails have.
    ///
    /// # Errors
    /// Why there can be no jails.
    pub fn new(jailer: Jailer, identity: String, random: u64, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let users = Users::of(random).ok_or(
            "Firecracker's jailer gives each machine a user of its own, which only root of the machine can: run the \
             server as root",
        )?;
        jailer.sweep_groups(clock.now());
        Ok(Self { jailer, identity, users, clock })
    }

    /// A monitor that waits for its configuration.
    async fn open(&self, place: Place, shape: &Shape, deadline: Tick) -> Result<Jailed, NoMachine> {
        let id = id_of(&place);
        let user = place.user.unwrap_or_default();
        let jail = self.jailer.root(&id);
        let empty = match &place.wire {
            Some(_) => None,
            None => {
                let made = in_a_new_namespace(|| Ok(())).map(|(namespace, ())| namespace);
                Some(made.map_err(NoMachine::io("make a network namespace"))?)
            }
        };
        let network = match (&place.wire, &empty) {
            (Some(wire), _) => wire.namespace().as_raw_fd(),
            (None, empty) => empty.as_ref().map_or(-1, |empty| empty.as_fd().as_raw_fd()),
        };
        // The jailer opens it while this program holds it.
        let path = format!("/proc/{}/fd/{network}", std::process::id());
        let mut child = Command::new(&self.jailer.program)
            .args(self.jailer.arguments(&id, user, Path::new(&path), shape))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(NoMachine::io("start Firecracker's jailer"))?;
        let console = Console::default();
        if let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) {
            console.follow(output);
            console.follow(errors);
        }
        let api = Api::new(jail.join(API_SOCKET), Arc::clone(&self.clock));
        let remains = Remains { child, jailer: self.jailer.clone(), id, _empty: empty, place };
        let runtime = tokio::runtime::Handle::current();
        let shape = shape.clone();
        let mut jailed = Jailed { remains: Some(remains), ended: false, api, console, jail, shape, runtime };
        let version = jailed.api.clone();
        jailed.alive(version.version(deadline)).await?;
        Ok(jailed)
    }
}

impl Drop for Firecracker {
    fn drop(&mut self) {
        self.jailer.remove_groups();
    }
}

fn id_of(place: &Place) -> String {
    place.folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[async_trait]
impl Monitor for Firecracker {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn place(&self, name: &str) -> io::Result<Place> {
        let folder = self.jailer.folder(name);
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        let folder = Folder::make(folder)?;
        let root = self.jailer.root(name);
        fs::create_dir(&root)?;
        let user = self.users.next();
        // Its user makes sockets and snapshots in it; the jailer gives it away too.
        std::os::unix::fs::chown(&root, Some(user), Some(user))?;
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700))?;
        Ok(Place { folder, vsock: root.join(VSOCK), user: Some(user), wire: None })
    }

    async fn boot(&self, place: Place, shape: &Shape, deadline: Tick) -> Result<Box<dyn Machine>, NoMachine> {
        let names = furnish(&self.jailer.root(&id_of(&place)), shape, &shape.scratch, place.user)
            .map_err(NoMachine::io("furnish a jail"))?;
        let connected = place.wire.is_some();
        let mut jailed = Box::new(self.open(place, shape, deadline).await?);
        let api = jailed.api.clone();
        let configure = async {
            let configuration =
                MachineConfiguration { vcpu_count: shape.processors, mem_size_mib: shape.memory, smt: false };
            api.put("/machine-config", &configuration, deadline).await?;
            let source = BootSource {
                kernel_image_path: names.kernel,
                initrd_path: names.initial,
                boot_args: BOOT_ARGUMENTS.into(),
            };
            api.put("/boot-source", &source, deadline).await?;
            let scratch = names.scratch.clone();
            for (number, path) in names.drives.into_iter().chain([names.scratch]).enumerate() {
                let drive_id = format!("drive{number}");
                let path_of = format!("/drives/{drive_id}");
                let is_read_only = path != scratch;
                // The init mounts them; to Firecracker none is the root.
                let drive = Drive { drive_id, path_on_host: path, is_root_device: false, is_read_only };
                api.put(&path_of, &drive, deadline).await?;
            }
            if connected {
                let interface = NetworkInterface {
                    iface_id: INTERFACE.into(),
                    host_dev_name: Wire::TAP.into(),
                    guest_mac: Wire::hardware(),
                };
                api.put(&format!("/network-interfaces/{INTERFACE}"), &interface, deadline).await?;
            }
            let vsock = Vsock { guest_cid: GUEST_CID, uds_path: format!("/{VSOCK}") };
            api.put("/vsock", &vsock, deadline).await?;
            api.put("/entropy", &EntropyDevice {}, deadline).await?;
            let start = InstanceActionInfo { action_type: ActionType::InstanceStart };
            api.put("/actions", &start, deadline).await
        };
        jailed.alive(configure).await?;
        Ok(jailed)
    }

    async fn restore(
        &self,
        place: Place,
        shape: &Shape,
        snapshot: &Path,
        deadline: Tick,
    ) -> Result<Box<dyn Machine>, NoMachine> {
        let jail = self.jailer.root(&id_of(&place));
        furnish(&jail, shape, &snapshot.join(SCRATCH), place.user)
            .and_then(|_| show(&snapshot.join(STATE), &jail.join(STATE)))
            .and_then(|()| show(&snapshot.join(MEMORY), &jail.join(MEMORY)))
            .map_err(NoMachine::io("furnish a jail"))?;
        let mut jailed = Box::new(self.open(place, shape, deadline).await?);
        let api = jailed.api.clone();
        // Its interface is of the same name in every namespace.
        let load = SnapshotLoadParams {
            snapshot_path: format!("/{STATE}"),
            mem_backend: MemoryBackend {
                backend_type: BackendType::File,
                backend_path: format!("/{MEMORY}"),
            },
            resume_vm: true,
        };
        jailed.alive(api.put("/snapshot/load", &load, deadline)).await?;
        Ok(jailed)
    }
}

/// The paths that a machine's files have in its jail.
struct Names {
    kernel: String,
    initial: String,
    drives: Vec<String>,
    scratch: String,
}

/// Puts a machine's files into its jail, under the names that they also have in every other: what it writes to as it is in
/// `scratch`.
fn furnish(jail: &Path, shape: &Shape, scratch: &Path, user: Option<u32>) -> io::Result<Names> {
    let shown = |from: &Path, name: String| {
        show(from, &jail.join(&name))?;
        Ok::<_, io::Error>(format!("/{name}"))
    };
    scratch::copy(scratch, &jail.join(SCRATCH))?;
    std::os::unix::fs::chown(jail.join(SCRATCH), user, user)?;
    Ok(Names {
        kernel: shown(&shape.kernel, "kernel".into())?,
        initial: shown(&shape.initial, "initial".into())?,
        drives: shape
            .drives
            .iter()
            .enumerate()
            .map(|(number, drive)| shown(drive, format!("drive{number}")))
            .collect::<io::Result<_>>()?,
        scratch: format!("/{SCRATCH}"),
    })
}

/// The same file once more; a copy where it lies on another file system.
fn show(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::copy(from, to).map(drop),
        other => other,
    }
}

/// Firecracker in its jail.
struct Jailed {
    /// None, once it is ended by us.
    remains: Option<Remains>,
    ended: bool,
    api: Api,
    console: Console,
    jail: PathBuf,
    shape: Shape,
    runtime: tokio::runtime::Handle,
}

impl Jailed {
    /// Runs `work` for as long as the monitor lives.
    async fn alive<T>(&mut self, work: impl Future<Output = Result<T, NoMachine>>) -> Result<T, NoMachine> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.ended() => Err(NoMachine::Ended { words: self.console.last_words() }),
        }
    }
}

/// What a machine leaves.
struct Remains {
    child: Child,
    jailer: Jailer,
    id: String,
    /// The network namespace of a machine without a network.
    _empty: Option<OwnedFd>,
    place: Place,
}

impl Remains {
    async fn clear(mut self) {
        // It may have ended already.
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
        let Self { jailer, id, place, .. } = self;
        let cleared = tokio::task::spawn_blocking(move || {
            // However far it came.
            for group in jailer.groups_of(&id) {
                if let Err(error) = fs::remove_dir(&group) {
                    tracing::warn!(%error, group = %group.display(), "a machine's control group stays behind");
                }
            }
            drop(place);
        });
        // It cannot fail but by a panic, which has said so.
        let _ = cleared.await;
    }
}

#[async_trait]
impl Machine for Jailed {
    async fn ended(&mut self) {
        if let Some(remains) = &mut self.remains
            && !self.ended
        {
            // An error means that there is no such child any more.
            let _ = remains.child.wait().await;
        }
        self.ended = true;
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn limit_processors(&mut self) -> io::Result<()> {
        let limit = |remains: &Remains| remains.jailer.limit_processors(&remains.id, &self.shape);
        self.remains.as_ref().map_or(Ok(()), limit)
    }

    async fn snapshot(&mut self, into: &Path, deadline: Tick) -> Result<(), NoMachine> {
        let (api, jail) = (self.api.clone(), self.jail.clone());
        let take = async {
            api.patch("/vm", &Vm { state: VmState::Paused }, deadline).await?;
            let create = SnapshotCreateParams {
                snapshot_type: SnapshotType::Full,
                snapshot_path: format!("/{STATE}"),
                mem_file_path: format!("/{MEMORY}"),
            };
            api.put("/snapshot/create", &create, deadline).await
        };
        self.alive(take).await?;
        let into = into.to_path_buf();
        let moved = tokio::task::spawn_blocking(move || {
            // The machine stands still: what it has written is as its memory knows it.
            for name in [STATE, MEMORY, SCRATCH] {
                let to = into.join(name);
                take_over(&jail.join(name), &to)?;
            }
            Ok(())
        });
        let moved = moved.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        moved.map_err(NoMachine::io("keep a snapshot"))
    }

    async fn kill(&mut self) {
        if let Some(remains) = self.remains.take() {
            self.ended = true;
            let _ = self.runtime.spawn(remains.clear()).await;
        }
    }

    fn last_words(&self) -> String {
        self.console.last_words()
    }
}

/// Moves a file that a jail's user has written to where it is ours alone, and read-only.
fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    // Not through a link that was put there instead.
    let file = fs::symlink_metadata(from)?;
    if !file.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a snapshot's file is none"));
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::copy(from, to)?;
            fs::remove_file(from)?;
        }
        other => other?,
    }
    std::os::unix::fs::chown(to, Some(0), Some(0))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o444))
}

impl Drop for Jailed {
    fn drop(&mut self) {
        if let Some(remains) = self.remains.take() {
            self.runtime.spawn(remains.clear());
        }
    }
}
