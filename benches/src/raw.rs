//! What a handler's own process can answer: its runtime client on a bare socket, with nothing of the platform.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use sonagi_guest::Client;
use sonagi_model::function::Runtime;

use crate::{apps::Hello, statistics::Samples};

/// Memory in MiB that the runtimes are told.
const MEMORY: u32 = 128;

/// What one process showed, alone.
pub(crate) struct Raw {
    pub(crate) latency: Samples,
    pub(crate) per_second: f64,
}

/// How long a process that is started with nothing around it takes to its first answer: a plain fork and exec.
pub(crate) struct Plain {
    listener: TcpListener,
    made: Made,
}

impl Plain {
    pub(crate) fn new(hello: &Hello, folder: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let made = Made::new(hello, folder, &listener.local_addr()?.to_string())?;
        Ok(Self { listener, made })
    }

    /// One start.
    pub(crate) fn first(&self) -> Result<Duration> {
        let began = Instant::now();
        let function = Function(self.made.command().spawn()?);
        let mut connection = Connection::new(self.listener.accept().context("the runtime connects")?.0)?;
        connection.read()?;
        connection.ask(0, &event())?;
        let took = began.elapsed();
        // Before its connection, or else it connects anew, and is taken for the next one.
        drop(function);
        Ok(took)
    }

    /// So many at once: how long until all have answered.
    pub(crate) fn burst(&self, count: usize) -> Result<Duration> {
        let began = Instant::now();
        let functions = (0..count).map(|_| Ok(Function(self.made.command().spawn()?)));
        let functions = functions.collect::<Result<Vec<_>>>()?;
        std::thread::scope(|scope| {
            let answers: Vec<_> = (0..count)
                .map(|index| {
                    scope.spawn(move || {
                        let (stream, _) = self.listener.accept().context("the runtime connects")?;
                        let mut connection = Connection::new(stream)?;
                        connection.read()?;
                        connection.ask(index, &event())?;
                        Ok(connection)
                    })
                })
                .collect();
            let answered = answers.into_iter().map(|answer| match answer.join() {
                Ok(answered) => answered,
                Err(_) => bail!("a thread that asked has panicked"),
            });
            answered.collect::<Result<Vec<_>>>()
        })
        .map(|connections| {
            let took = began.elapsed();
            drop(functions);
            drop(connections);
            took
        })
    }
}

/// Round trips of `count` events of the size that the gateway sends.
pub(crate) fn round_trips(hello: &Hello, folder: &Path, count: usize) -> Result<Raw> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let made = Made::new(hello, folder, &listener.local_addr()?.to_string())?;
    let mut function = Function(made.command().spawn()?);
    let mut connection = Connection::new(listener.accept().context("the runtime connects")?.0)?;
    let event = event();
    let mut samples = Vec::with_capacity(count);
    connection.read()?;
    // The first round trips warm the interpreter up.
    let warm_up = count / 10;
    let mut began_all = Instant::now();
    for index in 0..count + warm_up {
        if index == warm_up {
            samples.clear();
            began_all = Instant::now();
        }
        let began = Instant::now();
        connection.ask(index, &event)?;
        samples.push(began.elapsed());
        connection.accept()?;
    }
    let per_second = samples.len() as f64 / began_all.elapsed().as_secs_f64();
    function.0.kill()?;
    Ok(Raw { latency: Samples::new(samples), per_second })
}

/// A runtime's.
struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { writer: stream.try_clone()?, reader: BufReader::new(stream) })
    }

    /// Gives it an event, and waits for the answer.
    fn ask(&mut self, index: usize, event: &[u8]) -> Result<()> {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{index:012}\r\n\
             Lambda-Runtime-Deadline-Ms: 32503680000000\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:hello\r\n\
             Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n\
             Content-Length: {}\r\n\r\n",
            event.len()
        );
        self.writer.write_all(&[head.as_bytes(), event].concat())?;
        self.read()
    }

    /// Takes the answer, and waits for the next question.
    fn accept(&mut self) -> Result<()> {
        self.writer.write_all(
            b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n",
        )?;
        self.read()
    }

    /// Reads one request of the runtime's.
    fn read(&mut self) -> Result<()> {
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                bail!("the function ended");
            }
            if line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        std::io::copy(&mut (&mut self.reader).take(length), &mut std::io::sink())?;
        Ok(())
    }
}

struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All that a start takes, on disk and looked up.
struct Made {
    program: PathBuf,
    arguments: Vec<OsString>,
    task: PathBuf,
    handler: &'static str,
    api: String,
}

impl Made {
    fn new(hello: &Hello, folder: &Path, api: &str) -> Result<Self> {
        let (name, bytes) = hello.file()?;
        let task = folder.join(hello.name);
        std::fs::create_dir_all(&task)?;
        let code = task.join(name);
        std::fs::write(&code, bytes)?;
        std::fs::set_permissions(&code, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let client: Option<(&Client, String)> = match hello.runtime {
            Runtime::Python { .. } => Some((
                sonagi_guest::python(),
                interpreter("python3", "-c", "import sys; print(sys.executable)")?,
            )),
            Runtime::Nodejs { .. } => {
                Some((sonagi_guest::node(), interpreter("node", "-p", "process.execPath")?))
            }
            Runtime::Provided(_) | Runtime::Wasm => None,
        };
        let (program, arguments) = match client {
            Some((client, interpreter)) => {
                let files = folder.join(format!("{}-client", hello.name));
                client.write_to(&files)?;
                let mut arguments: Vec<OsString> =
                    client.arguments(MEMORY).into_iter().map(Into::into).collect();
                arguments.push(files.join(client.entry).into());
                (interpreter.into(), arguments)
            }
            None => (code, Vec::new()),
        };
        Ok(Self { program, arguments, task, handler: hello.handler, api: api.into() })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_LAMBDA_RUNTIME_API", &self.api)
            .env("_HANDLER", self.handler)
            .env("LAMBDA_TASK_ROOT", &self.task)
            .env("AWS_LAMBDA_FUNCTION_NAME", "hello")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY.to_string())
            .current_dir(&self.task)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

fn interpreter(program: &str, flag: &str, code: &str) -> Result<String> {
    let output =
        Command::new(program).args([flag, code]).output().with_context(|| format!("find {program}"))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// An HTTP API event about as large as the gateway's.
fn event() -> Vec<u8> {
    serde_json::json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "",
        "headers": {
            "host": "python.localhost", "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "8080", "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "000000000000", "apiId": "abcdefghij", "domainName": "python.localhost",
            "domainPrefix": "python",
            "http": { "method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "" },
            "requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_773_342_238_390_u64,
        },
        "isBase64Encoded": false,
    })
    .to_string()
    .into_bytes()
}
