//! A Runtime API on a real socket, and a real interpreter that talks to it.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde_json::Value;
use sonagi_guest::{Client, Family};

pub(crate) const REQUEST: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
/// Milliseconds; far enough for every test, and small enough for a handler to check.
const TIME_LEFT: u128 = 30_000;

pub(crate) struct Session {
    child: Child,
    listener: TcpListener,
    stream: TcpStream,
    buffer: Vec<u8>,
    output: tempfile::NamedTempFile,
    pub(crate) first: Request,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HashMap<String, String>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn failed(&self) -> bool {
        self.path.ends_with("/error")
    }
}

/// Starts `handler` and waits for the client's first request.
pub(crate) fn start(client: &'static Client, handler: &str) -> Session {
    start_with(client, &interpreters(client)[0], handler, &[])
}

pub(crate) fn start_with(
    client: &'static Client,
    interpreter: &Path,
    handler: &str,
    env: &[(&str, &str)],
) -> Session {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = tempfile::NamedTempFile::new().unwrap();
    let root = fixtures().join(match client.family {
        Family::Python => "python",
        Family::Node => "node",
    });
    let child = Command::new(interpreter)
        .args(client.arguments(256))
        .arg(folder(client).join(client.entry))
        .current_dir(&root)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .env("_HANDLER", handler)
        .env("LAMBDA_TASK_ROOT", &root)
        .env(
            "SONAGI_SDK",
            fixtures().join(match client.family {
                Family::Python => "sdk",
                Family::Node => "sdk/node_modules",
            }),
        )
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env(
            "AWS_EXECUTION_ENV",
            match client.family {
                Family::Python => "AWS_Lambda_python3.11",
                Family::Node => "AWS_Lambda_nodejs20.x",
            },
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "shop")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "7")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/shop")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[7]abc")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(appending(output.path()))
        .stderr(appending(output.path()))
        .spawn()
        .unwrap();
    let stream = accept(&listener);
    let mut session = Session {
        child,
        listener,
        stream,
        buffer: Vec::new(),
        output,
        first: Request {
            path: String::new(),
            headers: HashMap::new(),
            body: Vec::new(),
            trailers: HashMap::new(),
        },
    };
    session.first = session.request();
    session
}

impl Session {
    /// Hands over `event`, takes the answer and the request for the next invocation.
    pub(crate) fn invoke(&mut self, event: &str) -> Request {
        self.invoke_with(event, "")
    }

    pub(crate) fn invoke_with(&mut self, event: &str, headers: &str) -> Request {
        let answer = self.answer(event, headers);
        let next = self.request();
        assert_eq!(next.path, "invocation/next");
        answer
    }

    /// The answer alone: for a client that ends after it.
    pub(crate) fn answer(&mut self, event: &str, headers: &str) -> Request {
        self.hand_over(event, headers);
        let answer = self.request();
        self.reply("202 Accepted");
        answer
    }

    pub(crate) fn hand_over(&mut self, event: &str, headers: &str) {
        // The clock of the process under test is the real one.
        #[expect(clippy::disallowed_methods, reason = "the handlers under test read the real clock")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {REQUEST}\r\n\
             Lambda-Runtime-Deadline-Ms: {}\r\nLambda-Runtime-Invoked-Function-Arn: arn:shop:live\r\n{headers}\
             Content-Length: {}\r\n\r\n",
            now + TIME_LEFT,
            event.len()
        );
        self.stream.write_all(&[head.as_bytes(), event.as_bytes()].concat()).unwrap();
    }

    pub(crate) fn reply(&mut self, status: &str) {
        self.stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
    }

    /// Breaks the connection, and takes the next that the client opens.
    pub(crate) fn reconnect(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
        self.take_connection();
    }

    pub(crate) fn take_connection(&mut self) {
        self.stream = accept(&self.listener);
        self.buffer.clear();
    }

    pub(crate) fn request(&mut self) -> Request {
        let head = self.until(b"\r\n\r\n");
        let mut lines = head.split("\r\n");
        let path = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = fields(lines);
        let mut trailers = HashMap::new();
        let mut body = Vec::new();
        if headers.get("transfer-encoding").map(String::as_str) == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.until(b"\r\n"), 16).unwrap();
                if size == 0 {
                    break;
                }
                body.extend(self.take(size));
                assert_eq!(self.take(2), b"\r\n");
            }
            loop {
                let line = self.until(b"\r\n");
                if line.is_empty() {
                    break;
                }
                trailers.extend(fields([line.as_str()].into_iter()));
            }
        } else {
            body = self.take(headers.get("content-length").map_or(0, |size| size.parse().unwrap()));
        }
        let path = path.strip_prefix("/2018-06-01/runtime/").unwrap_or_else(|| panic!("{path}")).to_owned();
        Request { path, headers, body, trailers }
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn output(&self) -> String {
        let mut text = String::new();
        File::open(self.output.path()).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn until(&mut self, end: &[u8]) -> String {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let text = String::from_utf8(self.buffer.drain(..at).collect()).unwrap();
                self.buffer.drain(..end.len());
                return text;
            }
            self.read();
        }
    }

    fn take(&mut self, size: usize) -> Vec<u8> {
        while self.buffer.len() < size {
            self.read();
        }
        self.buffer.drain(..size).collect()
    }

    fn read(&mut self) {
        let mut part = vec![0; 1 << 16];
        let count = self.stream.read(&mut part).unwrap_or_else(|error| panic!("{error}: {}", self.output()));
        assert!(count > 0, "the client closed its connection: {}", self.output());
        self.buffer.extend_from_slice(&part[..count]);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn appending(path: &Path) -> File {
    File::options().append(true).open(path).unwrap()
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> HashMap<String, String> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect()
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The client's files, written and prepared once.
fn folder(client: &'static Client) -> &'static Path {
    static PYTHON: OnceLock<tempfile::TempDir> = OnceLock::new();
    static NODE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let cell = match client.family {
        Family::Python => &PYTHON,
        Family::Node => &NODE,
    };
    cell.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        client.write_to(folder.path()).unwrap();
        if let Some(argument) = client.prepare {
            for interpreter in interpreters(client) {
                let entry = folder.path().join(client.entry);
                let status =
                    Command::new(interpreter).args(client.arguments(256)).arg(entry).arg(argument).status();
                assert!(status.unwrap().success());
            }
        }
        folder
    })
    .path()
}

/// The machine's own, found as a shell would, and those of the system where they differ.
pub(crate) fn interpreters(client: &Client) -> &'static [PathBuf] {
    static PYTHON: OnceLock<Vec<PathBuf>> = OnceLock::new();
    static NODE: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let find = |names: [&str; 2], arguments: &[&str]| {
        let mut found: Vec<PathBuf> = names
            .iter()
            .filter_map(|name| Command::new(name).args(arguments).output().ok())
            .map(|output| PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()))
            .filter_map(|path| fs::canonicalize(path).ok())
            .collect();
        found.dedup();
        assert!(!found.is_empty(), "no interpreter");
        found
    };
    match client.family {
        Family::Python => PYTHON.get_or_init(|| {
            find(["python3", "/usr/bin/python3"], &["-c", "import sys; print(sys.executable)"])
        }),
        Family::Node => NODE.get_or_init(|| find(["node", "/usr/bin/node"], &["-p", "process.execPath"])),
    }
}
