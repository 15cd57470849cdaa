//! Machines in Firecracker: what it is asked, in which jail, and what is left.
//!
//! A jailer and a Firecracker of these tests' own stand in for the real ones: this very program, started again. It reads
//! the jailer's command line as its documentation has it, serves the API in the jail, and writes snapshots that are a few
//! bytes. It needs root, as the real one does; without, the test sees that there is no jail.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use sonagi_model::{Clock, function::Network};
use sonagi_sandbox::microvm::{
    Api, Firecracker, Groups, Jailer, Machine, Monitor, NoMachine, Options, Shape, survey,
};
use sonagi_sandbox::process::Networks;

use crate::{
    internet::{Forwarding, on_a_machine, run},
    openapi,
    world::RealClock,
};

const ARGUMENTS: &str = "SONAGI_STAND_IN";

/// A jail's files, as the stand-in wants to find them.
fn files_of(
    root: &Path,
    namespace: String,
    user: u32,
) -> impl Fn(&str, &Value) -> Result<(), String> + Send + use<> {
    let root = root.to_path_buf();
    move |path, value| {
        let at = |field: &str| root.join(value[field].as_str().unwrap_or_default().trim_start_matches('/'));
        let there = |field: &str| match fs::metadata(at(field)) {
            Ok(metadata) if metadata.permissions().mode() & 0o004 != 0 => Ok(()),
            Ok(_) => Err(format!("{field}: permission denied")),
            Err(error) => Err(format!("{field}: {error}")),
        };
        match path {
            "/boot-source" => there("kernel_image_path").and_then(|()| there("initrd_path")),
            "/vsock" => fs::write(at("uds_path"), "").map_err(|error| error.to_string()),
            "/actions" => {
                // As the guest does, once it runs.
                UnixStream::connect(root.join("v_1024")).map(drop).map_err(|error| error.to_string())
            }
            "/snapshot/create" => {
                fs::write(at("snapshot_path"), "state").map_err(|error| error.to_string())?;
                fs::write(at("mem_file_path"), "memory").map_err(|error| error.to_string())
            }
            "/snapshot/load" => {
                there("snapshot_path")?;
                match fs::read(root.join("scratch")).as_deref() {
                    Ok(b"written to") => fs::write(root.join("scratch"), "and again").unwrap(),
                    other => return Err(format!("its scratch is not the snapshot's: {other:?}")),
                }
                let memory =
                    root.join(value["mem_backend"]["backend_path"].as_str().unwrap().trim_start_matches('/'));
                match fs::read(memory).as_deref() {
                    Ok(b"memory") => Ok(()),
                    other => Err(format!("Failed to load the memory: {other:?}")),
                }
            }
            interface if interface.starts_with("/network-interfaces/") => {
                assert_eq!(value["guest_mac"], "02:00:c6:13:ff:02");
                let name = value["host_dev_name"].as_str().unwrap();
                let said = as_machine(&namespace, name, user)?;
                // What comes from its address is answered, and from no other; nobody else has its interface.
                assert_eq!(said, "answered silence\n");
                let other = as_machine(&namespace, name, user + 1).unwrap_err();
                assert!(other.contains("Operation not permitted"), "{other}");
                Ok(())
            }
            drive if drive.starts_with("/drives/") => {
                if value["is_read_only"] == true {
                    return there("path_on_host");
                }
                let scratch = at("path_on_host");
                // The jail's user has to write to it, and nobody else.
                let metadata = fs::metadata(&scratch).map_err(|error| error.to_string())?;
                assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
                assert_eq!(metadata.uid(), fs::metadata(&root).unwrap().uid());
                fs::write(scratch, "written to").map_err(|error| error.to_string())
            }
            _ => Ok(()),
        }
    }
}

/// Sends a question for a name from the machine's address and from another, through its interface, as a program of `user`
/// without a capability: whether each is answered.
fn as_machine(namespace: &str, interface: &str, user: u32) -> Result<String, String> {
    const SCRIPT: &str = r#"
import fcntl, os, select, struct, sys
interface, user = sys.argv[1], int(sys.argv[2])
tap = os.open("/dev/net/tun", os.O_RDWR)
os.setresgid(user, user, user)
os.setresuid(user, user, user)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", interface.encode(), 0x5002))

def asks(address, port):
    name = bytes([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1])
    datagram = struct.pack("!HHHH", port, 53, 8 + len(name), 0) + name
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0,
                       bytes(address), bytes([93, 184, 216, 34]))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:]
    ether = bytes([2, 0, 0xc6, 0x13, 0xff, 1, 2, 0, 0xc6, 0x13, 0xff, 2, 8, 0])
    for attempt in range(4):  # The kernel may drop what comes while it sees that somebody is there.
        os.write(tap, bytes(10) + ether + head + datagram)
        while select.select([tap], [], [], 0.5)[0]:
            frame = os.read(tap, 2000)[10:]
            if frame[12:14] == b"\x08\x00" and frame[36:38] == struct.pack("!H", port):
                return "answered"
    return "silence"

print(asks([198, 19, 255, 2], 4000), asks([198, 19, 255, 77], 4001))
"#;
    let output = std::process::Command::new("nsenter")
        .args([&format!("--net={namespace}"), "python3", "-c", SCRIPT, interface, &user.to_string()])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
#[ignore = "the child of the tests below: a jailer, and what it jails"]
fn the_stand_in() {
    let Some(line) = std::env::var_os(ARGUMENTS) else { return };
    let line = line.into_string().unwrap();
    let (own, monitors) = line.split_once(" -- ").unwrap();
    let words: Vec<&str> = own.split(' ').collect();
    let mut options: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut name = "";
    for word in words {
        if word.starts_with("--") {
            name = word;
            options.entry(name).or_default().push(String::new());
        } else {
            let value = options.get_mut(name).unwrap().last_mut().unwrap();
            value.push_str(if value.is_empty() { "" } else { " " });
            value.push_str(word);
        }
    }
    let one = |name: &str| options[name].first().unwrap().clone();
    let exec = PathBuf::from(one("--exec-file"));
    let id = one("--id");
    assert!(id.len() <= 64 && id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'));
    assert!(exec.is_file());
    assert!(fs::metadata(one("--netns")).is_ok(), "the network namespace cannot be opened");
    assert_ne!(
        fs::read_link(one("--netns")).unwrap(),
        fs::read_link("/proc/self/ns/net").unwrap(),
        "the machine's network is this machine's"
    );
    let (user, group): (u32, u32) = (one("--uid").parse().unwrap(), one("--gid").parse().unwrap());
    assert!(user > 1_000 && group == user);
    let root = PathBuf::from(one("--chroot-base-dir")).join(exec.file_name().unwrap()).join(id).join("root");
    assert_eq!(fs::metadata(&root).unwrap().uid(), user);
    assert_eq!(fs::metadata(root.join("v_1024")).unwrap().uid(), user);
    assert_eq!(monitors, "--api-sock /api --level Error");
    let firecracker = openapi::Firecracker::new(Box::new(files_of(&root, one("--netns"), user)));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(openapi::serve(&root.join("api"), Arc::new(Mutex::new(firecracker))));
}

struct Bench {
    firecracker: Firecracker,
    shape: Shape,
    base: PathBuf,
    clock: Arc<RealClock>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(jailer: &str) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("fc").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let program = |name: &str, text: &str| {
            fs::write(at(name), text).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
            at(name)
        };
        for name in ["kernel", "initial", "one", "two", "empty"] {
            fs::write(at(name), name).unwrap();
        }
        let clock = Arc::new(RealClock::new());
        let base = at("base");
        fs::create_dir(&base).unwrap();
        let jailer = Jailer {
            program: program("jailer", jailer),
            monitor: program("firecracker", ""),
            base: base.clone(),
            groups: Groups::Version2,
        };
        let identity = "Firecracker v1.17.0".into();
        let firecracker = Firecracker::new(jailer, identity, 7, Arc::clone(&clock) as Arc<dyn Clock>)?;
        let shape = Shape {
            processors: 1,
            processor_share: 72,
            memory: 224,
            kernel: at("kernel"),
            initial: at("initial"),
            drives: vec![at("one"), at("two")],
            scratch: at("empty"),
        };
        Ok(Self { firecracker, shape, base, clock, folder })
    }

    /// With the jailer that stands in.
    fn standing_in() -> Result<Self, String> {
        let own = std::env::current_exe().unwrap();
        Self::new(&format!(
            "#!/bin/sh\n{ARGUMENTS}=\"$*\" exec {} --exact firecracker::the_stand_in --ignored --nocapture\n",
            own.display()
        ))
    }

    fn soon(&self) -> sonagi_model::Tick {
        self.clock.tick() + Duration::from_secs(20)
    }

    /// A place in which a driver listens.
    fn place(&self, name: &str) -> (sonagi_sandbox::microvm::Place, std::os::unix::net::UnixListener) {
        let place = self.firecracker.place(name).unwrap();
        let path = format!("{}_1024", place.vsock.display());
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::os::unix::fs::chown(path, place.user, place.user).unwrap();
        (place, listener)
    }

    async fn boot(&self, name: &str) -> Result<Box<dyn Machine>, NoMachine> {
        let (place, _listener) = self.place(name);
        self.firecracker.boot(place, &self.shape, self.soon()).await
    }

    fn jails(&self) -> usize {
        fs::read_dir(self.base.join("firecracker")).map_or(0, Iterator::count)
    }
}

/// A place that an ordinary user's server has none of.
fn refused_without_root<T>(bench: Result<T, String>) -> Option<T> {
    match bench {
        Ok(bench) => Some(bench),
        Err(refusal) => {
            assert!(!rustix::process::geteuid().is_root(), "{refusal}");
            assert!(refusal.contains("run the server as root"), "{refusal}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_configured_booted_kept_and_restored_in_a_jail_of_its_own() {
    let Some(bench) = refused_without_root(Bench::standing_in()) else { return };
    let mut first = bench.boot("1").await.unwrap();
    assert_eq!(bench.jails(), 1);
    assert!(!first.has_ended());
    let snapshot = bench.folder.path().join("snapshot");
    fs::create_dir(&snapshot).unwrap();
    first.snapshot(&snapshot, bench.soon()).await.unwrap();
    for (name, content) in [("state", "state"), ("memory", "memory"), ("scratch", "written to")] {
        let file = snapshot.join(name);
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o444), "a jail could still change {name}");
    }
    first.kill().await;
    assert_eq!(bench.jails(), 0, "a jail stays behind");

    let mut restored = Vec::new();
    for name in ["2", "3"] {
        let (place, _listener) = bench.place(name);
        restored.push(bench.firecracker.restore(place, &bench.shape, &snapshot, bench.soon()).await.unwrap());
    }
    assert_eq!(bench.jails(), 2);
    for machine in &mut restored {
        machine.kill().await;
    }
    assert_eq!(bench.jails(), 0);
    // A snapshot is refused in Firecracker's words.
    fs::remove_file(snapshot.join("memory")).unwrap();
    fs::write(snapshot.join("memory"), "damaged").unwrap();
    let (place, _listener) = bench.place("4");
    let failure =
        bench.firecracker.restore(place, &bench.shape, &snapshot, bench.soon()).await.err().unwrap();
    assert!(failure.to_string().contains("Failed to load the memory"), "{failure}");
}

#[test]
fn a_machine_has_an_interface_that_its_jails_user_can_open_and_nobody_else() {
    on_a_machine(Forwarding::On, || async {
        let bench = Bench::standing_in().unwrap();
        let clock = Arc::clone(&bench.clock) as Arc<dyn Clock>;
        let networks = Networks::of_machines(clock, Arc::default());
        for name in ["1", "2"] {
            let (mut place, _listener) = bench.place(name);
            place.wire = networks.wire(&Network::Internet, place.user).unwrap();
            assert!(place.wire.is_some());
            bench.firecracker.boot(place, &bench.shape, bench.soon()).await.unwrap().kill().await;
        }
        assert_eq!(bench.jails(), 0);
        assert!(networks.wire(&Network::None, None).unwrap().is_none());
        drop(networks);
        assert_eq!(run("nft list ruleset"), "");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_ends_says_why() {
    let Some(bench) =
        refused_without_root(Bench::new("#!/bin/sh\necho 'the jailer needs a chroot' >&2\nexit 1\n"))
    else {
        return;
    };
    let failure = bench.boot("1").await.err().unwrap();
    let NoMachine::Ended { words } = &failure else { panic!("{failure:?}") };
    // It may have ended before its last words were read.
    assert!(["the jailer needs a chroot", "it said nothing"].contains(&words.as_str()), "{words}");

    let Some(bench) = refused_without_root(Bench::standing_in()) else { return };
    let bench = Bench { shape: Shape { processors: 3, ..bench.shape.clone() }, ..bench };
    let failure = bench.boot("1").await.err().unwrap();
    assert_eq!(failure.to_string(), "PUT /machine-config: The vCPU number is invalid!");
}

/// The real one, where it is installed.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_firecracker_understands_what_is_asked_of_it() {
    let search_path = std::env::var("PATH").unwrap();
    let clock = Arc::new(RealClock::new());
    let found = std::env::split_paths(&search_path)
        .map(|folder| folder.join("firecracker"))
        .find(|path| path.is_file());
    let Some(program) = found else {
        // There is none: then it is known, and said.
        let refusal = survey(&Options::default(), &search_path, &*clock).unwrap_err();
        assert!(
            refusal.contains("KVM")
                || refusal.contains("/dev/kvm")
                || refusal.contains("there is no firecracker"),
            "{refusal}"
        );
        eprintln!("no firecracker is installed: the real one was not asked");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["kernel", "initial", "drive0"] {
        fs::write(at(name), vec![0; 1 << 20]).unwrap();
    }
    let mut child = tokio::process::Command::new(program)
        .args(["--id", "test", "--api-sock", &at("api")])
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let deadline = clock.tick() + Duration::from_secs(20);
    let api = Api::new(at("api").into(), Arc::clone(&clock) as Arc<dyn Clock>);
    api.version(deadline).await.unwrap();
    use sonagi_sandbox::microvm::{
        BootSource, Drive, EntropyDevice, MachineConfiguration, Vm, VmState, Vsock,
    };
    let machine = MachineConfiguration { vcpu_count: 1, mem_size_mib: 128, smt: false };
    api.put("/machine-config", &machine, deadline).await.unwrap();
    let source =
        BootSource { kernel_image_path: at("kernel"), initrd_path: at("initial"), boot_args: "quiet".into() };
    api.put("/boot-source", &source, deadline).await.unwrap();
    let drive = Drive {
        drive_id: "drive0".into(),
        path_on_host: at("drive0"),
        is_root_device: false,
        is_read_only: true,
    };
    api.put("/drives/drive0", &drive, deadline).await.unwrap();
    api.put("/vsock", &Vsock { guest_cid: 3, uds_path: at("v") }, deadline).await.unwrap();
    api.put("/entropy", &EntropyDevice {}, deadline).await.unwrap();
    // A fault in its own words.
    let refused = api.patch("/vm", &Vm { state: VmState::Paused }, deadline).await.unwrap_err();
    assert!(matches!(&refused, NoMachine::Refused { words, .. } if !words.is_empty()), "{refused:?}");
    child.kill().await.unwrap();
}
