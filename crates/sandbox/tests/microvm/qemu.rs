//! Machines under QEMU, which emulates the processor: slow, and everything else is real. Their vsock is that of
//! `vhost-device-vsock`, which has Firecracker's way to the host: `<vsock>_<port>`.
//!
//! A snapshot is QEMU's own: the vsock device is taken out (which resets the guest's connections, as Firecracker's does),
//! the machine is stopped and its state written to a file. Each machine that is restored begins with that file, gets a
//! vsock device of its own, and goes on.

use std::{
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use sonagi_model::{Clock, Tick, clock};
use sonagi_sandbox::{
    microvm::{Console, Extra, Folder, Machine, Monitor, NoMachine, Place, Shape, copy_sparse},
    process::Wire,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
};

use crate::kernel;

/// The modules that Debian's kernel needs for what our machines have, each after those that it needs.
const MODULES: [&str; 12] = [
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    "net/vmw_vsock/vsock",
    "net/vmw_vsock/vmw_vsock_virtio_transport_common",
    "net/vmw_vsock/vmw_vsock_virtio_transport",
];

/// What the kernel has not in itself.
pub(crate) fn modules() -> Vec<Extra> {
    let mut extras = Vec::new();
    let mut order = String::new();
    for (name, bytes) in kernel::modules(&MODULES) {
        order.push_str(&name);
        order.push('\n');
        extras.push(Extra { name: format!("modules/{name}"), bytes });
    }
    extras.push(Extra { name: "modules/order".into(), bytes: order.into_bytes() });
    extras
}

pub(crate) struct Qemu {
    pub(crate) room: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The files of a snapshot.
const STATE: &str = "state";
const SCRATCH: &str = "scratch";

impl Qemu {
    async fn start(
        &self,
        place: Place,
        shape: &Shape,
        from: Option<&Path>,
        deadline: Tick,
    ) -> Result<Emulated, NoMachine> {
        let folder = place.folder.path().to_path_buf();
        let console = Console::default();
        let mut device = program(&kernel::tools().join("vhost-device-vsock"));
        device.arg("--vm").arg(format!(
            "guest-cid=3,socket={},uds-path={}",
            folder.join("vhost").display(),
            place.vsock.display()
        ));
        let device = device.spawn().unwrap();
        let mut qemu = match &place.wire {
            None => program(Path::new("qemu-system-x86_64")),
            Some(wire) => {
                let namespace = wire.namespace().as_raw_fd();
                let mut qemu = program(Path::new("nsenter"));
                qemu.arg(format!("--net=/proc/{}/fd/{namespace}", std::process::id()))
                    .arg("qemu-system-x86_64")
                    .arg("-netdev")
                    .arg(format!("tap,id=net,ifname={},script=no,downscript=no", Wire::TAP))
                    .arg("-device")
                    .arg(format!("virtio-net-pci,netdev=net,romfile=,mac={}", Wire::hardware()));
                qemu
            }
        };
        let memory = shape.memory;
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S"])
            .args(["-accel", "tcg", "-cpu", "max", "-machine", "pc,memory-backend=memory"])
            .args(["-m", &memory.to_string(), "-object"])
            .arg(format!("memory-backend-memfd,id=memory,size={memory}M,share=on"))
            .args(["-serial", "stdio", "-device", "vmgenid,guid=auto", "-qmp"])
            .arg(format!("unix:{},server=on,wait=off", folder.join("qmp").display()))
            .arg("-kernel")
            .arg(&shape.kernel)
            .arg("-initrd")
            .arg(&shape.initial)
            .args(["-append", "console=ttyS0 panic=-1 reboot=t quiet"]);
        for drive in &shape.drives {
            qemu.arg("-drive").arg(format!("if=virtio,format=raw,readonly=on,file={}", drive.display()));
        }
        let scratch = folder.join(SCRATCH);
        let first = from.map_or_else(|| shape.scratch.clone(), |from| from.join(SCRATCH));
        copy_sparse(&first, &scratch).unwrap();
        qemu.arg("-drive").arg(format!("if=virtio,format=raw,file={}", scratch.display()));
        if from.is_some() {
            qemu.args(["-incoming", "defer"]);
        }
        let qemu = qemu.spawn().unwrap();
        // From here on both are ended with it.
        let mut machine = Emulated {
            qemu,
            device,
            console,
            qmp: None,
            ended: false,
            clock: Arc::clone(&self.clock),
            place: Some(place),
        };
        let connecting = async {
            wait_for(&folder.join("vhost"), &*self.clock).await;
            Qmp::connect(&folder.join("qmp"), &*self.clock).await
        };
        let mut qmp = machine.alive(deadline, connecting).await?;
        if let Some(from) = from {
            let uri = format!("exec:cat {}", from.join(STATE).display());
            machine.alive(deadline, qmp.run("migrate-incoming", json!({ "uri": uri }))).await?;
            machine.alive(deadline, qmp.migrated(&*self.clock)).await?;
        }
        let socket = folder.join("vhost").display().to_string();
        let add = async {
            let address = json!({ "type": "unix", "data": { "path": socket } });
            let backend = json!({ "type": "socket", "data": { "addr": address, "server": false } });
            qmp.run("chardev-add", json!({ "id": "vhost", "backend": backend })).await;
            qmp.run(
                "device_add",
                json!({ "driver": "vhost-user-vsock-pci", "id": "vsock", "chardev": "vhost" }),
            )
            .await;
            qmp.run("cont", json!({})).await;
        };
        machine.alive(deadline, add).await?;
        machine.qmp = Some(qmp);
        Ok(machine)
    }
}

fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn wait_for(path: &Path, clock: &dyn Clock) {
    while !path.exists() {
        clock.sleep(Duration::from_millis(5)).await;
    }
}

#[async_trait]
impl Monitor for Qemu {
    fn identity(&self) -> &str {
        "QEMU, emulating"
    }

    fn place(&self, name: &str) -> std::io::Result<Place> {
        let folder = Folder::make(self.room.join(name))?;
        let vsock = folder.path().join("v");
        Ok(Place { folder, vsock, user: None, wire: None })
    }

    async fn boot(&self, place: Place, shape: &Shape, deadline: Tick) -> Result<Box<dyn Machine>, NoMachine> {
        Ok(Box::new(self.start(place, shape, None, deadline).await?))
    }

    async fn restore(
        &self,
        place: Place,
        shape: &Shape,
        snapshot: &Path,
        deadline: Tick,
    ) -> Result<Box<dyn Machine>, NoMachine> {
        Ok(Box::new(self.start(place, shape, Some(snapshot), deadline).await?))
    }
}

struct Emulated {
    qemu: Child,
    device: Child,
    console: Console,
    qmp: Option<Qmp>,
    ended: bool,
    clock: Arc<dyn Clock>,
    place: Option<Place>,
}

impl Emulated {
    async fn alive<T>(&mut self, deadline: Tick, work: impl Future<Output = T>) -> Result<T, NoMachine> {
        if let (Some(output), Some(errors)) = (self.qemu.stdout.take(), self.qemu.stderr.take()) {
            self.console.follow(output);
            self.console.follow(errors);
        }
        if let (Some(output), Some(errors)) = (self.device.stdout.take(), self.device.stderr.take()) {
            self.console.follow(output);
            self.console.follow(errors);
        }
        let clock = Arc::clone(&self.clock);
        let work = async {
            tokio::select! {
                biased;
                done = work => Ok(done),
                _ = self.qemu.wait() => Err(NoMachine::Ended { words: self.console.last_words() }),
            }
        };
        let done = clock::within(&*clock, deadline, work).await;
        done.unwrap_or_else(|| Err(NoMachine::TimedOut { request: "QEMU".into() }))
    }
}

#[async_trait]
impl Machine for Emulated {
    async fn ended(&mut self) {
        let _ = self.qemu.wait().await;
        self.ended = true;
    }

    fn has_ended(&self) -> bool {
        self.ended
    }

    fn limit_processors(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    async fn snapshot(&mut self, into: &Path, deadline: Tick) -> Result<(), NoMachine> {
        let mut qmp = self.qmp.take().unwrap();
        let clock = Arc::clone(&self.clock);
        let uri = format!("exec:cat > {}", into.join(STATE).display());
        let take = async {
            qmp.run("device_del", json!({ "id": "vsock" })).await;
            qmp.event("DEVICE_DELETED").await;
            qmp.run("stop", json!({})).await;
            qmp.run("migrate", json!({ "uri": uri })).await;
            qmp.migrated(&*clock).await;
        };
        self.alive(deadline, take).await?;
        // It stands still.
        let scratch = self.place.as_ref().unwrap().folder.path().join(SCRATCH);
        copy_sparse(&scratch, &into.join(SCRATCH)).map_err(|cause| NoMachine::Io { doing: "copy", cause })
    }

    async fn kill(&mut self) {
        let _ = self.qemu.kill().await;
        let _ = self.device.kill().await;
        self.ended = true;
        self.place = None;
    }

    fn last_words(&self) -> String {
        self.console.last_words()
    }
}

/// QEMU's own protocol.
struct Qmp {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    seen: Vec<String>,
}

impl Qmp {
    async fn connect(socket: &Path, clock: &dyn Clock) -> Self {
        let stream = loop {
            match UnixStream::connect(socket).await {
                Ok(stream) => break stream,
                Err(_) => clock.sleep(Duration::from_millis(5)).await,
            }
        };
        let (from, to) = stream.into_split();
        let mut qmp = Self { from: BufReader::new(from), to, seen: Vec::new() };
        let greeting = qmp.line().await;
        assert!(greeting.get("QMP").is_some(), "{greeting}");
        qmp.run("qmp_capabilities", json!({})).await;
        qmp
    }

    async fn line(&mut self) -> Value {
        let mut line = String::new();
        match self.from.read_line(&mut line).await {
            Ok(1..) => serde_json::from_str(&line).unwrap(),
            // QEMU is about to end, which somebody else waits for.
            Ok(0) | Err(_) => std::future::pending().await,
        }
    }

    async fn run(&mut self, command: &str, arguments: Value) -> Value {
        let text = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.to.write_all(text.as_bytes()).await.unwrap();
        loop {
            let mut line = self.line().await;
            if let Some(event) = line["event"].as_str() {
                self.seen.push(event.into());
                continue;
            }
            assert!(line.get("error").is_none(), "{command}: {line}");
            return line["return"].take();
        }
    }

    async fn event(&mut self, wanted: &str) {
        while !self.seen.iter().any(|event| event == wanted) {
            let line = self.line().await;
            self.seen.extend(line["event"].as_str().map(String::from));
        }
    }

    async fn migrated(&mut self, clock: &dyn Clock) {
        loop {
            let state = self.run("query-migrate", json!({})).await;
            match state["status"].as_str() {
                Some("completed") => return,
                // So it is then, too.
                Some("failed" | "cancelled") => std::future::pending().await,
                _ => clock.sleep(Duration::from_millis(20)).await,
            }
        }
    }
}
