//! A Python package's modules, compiled ahead: a function's folder is read-only, so Python would compile them again in
//! each environment.
//!
//! ```text
//! bytecode ──► a sandbox of its own: the interpreter, bytecode.py, the package read-only
//!                    └── standard output ──► names and bytes ──► files below `into`
//! ```
//!
//! The source is a stranger's. To compile is not to run it, but a module may take any time and memory to compile, and
//! the compiler may have mistakes: so it happens in a sandbox, with less of the processors than there are, for
//! [`limits::BYTECODE_TIMEOUT`] at the most. What comes out is taken for a stranger's as well: names that lead out of
//! the package, or to anything but a module's bytecode, end it. The bytecode itself is run by the function alone, which
//! could have brought it.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use sonagi_model::{clock, function::Runtime, limits};
use tokio::{io::AsyncReadExt as _, net::unix::pipe};

use super::{
    driver::ProcessDriver, isolation, machine::Unclaimed, process::Process, spawner::Plan,
    start::RUNTIME_API_PORT,
};
use crate::launcher::{Extensions, Mount, Purpose, Reach, Sandbox};

const SCRIPT: &str = include_str!("bytecode.py");
const CACHE: &str = "__pycache__";

impl ProcessDriver {
    /// The minor version of the Python that runs `runtime`; none for what is no Python, or where nothing is run at all.
    pub async fn bytecode_version(&self, runtime: Runtime) -> Option<u32> {
        if !matches!(runtime, Runtime::Python { .. }) || self.refusal().is_some() {
            return None;
        }
        Some(self.interpreters().find(runtime).await.ok()??.version)
    }

    /// Compiles the modules of the unpacked package `code` for the interpreter that runs `runtime`, into folders
    /// `__pycache__` below `into`, which must be empty. Modules that cannot be compiled are left out, and so are those
    /// whose folder has a `__pycache__` already. Returns how many there are now; none for what is no Python.
    pub async fn bytecode(&self, runtime: Runtime, code: &Path, into: &Path) -> io::Result<usize> {
        if !matches!(runtime, Runtime::Python { .. }) || self.refusal().is_some() {
            return Ok(0);
        }
        // A function that has no interpreter is told so by its first start.
        let Ok(Some(interpreter)) = self.interpreters().find(runtime).await else { return Ok(0) };
        let _turn = self.compiling().lock().await;
        let name = self.next_name();
        let sandboxed = self.sandboxed();
        let task_root = if sandboxed { isolation::TASK_ROOT.into() } else { code.to_path_buf() };
        let arguments = ["-I", "-S", "-B", "-X", "utf8", "-W", "ignore", "-c", SCRIPT].map(OsString::from);
        let mut mounts = vec![Mount { from: code.into(), to: isolation::TASK_ROOT.into() }];
        mounts.extend(isolation::interpreter(&interpreter.program));
        let memory = limits::BYTECODE_MEMORY << 20;
        let plan = Plan {
            folder: (!sandboxed).then(|| self.folders().environment(&name)),
            name,
            memory,
            program: interpreter.program,
            arguments: arguments.into_iter().chain([task_root.clone().into()]).collect(),
            task_root,
            variables: Vec::new(),
            grant: None,
            extensions: Extensions::default(),
            sandbox: sandboxed.then(|| Sandbox {
                users: self.next_users(),
                temporary: 1 << 20,
                ports: vec![RUNTIME_API_PORT],
                mounts,
                reach: Reach::Loopback,
                purpose: Purpose::Known,
            }),
        };
        let spawned = self.machine().spawn(plan).await.and_then(Unclaimed::claim);
        let spawned = spawned.map_err(io::Error::other)?;
        let mut process = Process::new(Arc::clone(self.machine()), spawned.remains, memory)?;
        process.limit_processors()?;
        let mut output = pipe::Receiver::from_owned_fd(spawned.output)?;
        let clock = &*self.machine().clock;
        let deadline = clock.tick() + limits::BYTECODE_TIMEOUT;
        let mut count = 0;
        let reading = read(&mut output, into, &mut count);
        let read = tokio::select! {
            read = clock::within(clock, deadline, reading) => read,
            // It was killed for what it used; or it has ended, and what it wrote is read first.
            () = memory_used_up(&mut process) => None,
        };
        process.kill().await;
        // What was compiled until then is good.
        read.unwrap_or(Ok(()))?;
        Ok(count)
    }
}

/// Ready when the process has used more memory than it may, where only a look now and then tells.
async fn memory_used_up(process: &mut Process) {
    process.ended().await;
    if process.has_ended() {
        std::future::pending::<()>().await;
    }
}

async fn read(output: &mut pipe::Receiver, into: &Path, count: &mut usize) -> io::Result<()> {
    let mut left = limits::BYTECODE_SIZE;
    loop {
        let Some((name, size)) = sizes(output).await? else { return Ok(()) };
        left = left.checked_sub(name.saturating_add(size)).ok_or_else(too_much)?;
        if name > limits::PACKAGE_PATH_SIZE {
            return Err(too_much());
        }
        let mut bytes = vec![0; name + size];
        match output.read_exact(&mut bytes).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        };
        let body = bytes.split_off(name);
        let place = place(into, &bytes)?;
        let written = tokio::task::spawn_blocking(move || {
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::File::create_new(&place).and_then(|mut file| io::Write::write_all(&mut file, &body))
        });
        written.await.map_err(io::Error::other)??;
        *count += 1;
    }
}

/// None at the end, and where the process has ended in the middle.
async fn sizes(output: &mut pipe::Receiver) -> io::Result<Option<(usize, usize)>> {
    let mut sizes = [0; 8];
    match output.read_exact(&mut sizes).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let [a, b, c, d, rest @ ..] = sizes;
    let sizes = [[a, b, c, d], rest].map(|size| u32::from_le_bytes(size) as usize);
    Ok(match sizes {
        [0, 0] => None,
        [name, size] => Some((name, size)),
    })
}

/// `a/b/__pycache__/c.cpython-311.pyc` below `into`, and nothing else.
fn place(into: &Path, name: &[u8]) -> io::Result<PathBuf> {
    let name = Path::new(std::ffi::OsStr::from_bytes(name));
    let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    let caches = name.components().filter(|part| part.as_os_str() == CACHE).count();
    let cached = name.parent().is_some_and(|folder| folder.ends_with(CACHE));
    if plain && caches == 1 && cached && name.extension().is_some_and(|end| end == "pyc") {
        return Ok(into.join(name));
    }
    Err(io::Error::other(format!("{} is no place for a module's bytecode", name.display())))
}

fn too_much() -> io::Error {
    io::Error::other("the bytecode of a package is over its limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_has_its_places_and_no_others() {
        let into = Path::new("/staging");
        let good = place(into, b"a/b/__pycache__/c.cpython-311.pyc").unwrap();
        assert_eq!(good, Path::new("/staging/a/b/__pycache__/c.cpython-311.pyc"));
        for bad in [
            "a.pyc",
            "a/b.pyc",
            "/etc/__pycache__/x.pyc",
            "../__pycache__/x.pyc",
            "a/../../__pycache__/x.pyc",
            "__pycache__/x.py",
            "__pycache__/a/x.pyc",
            "__pycache__/__pycache__/x.pyc",
            "__pycache__",
            "",
        ] {
            assert!(place(into, bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
