//! The client of Firecracker's API.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use sonagi_model::{Clock, Tick, limits};
use sonagi_sandbox::microvm::{
    ActionType, Api, BackendType, BootSource, Drive, EntropyDevice, InstanceActionInfo, MachineConfiguration,
    MemoryBackend, NetworkInterface, NoMachine, SnapshotCreateParams, SnapshotLoadParams, SnapshotType, Vm,
    VmState, Vsock,
};
use sonagi_sandbox::process::Wire;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
};

use crate::{openapi, world::RealClock};

struct Bench {
    api: Api,
    clock: Arc<RealClock>,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(RealClock::new());
        let socket = folder.path().join("api");
        let api = Api::new(socket.clone(), Arc::clone(&clock) as Arc<dyn Clock>);
        Self { api, clock, socket, _folder: folder }
    }

    /// With a server that follows the document.
    fn strict() -> (Self, Arc<Mutex<openapi::Firecracker>>) {
        let bench = Self::new();
        let firecracker = Arc::new(Mutex::new(openapi::Firecracker::new(Box::new(|_, _| Ok(())))));
        let (socket, served) = (bench.socket.clone(), Arc::clone(&firecracker));
        tokio::spawn(async move { openapi::serve(&socket, served).await });
        (bench, firecracker)
    }

    /// With a server that answers the first request with these bytes, and then keeps the connection or not.
    fn with(bytes: Vec<u8>, then: Then) -> Self {
        let bench = Self::new();
        let listener = UnixListener::bind(&bench.socket).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
            match then {
                Then::Closes => {}
                Then::Waits => std::future::pending().await,
            }
        });
        bench
    }

    fn soon(&self) -> Tick {
        self.clock.tick() + Duration::from_secs(5)
    }

    async fn pause(&self) -> Result<(), NoMachine> {
        self.api.patch("/vm", &Vm { state: VmState::Paused }, self.soon()).await
    }
}

enum Then {
    Closes,
    Waits,
}

fn words(failure: NoMachine) -> String {
    match failure {
        NoMachine::Refused { request, words } => format!("{request}: {words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_request_is_one_that_the_document_knows() {
    let (bench, firecracker) = Bench::strict();
    let (api, soon) = (&bench.api, bench.soon());
    // The socket may not be there yet.
    assert_eq!(api.version(soon).await.unwrap(), openapi::VERSION);
    let configuration = MachineConfiguration { vcpu_count: 2, mem_size_mib: 224, smt: false };
    api.put("/machine-config", &configuration, soon).await.unwrap();
    let source = BootSource {
        kernel_image_path: "/kernel".into(),
        initrd_path: "/initial".into(),
        boot_args: "quiet".into(),
    };
    api.put("/boot-source", &source, soon).await.unwrap();
    let drive = Drive {
        drive_id: "drive0".into(),
        path_on_host: "/drive0".into(),
        is_root_device: false,
        is_read_only: true,
    };
    api.put("/drives/drive0", &drive, soon).await.unwrap();
    let interface = NetworkInterface {
        iface_id: "eth0".into(),
        host_dev_name: Wire::TAP.into(),
        guest_mac: Wire::hardware(),
    };
    assert_eq!(interface.guest_mac, "02:00:c6:13:ff:02");
    api.put("/network-interfaces/eth0", &interface, soon).await.unwrap();
    api.put("/vsock", &Vsock { guest_cid: 3, uds_path: "/v".into() }, soon).await.unwrap();
    api.put("/entropy", &EntropyDevice {}, soon).await.unwrap();
    api.put("/actions", &InstanceActionInfo { action_type: ActionType::InstanceStart }, soon).await.unwrap();
    bench.pause().await.unwrap();
    let create = SnapshotCreateParams {
        snapshot_type: SnapshotType::Full,
        snapshot_path: "/state".into(),
        mem_file_path: "/memory".into(),
    };
    api.put("/snapshot/create", &create, soon).await.unwrap();
    api.patch("/vm", &Vm { state: VmState::Resumed }, soon).await.unwrap();

    // What a machine that runs does not take is an error in its own words.
    let load = SnapshotLoadParams {
        snapshot_path: "/state".into(),
        mem_backend: MemoryBackend { backend_type: BackendType::File, backend_path: "/memory".into() },
        resume_vm: true,
    };
    let refused = words(api.put("/snapshot/load", &load, soon).await.unwrap_err());
    assert_eq!(refused, "PUT /snapshot/load: The requested operation is not supported in state Running");
    let (bench, _) = Bench::strict();
    bench.api.version(bench.soon()).await.unwrap();
    bench.api.put("/snapshot/load", &load, bench.soon()).await.unwrap();

    let asked = firecracker.lock().unwrap();
    let (_, body, status) = &asked.asked[2];
    assert_eq!(*status, 204);
    let expected = json!({"drive_id": "drive0", "path_on_host": "/drive0", "is_root_device": false, "is_read_only": true});
    assert_eq!(*body, expected);
}

#[tokio::test]
async fn what_the_document_does_not_know_is_refused_by_the_server_of_these_tests_too() {
    let (bench, _) = Bench::strict();
    bench.api.version(bench.soon()).await.unwrap();
    for (path, body, fault) in [
        ("/machine-config", json!({ "vcpu_count": 1 }), "missing field `mem_size_mib`"),
        ("/machine-config", json!({ "vcpu_count": 3, "mem_size_mib": 128 }), "vCPU number is invalid"),
        ("/machine-config", json!({ "vcpu_count": "1", "mem_size_mib": 128 }), "invalid `vcpu_count`"),
        ("/vsock", json!({ "guest_cid": 3, "uds_path": "/v", "more": 1 }), "unknown field `more`"),
        ("/vsock", json!({ "guest_cid": 2, "uds_path": "/v" }), "invalid `guest_cid`"),
        ("/drives/a", json!({ "drive_id": "b", "is_root_device": false }), "does not match"),
        ("/actions", json!({ "action_type": "InstanceStart" }), "not supported in state Fresh"),
        ("/nothing", json!({}), "Invalid request method and/or path"),
    ] {
        let refused = words(bench.api.put(path, &body, bench.soon()).await.unwrap_err());
        assert!(refused.contains(fault), "{path}: {refused}");
    }
}

#[tokio::test]
async fn an_error_is_told_in_the_monitors_words_or_by_its_status() {
    let answer = |body: &str| {
        format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let fault = Bench::with(answer(r#"{"fault_message": "No such file"}"#), Then::Waits).pause().await;
    assert_eq!(words(fault.unwrap_err()), "PATCH /vm: No such file");
    for body in ["", "{}", "<html>", r#"{"fault_message": 7}"#] {
        let fault = Bench::with(answer(body), Then::Waits).pause().await;
        assert_eq!(words(fault.unwrap_err()), "PATCH /vm: 400 Bad Request", "{body}");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_errors() {
    for bytes in
        ["", "HTTP/1.1 204 No", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"]
    {
        let answered = Bench::with(bytes.into(), Then::Closes).pause().await;
        assert!(matches!(answered, Err(NoMachine::Refused { .. })), "{bytes:?}: {answered:?}");
    }
    // A whole answer is one, though the connection ends with it.
    Bench::with("HTTP/1.1 204 No Content\r\n\r\n".into(), Then::Closes).pause().await.unwrap();
    let bench = Bench::with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into(), Then::Waits);
    let answered = words(bench.api.version(bench.soon()).await.unwrap_err());
    assert!(answered.contains("does not answer as Firecracker does"), "{answered}");
}

#[tokio::test]
async fn a_long_answer_is_not_read_to_its_end() {
    let body = "x".repeat(limits::MICROVM_ANSWER_SIZE + 1);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let answered = words(Bench::with(answer.into(), Then::Waits).pause().await.unwrap_err());
    assert_eq!(answered, "PATCH /vm: its answer is too long");
    let body = "x".repeat(limits::MICROVM_ANSWER_SIZE);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    Bench::with(answer.into(), Then::Waits).pause().await.unwrap();
}

#[tokio::test]
async fn a_slow_monitor_is_waited_for_until_the_deadline_and_no_longer() {
    for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"] {
        let bench = Bench::with(bytes.into(), Then::Waits);
        let deadline = bench.clock.tick() + Duration::from_millis(100);
        let answered = bench.api.patch("/vm", &Vm { state: VmState::Paused }, deadline).await;
        assert!(matches!(answered, Err(NoMachine::TimedOut { .. })), "{answered:?}");
        assert!(bench.clock.tick() >= deadline);
    }
    // So is one that never comes.
    let bench = Bench::new();
    let deadline = bench.clock.tick() + Duration::from_millis(100);
    assert!(matches!(bench.api.version(deadline).await, Err(NoMachine::TimedOut { .. })));
}
