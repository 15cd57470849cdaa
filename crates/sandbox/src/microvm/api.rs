//! Firecracker's API: HTTP over a Unix socket.
//!
//! The names are those of its OpenAPI document (`src/firecracker/swagger/firecracker.yaml`, 1.7 and later); only what is
//! needed is here, and only fields that all those versions know, since Firecracker refuses others.

use std::{io, path::PathBuf, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use sonagi_model::{Clock, Tick, clock, limits};
use tokio::net::UnixStream;

use super::monitor::NoMachine;

/// `PUT /machine-config`
#[derive(Debug, Serialize)]
pub struct MachineConfiguration {
    pub vcpu_count: u32,
    pub mem_size_mib: u32,
    pub smt: bool,
}

/// `PUT /boot-source`
#[derive(Debug, Serialize)]
pub struct BootSource {
    pub kernel_image_path: String,
    pub initrd_path: String,
    pub boot_args: String,
}

/// `PUT /drives/{drive_id}`
#[derive(Debug, Serialize)]
pub struct Drive {
    pub drive_id: String,
    pub path_on_host: String,
    pub is_root_device: bool,
    pub is_read_only: bool,
}

/// `PUT /network-interfaces/{iface_id}`
#[derive(Debug, Serialize)]
pub struct NetworkInterface {
    pub iface_id: String,
    pub host_dev_name: String,
    pub guest_mac: String,
}

/// `PUT /vsock`
#[derive(Debug, Serialize)]
pub struct Vsock {
    pub guest_cid: u32,
    pub uds_path: String,
}

/// `PUT /entropy`
#[derive(Debug, Serialize)]
pub struct EntropyDevice {}

/// `PUT /actions`
#[derive(Debug, Serialize)]
pub struct InstanceActionInfo {
    pub action_type: ActionType,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub enum ActionType {
    InstanceStart,
}

/// `PATCH /vm`
#[derive(Debug, Serialize)]
pub struct Vm {
    pub state: VmState,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub enum VmState {
    Paused,
    Resumed,
}

/// `PUT /snapshot/create`
#[derive(Debug, Serialize)]
pub struct SnapshotCreateParams {
    pub snapshot_type: SnapshotType,
    pub snapshot_path: String,
    pub mem_file_path: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub enum SnapshotType {
    Full,
}

/// `PUT /snapshot/load`
#[derive(Debug, Serialize)]
pub struct SnapshotLoadParams {
    pub snapshot_path: String,
    pub mem_backend: MemoryBackend,
    pub resume_vm: bool,
}

#[derive(Debug, Serialize)]
pub struct MemoryBackend {
    pub backend_type: BackendType,
    pub backend_path: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub enum BackendType {
    /// The file is mapped privately: what the machine writes is its own.
    File,
}

/// `GET /version`
#[derive(Debug, Deserialize)]
struct FirecrackerVersion {
    firecracker_version: String,
}

/// An error's body.
#[derive(Debug, Default, Deserialize)]
struct Fault {
    #[serde(default)]
    fault_message: String,
}

/// The API of one machine's monitor.
#[derive(Clone)]
pub struct Api {
    socket: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Api {
    pub fn new(socket: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { socket, clock }
    }

    /// Ready when the socket is there and somebody listens: which version it is.
    pub async fn version(&self, deadline: Tick) -> Result<String, NoMachine> {
        let asking = async {
            loop {
                match self.send(Method::GET, "/version", Bytes::new()).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) if is_too_early(&error) => self.clock.sleep(limits::MICROVM_SOCKET_POLL).await,
                    Err(error) => return Err(error),
                }
            }
        };
        let answered = clock::within(&*self.clock, deadline, asking).await;
        let body = judge("GET /version", answered)?;
        let version = serde_json::from_slice::<FirecrackerVersion>(&body);
        version.map(|version| version.firecracker_version).map_err(|error| NoMachine::Refused {
            request: "GET /version".into(),
            words: format!("it does not answer as Firecracker does: {error}"),
        })
    }

    pub async fn put(&self, path: &str, body: &impl Serialize, deadline: Tick) -> Result<(), NoMachine> {
        self.request(Method::PUT, path, body, deadline).await
    }

    pub async fn patch(&self, path: &str, body: &impl Serialize, deadline: Tick) -> Result<(), NoMachine> {
        self.request(Method::PATCH, path, body, deadline).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        deadline: Tick,
    ) -> Result<(), NoMachine> {
        let request = format!("{method} {path}");
        let body = serde_json::to_vec(body)
            .map_err(|error| NoMachine::Refused { request: request.clone(), words: error.to_string() })?;
        let answered = clock::within(&*self.clock, deadline, self.send(method, path, body.into())).await;
        judge(&request, answered).map(drop)
    }

    /// One request on a connection of its own.
    async fn send(&self, method: Method, path: &str, body: Bytes) -> io::Result<(StatusCode, Bytes)> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, "localhost")
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(io::Error::other)?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(io::Error::other)?;
            let (head, mut body) = answer.into_parts();
            let mut whole = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(io::Error::other)?;
                let Ok(data) = frame.into_data() else { continue };
                if whole.len() + data.len() > limits::MICROVM_ANSWER_SIZE {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is too long"));
                }
                whole.extend_from_slice(&data);
            }
            Ok((head.status, whole.freeze()))
        };
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // The other side has closed; what it had sent is still to be read.
            _ = &mut connection => exchange.await,
        }
    }
}

fn judge(request: &str, answered: Option<io::Result<(StatusCode, Bytes)>>) -> Result<Bytes, NoMachine> {
    let request = request.to_owned();
    match answered {
        None => Err(NoMachine::TimedOut { request }),
        Some(Err(cause)) => Err(NoMachine::Refused { request, words: cause.to_string() }),
        Some(Ok((status, body))) if status.is_success() => Ok(body),
        Some(Ok((status, body))) => {
            let fault = serde_json::from_slice::<Fault>(&body).unwrap_or_default().fault_message;
            let words = if fault.is_empty() { status.to_string() } else { fault };
            Err(NoMachine::Refused { request, words })
        }
    }
}

/// The monitor has not come as far yet.
fn is_too_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
