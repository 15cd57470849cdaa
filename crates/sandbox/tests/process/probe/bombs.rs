//! What takes more than its share, or stays longer than it may. Each has an end of its own far above what a sandbox
//! allows (`most`), so that a machine without one survives it.

use std::{
    fs::File,
    io::{Read, Write},
    process::Command,
    sync::atomic::Ordering,
};

use serde_json::{Value, json};

use crate::sys::{self, call};

/// A bomb's name, and what sets it off.
pub(crate) type Named = (&'static str, fn(&Value) -> Value);

pub(crate) const BOMBS: [Named; 13] = [
    ("echo", |event| event.clone()),
    ("processes", processes),
    ("threads", threads),
    ("memory", memory),
    ("memory_in_a_child", memory_in_a_child),
    ("disk", disk),
    ("inodes", inodes),
    ("descriptors", descriptors),
    ("log", log),
    ("buffers", buffers),
    ("cling", cling),
    ("daemon", daemon),
    ("spinners", spinners),
];

/// The first argument of a process that does nothing but use the processor.
pub(crate) const SPIN: &str = "spin";
/// Seconds after which every process of a bomb ends by itself.
const LIFE: usize = 30;
const MIB: usize = 1 << 20;

fn most(event: &Value) -> u64 {
    event["most"].as_u64().unwrap_or(1)
}

fn said(count: u64, error: Option<String>) -> Value {
    json!({ "count": count, "error": error })
}

fn live_and_let_die() {
    let _ = call(libc::SYS_alarm, [LIFE]);
}

/// Every process forks as fast as it can, and its children do the same.
fn processes(event: &Value) -> Value {
    let Some(born) = sys::shared_counter() else { return said(0, Some("memory".into())) };
    let most = most(event);
    let parent = sys::pid();
    let mut error = None;
    while born.load(Ordering::Relaxed) < most {
        match sys::fork() {
            Ok(0) => {
                let _ = call(libc::SYS_setsid, []);
                live_and_let_die();
                born.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(refusal) if sys::pid() == parent => {
                error = Some(refusal.0);
                break;
            }
            // It goes on trying, as a bomb does, for as long as it lives.
            Err(_) => {}
        }
    }
    if sys::pid() != parent {
        loop {
            let _ = call(libc::SYS_pause, []);
        }
    }
    said(born.load(Ordering::Relaxed), error)
}

fn threads(event: &Value) -> Value {
    for count in 0..most(event) {
        let spawned = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
            loop {
                std::thread::park();
            }
        });
        if let Err(error) = spawned {
            return said(count, Some(sys::name_of(error.raw_os_error().unwrap_or_default())));
        }
    }
    said(most(event), None)
}

fn memory(event: &Value) -> Value {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..most(event) {
        kept.push(vec![kept.len() as u8 | 1; MIB]);
    }
    let sum: u64 = kept.iter().map(|part| u64::from(part[MIB / 2])).sum();
    said(kept.len() as u64, (sum == 0).then(|| "zeros".into()))
}

fn memory_in_a_child(event: &Value) -> Value {
    let Ok(child) = sys::fork() else { return said(0, Some("fork".into())) };
    if child == 0 {
        live_and_let_die();
        let _ = call(libc::SYS_setsid, []);
        memory(event);
        sys::leave(0);
    }
    said(0, sys::wait(child).ok())
}

fn disk(event: &Value) -> Value {
    let block = vec![0x55_u8; MIB];
    let mut file = match File::create("/tmp/bomb") {
        Ok(file) => file,
        Err(error) => return said(0, Some(error.to_string())),
    };
    for count in 0..most(event) {
        if let Err(error) = file.write_all(&block) {
            return said(count, Some(sys::name_of(error.raw_os_error().unwrap_or_default())));
        }
    }
    said(most(event), None)
}

fn inodes(event: &Value) -> Value {
    for count in 0..most(event) {
        if let Err(error) = File::create_new(format!("/tmp/{count}")) {
            return said(count, Some(sys::name_of(error.raw_os_error().unwrap_or_default())));
        }
    }
    said(most(event), None)
}

fn descriptors(event: &Value) -> Value {
    let mut kept = Vec::new();
    for count in 0..most(event) {
        match File::open("/dev/null") {
            Ok(file) => kept.push(file),
            Err(error) => return said(count, Some(sys::name_of(error.raw_os_error().unwrap_or_default()))),
        }
    }
    said(most(event), None)
}

/// Writes lines until it is stopped, or `most` MiB are written.
fn log(event: &Value) -> Value {
    let line = [b'y'; 1023].iter().copied().chain([b'\n']).collect::<Vec<u8>>().repeat(64);
    let mut output = std::io::stdout().lock();
    for _ in 0..most(event) * 16 {
        if output.write_all(&line).is_err() {
            break;
        }
    }
    said(most(event), None)
}

/// Fills the kernel's buffers of as many sockets and pipes as it may have.
fn buffers(event: &Value) -> Value {
    let part = vec![0x55_u8; 64 << 10];
    let mut filled = 0_u64;
    let pair = |number: libc::c_long, before: &[usize]| {
        let mut ends = [0_i32; 2];
        let pointer = ends.as_mut_ptr() as usize;
        let result = match before {
            [] => call(number, [pointer, libc::O_NONBLOCK as usize]),
            [family, kind, protocol, ..] => call(number, [*family, *kind, *protocol, pointer]),
            _ => return Err("EINVAL".into()),
        };
        result.map(|_| ends)
    };
    let kind = (libc::SOCK_STREAM | libc::SOCK_NONBLOCK) as usize;
    let most = most(event) << 20;
    loop {
        let sockets = pair(libc::SYS_socketpair, &[libc::AF_UNIX as usize, kind, 0]);
        let pipe = pair(libc::SYS_pipe2, &[]);
        let error = match (&sockets, &pipe) {
            (Err(error), _) | (_, Err(error)) => Some(error.0.clone()),
            (Ok(_), Ok(_)) => None,
        };
        for end in [sockets, pipe.map(|ends| [ends[1]; 2])].into_iter().flatten().flatten() {
            let _ = call(libc::SYS_fcntl, [end as usize, libc::F_SETPIPE_SZ as usize, MIB]);
            while let Ok(size) = call(libc::SYS_write, [end as usize, part.as_ptr() as usize, part.len()]) {
                filled += size as u64;
            }
        }
        if error.is_some() || filled > most {
            return said(filled >> 20, error);
        }
    }
}

/// Ignores every signal that can be ignored, has children that do too, and stays.
fn cling(event: &Value) -> Value {
    for signal in 1..=64 {
        sys::ignore(signal);
    }
    for _ in 0..most(event) {
        start_spinning(event);
    }
    loop {
        std::hint::spin_loop();
    }
}

/// Leaves a process behind that belongs to nobody, in a session of its own, and answers.
fn daemon(event: &Value) -> Value {
    let Ok(child) = sys::fork() else { return said(0, Some("fork".into())) };
    if child == 0 {
        let _ = call(libc::SYS_setsid, []);
        start_spinning(event);
        sys::leave(0);
    }
    let _ = sys::wait(child);
    said(1, None)
}

fn spinners(event: &Value) -> Value {
    for _ in 0..most(event) {
        start_spinning(event);
    }
    said(most(event), None)
}

fn start_spinning(event: &Value) {
    let marker = event["marker"].as_str().unwrap_or_default();
    if let Ok(0) = sys::fork() {
        let _ = call(libc::SYS_setsid, []);
        let _ = Command::new("/proc/self/exe").args([SPIN, marker]).spawn();
        sys::leave(0);
    }
}

pub(crate) fn spin() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGPIPE] {
        sys::ignore(signal);
    }
    live_and_let_die();
    let mut random = [0_u8; 4096];
    let mut source = File::open("/dev/urandom");
    loop {
        if let Ok(source) = &mut source {
            let _ = source.read(&mut random);
        }
    }
}
