//! One child from its start to its end, as the server sees it.
//!
//! A thread of its own starts the child, talks to it and waits for it: the kernel ends a child when the *thread* that
//! started it ends (`PR_SET_PDEATHSIG`), so the thread must live as long.

use std::{
    io::{self, Read},
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt},
        },
    },
    process::{ChildStderr, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
};

use rustix::process::{Pid, PidfdFlags, Signal};
use sonagi_model::{Clock, clock::within, limits};
use tokio::sync::oneshot;

use super::{
    Compiler, Refusal,
    order::{self, Compiled, Order, Report},
};

/// What the deployer reads when the limit on the child's memory was hit.
pub(super) const OUT_OF_MEMORY: &str = "compiling the component takes more than 4 GiB of memory, which is the most: \
    build it smaller, with optimisation and without what it does not need";
/// Bytes of the child's standard error that are kept: its end.
const LAST_WORDS: usize = 4 << 10;

const START: &str = "start the compiler";
const COMPILE: &str = "compile the component";

/// Returns when the child has ended. Dropping the future kills it.
pub(crate) async fn run(
    compiler: &Compiler,
    order: Order,
    clock: &Arc<dyn Clock>,
) -> Result<Compiled, Refusal> {
    let deadline = clock.tick() + limits::COMPILE_TIMEOUT;
    let (started, has_started) = oneshot::channel();
    let (ended, mut has_ended) = oneshot::channel();
    let compiler = compiler.clone();
    thread::Builder::new()
        .name("wasm-compile".into())
        .spawn(move || {
            let end = start(&compiler).map(|child| {
                // Nobody waits any more: the handle comes back, and is dropped, which kills.
                drop(started.send(child.handle));
                attend(child.process, &child.socket, &order)
            });
            // Nobody waits any more.
            drop(ended.send(end));
        })
        .map_err(Refusal::machine(START))?;
    // The sender is dropped without a word when the child could not be started; the reason comes as its end.
    let _kill_when_dropped = has_started.await.ok();
    let end = match within(&**clock, deadline, &mut has_ended).await {
        Some(end) => end,
        None => {
            drop(_kill_when_dropped);
            let _ = has_ended.await;
            let most = limits::COMPILE_TIMEOUT.as_secs();
            return Err(Refusal::Invalid(format!(
                "compiling the component takes more than {most} s, which is the most: build it smaller"
            )));
        }
    };
    match end {
        Ok(Ok(end)) => end.judge(),
        Ok(Err(cause)) => Err(Refusal::Machine { doing: START, cause }),
        Err(_) => Err(Refusal::Machine {
            doing: COMPILE,
            cause: io::Error::other("the thread that waits for it ended"),
        }),
    }
}

/// Kills the process when it is dropped; one that has ended does not mind.
struct Handle(OwnedFd);

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = rustix::process::pidfd_send_signal(&self.0, Signal::KILL);
    }
}

struct Child {
    process: std::process::Child,
    handle: Handle,
    socket: UnixStream,
}

fn start(compiler: &Compiler) -> io::Result<Child> {
    let (ours, theirs) = UnixStream::pair()?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(limits::COMPILE_THREADS);
    let mut process = Command::new(&compiler.program)
        .args(&compiler.arguments)
        // Nothing of the server's reaches the child, and what a terminal sends to the server's group is not for it.
        .env_clear()
        .process_group(0)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    match rustix::process::pidfd_open(Pid::from_child(&process), PidfdFlags::empty()) {
        Ok(handle) => Ok(Child { process, handle: Handle(handle), socket: ours }),
        Err(error) => {
            let _ = process.kill();
            let _ = process.wait();
            Err(error.into())
        }
    }
}

/// How a child ended.
struct End {
    report: io::Result<Option<Report>>,
    status: io::Result<ExitStatus>,
    last_words: String,
}

fn attend(mut process: std::process::Child, socket: &UnixStream, order: &Order) -> End {
    let stderr = process.stderr.take();
    thread::scope(|scope| {
        // Read all the while, so that the child never waits for it.
        let words = thread::Builder::new().spawn_scoped(scope, || last_words(stderr));
        // A child that died before it read the order is known by its end.
        let sent = order::send(socket, order);
        let report = order::receive(socket);
        if sent.is_err() || report.is_err() || words.is_err() {
            let _ = process.kill();
        }
        let status = process.wait();
        let last_words = words.ok().and_then(|words| words.join().ok()).unwrap_or_default();
        End { report, status, last_words }
    })
}

/// Reads to the end and keeps the end.
fn last_words(from: Option<ChildStderr>) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; LAST_WORDS];
    if let Some(mut from) = from {
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..count]);
            let beyond = kept.len().saturating_sub(LAST_WORDS);
            kept.drain(..beyond);
        }
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

impl End {
    fn judge(self) -> Result<Compiled, Refusal> {
        if !self.last_words.is_empty() {
            tracing::debug!(words = self.last_words, "the compiler's child wrote");
        }
        let status = self.status.map_err(Refusal::machine(COMPILE))?;
        match self.report {
            Ok(Some(Report::Compiled(compiled))) if status.success() => Ok(compiled),
            Ok(Some(Report::Refused(text))) => Err(Refusal::Invalid(text)),
            Ok(Some(Report::Failed { doing, cause })) => {
                Err(Refusal::Machine { doing: COMPILE, cause: io::Error::other(format!("{doing}: {cause}")) })
            }
            Ok(Some(Report::Compiled(_)) | None) | Err(_) => Err(death(status, &self.last_words)),
        }
    }
}

/// Why a child died without a report.
fn death(status: ExitStatus, last_words: &str) -> Refusal {
    let Some(signal) = status.signal() else {
        let code = status.code().unwrap_or_default();
        return Refusal::Machine {
            doing: COMPILE,
            cause: io::Error::other(format!(
                "the compiler ended with status {code} and no report: {last_words}"
            )),
        };
    };
    match signal {
        // Not by us, so by the kernel, which wanted the memory for something else, or by an operator.
        libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP => Refusal::Machine {
            doing: COMPILE,
            cause: io::Error::other(format!("the compiler was killed by signal {signal}: is the machine out of memory?")),
        },
        libc::SIGXCPU => Refusal::Invalid(format!(
            "compiling the component takes more than {} s of processor time, which is the most: build it smaller",
            limits::COMPILE_CPU.as_secs()
        )),
        libc::SIGXFSZ => Refusal::Invalid(format!(
            "the component's native code is larger than {} MiB, which is the most: build it smaller",
            limits::ARTIFACT_SIZE >> 20
        )),
        signal if last_words.contains("memory allocation of") || last_words.contains("out of memory") => {
            tracing::debug!(signal, "the compiler ran out of memory");
            Refusal::Invalid(OUT_OF_MEMORY.into())
        }
        _ if last_words.contains("overflowed its stack") => Refusal::Invalid(
            "the component nests types or code so deeply that the compiler's stack does not suffice: build it flatter".into(),
        ),
        signal => Refusal::Invalid(format!(
            "the compiler crashed on this component (signal {signal}), which is a fault of the compiler. A component that \
             is built with other options may do"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: i32, last_words: &str) -> String {
        match death(ExitStatus::from_raw(raw), last_words) {
            Refusal::Invalid(text) => text,
            Refusal::Machine { cause, .. } => format!("machine: {cause}"),
            Refusal::Busy(text) => format!("busy: {text}"),
        }
    }

    #[test]
    fn every_death_has_its_words() {
        assert!(text(libc::SIGABRT, "memory allocation of 9 bytes failed").contains("4 GiB of memory"));
        assert!(text(libc::SIGABRT, "thread 'main' has overflowed its stack").contains("nests"));
        assert!(text(libc::SIGSEGV, "").contains("crashed on this component (signal 11)"));
        assert!(text(libc::SIGXCPU, "").contains("900 s of processor time"));
        assert!(text(libc::SIGXFSZ, "").contains("1024 MiB"));
        assert!(text(libc::SIGKILL, "").starts_with("machine: the compiler was killed"));
        assert!(text(1 << 8, "error: unknown word").starts_with("machine: the compiler ended with status 1"));
    }

    #[test]
    fn the_limit_in_the_text_is_the_limit() {
        assert!(OUT_OF_MEMORY.contains(&format!("{} GiB", limits::COMPILE_MEMORY >> 30)));
    }
}
