//! A server that takes what Firecracker's OpenAPI document says, and nothing else.
//!
//! The tables are transcribed from `src/firecracker/swagger/firecracker.yaml` (version 1.17.0-dev): every field of each
//! body that our client sends, with its type and whether it is required; as Firecracker does, it refuses fields that it
//! does not know. The order in which requests may come is that of the document's descriptions ("Pre-boot only",
//! "Post-boot only") and of `docs/snapshotting/snapshot-support.md`.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixListener;

/// The version that it says it is.
pub(crate) const VERSION: &str = "1.17.0";

#[derive(Clone, Copy)]
pub(crate) enum Type {
    Text,
    /// One of these.
    Choice(&'static [&'static str]),
    /// At least, and at most.
    Integer(u64, u64),
    Boolean,
    Object(&'static [Field]),
    List(&'static [Field]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

pub(crate) type Field = (&'static str, Type, Need);

use Need::{Optional, Required};
use Type::{Boolean, Choice, Integer, List, Object, Text};

const TOKEN_BUCKET: &[Field] = &[
    ("one_time_burst", Integer(0, u64::MAX), Optional),
    ("refill_time", Integer(0, u64::MAX), Required),
    ("size", Integer(0, u64::MAX), Required),
];
const RATE_LIMITER: &[Field] =
    &[("bandwidth", Object(TOKEN_BUCKET), Optional), ("ops", Object(TOKEN_BUCKET), Optional)];
const MACHINE_CONFIGURATION: &[Field] = &[
    ("cpu_template", Choice(&["C3", "T2", "T2S", "T2CL", "T2A", "V1N1", "None"]), Optional),
    ("smt", Boolean, Optional),
    ("mem_size_mib", Integer(1, u64::MAX), Required),
    ("track_dirty_pages", Boolean, Optional),
    ("vcpu_count", Integer(1, 32), Required),
    ("huge_pages", Choice(&["None", "Transparent", "2M"]), Optional),
];
const BOOT_SOURCE: &[Field] =
    &[("boot_args", Text, Optional), ("initrd_path", Text, Optional), ("kernel_image_path", Text, Required)];
const DRIVE: &[Field] = &[
    ("drive_id", Text, Required),
    ("partuuid", Text, Optional),
    ("is_root_device", Boolean, Required),
    ("cache_type", Choice(&["Unsafe", "Writeback"]), Optional),
    ("is_read_only", Boolean, Optional),
    ("path_on_host", Text, Optional),
    ("rate_limiter", Object(RATE_LIMITER), Optional),
    ("io_engine", Choice(&["Sync", "Async"]), Optional),
    ("socket", Text, Optional),
];
const VSOCK: &[Field] = &[
    ("guest_cid", Integer(3, u64::MAX), Required),
    ("uds_path", Text, Required),
    ("vsock_id", Text, Optional),
];
const NETWORK_INTERFACE: &[Field] = &[
    ("guest_mac", Text, Optional),
    ("host_dev_name", Text, Required),
    ("iface_id", Text, Required),
    ("mtu", Integer(68, 65_535), Optional),
    ("rx_rate_limiter", Object(RATE_LIMITER), Optional),
    ("tx_rate_limiter", Object(RATE_LIMITER), Optional),
];
const ENTROPY_DEVICE: &[Field] = &[("rate_limiter", Object(RATE_LIMITER), Optional)];
const INSTANCE_ACTION_INFO: &[Field] =
    &[("action_type", Choice(&["FlushMetrics", "InstanceStart", "SendCtrlAltDel"]), Required)];
const VM: &[Field] = &[("state", Choice(&["Paused", "Resumed"]), Required)];
const SNAPSHOT_CREATE_PARAMS: &[Field] = &[
    ("mem_file_path", Text, Required),
    ("snapshot_path", Text, Required),
    ("snapshot_type", Choice(&["Full", "Diff"]), Optional),
];
const MEMORY_BACKEND: &[Field] =
    &[("backend_type", Choice(&["File", "Uffd"]), Required), ("backend_path", Text, Required)];
const NETWORK_OVERRIDE: &[Field] = &[("iface_id", Text, Required), ("host_dev_name", Text, Required)];
const VSOCK_OVERRIDE: &[Field] = &[("uds_path", Text, Required)];
const SNAPSHOT_LOAD_PARAMS: &[Field] = &[
    ("enable_diff_snapshots", Boolean, Optional),
    ("track_dirty_pages", Boolean, Optional),
    ("mem_file_path", Text, Optional),
    ("mem_backend", Object(MEMORY_BACKEND), Optional),
    ("snapshot_path", Text, Required),
    ("resume_vm", Boolean, Optional),
    ("network_overrides", List(NETWORK_OVERRIDE), Optional),
    ("vsock_override", Object(VSOCK_OVERRIDE), Optional),
    ("clock_realtime", Boolean, Optional),
    ("huge_pages", Choice(&["Snapshot", "None", "Transparent", "2M"]), Optional),
];

/// What a body lacks or has too much; none: nothing.
fn wrong(value: &Value, fields: &[Field]) -> Option<String> {
    let Some(given) = value.as_object() else { return Some("it is no object".into()) };
    for name in given.keys() {
        if !fields.iter().any(|(known, _, _)| known == name) {
            return Some(format!("unknown field `{name}`"));
        }
    }
    fields.iter().find_map(|(name, kind, need)| match given.get(*name) {
        None if *need == Required => Some(format!("missing field `{name}`")),
        None => None,
        Some(value) => unlike(value, *kind).then(|| format!("invalid `{name}`: {value}")),
    })
}

fn unlike(value: &Value, kind: Type) -> bool {
    match kind {
        Text => !value.is_string(),
        Choice(words) => !value.as_str().is_some_and(|word| words.contains(&word)),
        Integer(least, most) => !value.as_u64().is_some_and(|number| (least..=most).contains(&number)),
        Boolean => !value.is_boolean(),
        Object(fields) => wrong(value, fields).is_some(),
        List(fields) => {
            !value.as_array().is_some_and(|items| items.iter().all(|item| wrong(item, fields).is_none()))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was asked of it but its version.
    Fresh,
    Configured,
    Running,
    Paused,
}

/// What it does when a request that is right has come; an error is the machine's fault.
pub(crate) type Effect = Box<dyn Fn(&str, &Value) -> Result<(), String> + Send>;

pub(crate) struct Firecracker {
    state: State,
    given: BTreeSet<String>,
    effect: Effect,
    /// All that was asked, and how it was answered.
    pub(crate) asked: Vec<(String, Value, u16)>,
}

impl Firecracker {
    pub(crate) fn new(effect: Effect) -> Self {
        Self { state: State::Fresh, given: BTreeSet::new(), effect, asked: Vec::new() }
    }

    fn judge(&mut self, method: &Method, path: &str, value: &Value) -> Result<(), String> {
        let drive = path.strip_prefix("/drives/");
        let interface = path.strip_prefix("/network-interfaces/");
        let (fields, states): (&[Field], &[State]) = match (method.as_str(), path) {
            ("PUT", "/machine-config") => (MACHINE_CONFIGURATION, &[State::Fresh, State::Configured]),
            ("PUT", "/boot-source") => (BOOT_SOURCE, &[State::Fresh, State::Configured]),
            ("PUT", "/vsock") => (VSOCK, &[State::Fresh, State::Configured]),
            ("PUT", "/entropy") => (ENTROPY_DEVICE, &[State::Fresh, State::Configured]),
            ("PUT", _) if drive.is_some() => (DRIVE, &[State::Fresh, State::Configured]),
            ("PUT", _) if interface.is_some() => (NETWORK_INTERFACE, &[State::Fresh, State::Configured]),
            ("PUT", "/actions") => (INSTANCE_ACTION_INFO, &[State::Configured]),
            ("PATCH", "/vm") => (VM, &[State::Running, State::Paused]),
            ("PUT", "/snapshot/create") => (SNAPSHOT_CREATE_PARAMS, &[State::Paused]),
            ("PUT", "/snapshot/load") => (SNAPSHOT_LOAD_PARAMS, &[State::Fresh]),
            _ => return Err(format!("Invalid request method and/or path: {method} {path}")),
        };
        if let Some(wrong) = wrong(value, fields) {
            return Err(format!("An error occurred when deserializing the json body of a request: {wrong}."));
        }
        if !states.contains(&self.state) {
            return Err(format!("The requested operation is not supported in state {:?}", self.state));
        }
        if drive.is_some_and(|drive| value["drive_id"] != drive)
            || interface.is_some_and(|interface| value["iface_id"] != interface)
        {
            return Err("The id from the path does not match the id from the body!".into());
        }
        // "either 1 or an even number"
        if path == "/machine-config"
            && value["vcpu_count"].as_u64().is_none_or(|count| count > 1 && count % 2 == 1)
        {
            return Err("The vCPU number is invalid!".into());
        }
        if path == "/snapshot/load" && (value["mem_backend"].is_null() == value["mem_file_path"].is_null()) {
            return Err("exactly one of the two `mem_*` fields must be present".into());
        }
        if path == "/actions" && !self.given.contains("/boot-source") {
            return Err("Cannot start microvm without kernel configuration.".into());
        }
        (self.effect)(path, value)?;
        self.given.insert(path.into());
        self.state = match (path, value["state"].as_str(), &value["resume_vm"]) {
            ("/actions", _, _) | (_, Some("Resumed"), _) | ("/snapshot/load", _, Value::Bool(true)) => {
                State::Running
            }
            ("/snapshot/load", _, _) | (_, Some("Paused"), _) => State::Paused,
            ("/snapshot/create", _, _) => State::Paused,
            _ => State::Configured,
        };
        Ok(())
    }

    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        let respond = |status: StatusCode, body: String| {
            Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap()
        };
        if (method, path) == (&Method::GET, "/version") {
            return respond(StatusCode::OK, json!({ "firecracker_version": VERSION }).to_string());
        }
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let judged = self.judge(method, path, &value);
        let response = match &judged {
            Ok(()) => respond(StatusCode::NO_CONTENT, String::new()),
            Err(words) => respond(StatusCode::BAD_REQUEST, json!({ "fault_message": words }).to_string()),
        };
        self.asked.push((format!("{method} {path}"), value, response.status().as_u16()));
        response
    }
}

/// Serves at `socket`, for as long as it is polled.
pub(crate) async fn serve(socket: &Path, firecracker: Arc<Mutex<Firecracker>>) {
    let listener = UnixListener::bind(socket).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let firecracker = Arc::clone(&firecracker);
        let service = service_fn(move |request: Request<Incoming>| {
            let firecracker = Arc::clone(&firecracker);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let answer = firecracker.lock().unwrap().answer(&head.method, head.uri.path(), &body);
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
