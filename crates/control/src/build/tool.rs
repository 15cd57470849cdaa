//! Runs a tool with a deadline, tells its lines on, and leaves none of its children behind.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use sonagi_model::{FunctionName, clock, limits};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    sync::mpsc,
};

use super::{Error, Progress, Result, Step, Tools};

/// Lines of a tool's output that a failure carries.
const TAIL: usize = 20;
/// Bytes of one line; a longer one is cut in pieces.
const LINE: usize = 500;
/// Lines that wait to be told on.
const BACKLOG: usize = 64;

/// What tools say when the registry cannot be reached.
const OFFLINE: [&str; 12] = [
    "Failed to establish a new connection",
    "Name or service not known",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "ConnectTimeoutError",
    "Connection refused",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "ENETUNREACH",
    "ECONNRESET",
];

/// One run of a tool.
pub(super) struct Run<'a> {
    pub(super) function: &'a FunctionName,
    /// As in `pip install`.
    pub(super) what: &'a str,
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<OsString>,
    pub(super) folder: &'a Path,
    pub(super) variables: Vec<(&'static str, OsString)>,
    pub(super) limit: Duration,
}

/// Kills the whole group when it goes, however that comes.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Gone already is as good.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Run<'_> {
    /// Its whole standard output and error as lines, the last [`TAIL`] of them.
    pub(super) async fn run(self, tools: &Tools, progress: &dyn Progress) -> Result<Vec<String>> {
        let step = Step { function: self.function.as_str(), what: self.what };
        let started = tools.clock.tick();
        progress.started(&step);
        let result = self.watch(tools, progress, &step).await;
        if result.is_ok() {
            progress.finished(&step, tools.clock.tick().since(started));
        }
        result
    }

    async fn watch(&self, tools: &Tools, progress: &dyn Progress, step: &Step<'_>) -> Result<Vec<String>> {
        let failed = |cause| Error::Io {
            function: self.function.clone(),
            verb: "run",
            path: self.program.into(),
            cause,
        };
        let mut child = Command::new(self.program)
            .args(&self.arguments)
            .current_dir(self.folder)
            .env("PATH", &tools.path)
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = Group(pid);
        let (send, mut lines) = mpsc::channel(BACKLOG);
        let readers = [
            child.stdout.take().map(|pipe| tokio::spawn(read_lines(pipe, send.clone()))),
            child.stderr.take().map(|pipe| tokio::spawn(read_lines(pipe, send))),
        ];
        let mut tail = VecDeque::new();
        let mut exit = None;
        let deadline = tools.clock.tick() + self.limit;
        let work = async {
            let mut group = Some(group);
            loop {
                tokio::select! {
                    status = child.wait(), if exit.is_none() => {
                        exit = Some(status);
                        // What it left running would hold the pipes open.
                        drop(group.take());
                    }
                    line = lines.recv() => match line {
                        None => break,
                        Some(line) => {
                            progress.line(step, &line);
                            if tail.len() == TAIL {
                                tail.pop_front();
                            }
                            tail.push_back(line);
                        }
                    }
                }
            }
            if exit.is_none() {
                exit = Some(child.wait().await);
            }
        };
        let ended = clock::within(&*tools.clock, deadline, work).await;
        for reader in readers.into_iter().flatten() {
            reader.abort();
        }
        let tail: Vec<String> = tail.into();
        let text = tail.join("\n");
        let (function, what) = (self.function.clone(), self.what.to_owned());
        if ended.is_none() {
            return Err(Error::Deadline { function, what, limit: self.limit, tail: text });
        }
        match exit {
            Some(Ok(status)) if status.success() => Ok(tail),
            Some(Ok(_)) if OFFLINE.iter().any(|sign| text.contains(sign)) => {
                Err(Error::Offline { function, what, tail: text })
            }
            Some(Ok(status)) => Err(Error::Tool { function, what, status: status.to_string(), tail: text }),
            Some(Err(cause)) => Err(failed(cause)),
            None => Err(Error::Cut(what)),
        }
    }
}

async fn read_lines(mut pipe: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut line = Vec::new();
    let mut chunk = vec![0; 8 << 10];
    loop {
        let count = match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        for &byte in &chunk[..count] {
            let ends = byte == b'\n' || byte == b'\r';
            if !ends {
                line.push(byte);
            }
            if (ends || line.len() >= LINE) && !line.is_empty() {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                if lines.send(text).await.is_err() {
                    return;
                }
            }
        }
    }
    if !line.is_empty() {
        let _ = lines.send(String::from_utf8_lossy(&line).into_owned()).await;
    }
}

/// Every program of this name on the search path.
pub(super) fn find_all(path: &OsStr, name: &str) -> Vec<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .filter(|file| file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0))
        .collect()
}

/// Quietly asks a program something; `None` when it fails or takes too long.
pub(super) async fn ask(program: &Path, arguments: &[&str], tools: &Tools) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", &tools.path)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let deadline = tools.clock.tick() + limits::INIT_TIMEOUT;
    let output = clock::within(&*tools.clock, deadline, output).await?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
