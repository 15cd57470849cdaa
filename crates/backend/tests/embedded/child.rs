//! A test process of its own, to be killed: this test binary again, running one ignored test.

use std::{
    io::{BufRead as _, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child as Process, ChildStdout, Command, Stdio},
};

/// Names the folder to work on in the child; in a run of all tests it is not there.
const FOLDER: &str = "SONAGI_CRASH_TEST_FOLDER";

/// A running child; killed when dropped.
pub(crate) struct Child {
    process: Process,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts the ignored test `test` on `folder`, after the words of `wrapper` if there are any.
    pub(crate) fn start(wrapper: &[&str], test: &str, folder: &Path) -> Self {
        let binary = std::env::current_exe().unwrap();
        let mut command = match wrapper {
            [] => Command::new(binary),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(binary);
                command
            }
        };
        let mut process = command
            .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The rest of the next line that begins with `said:`; none when the child is gone. A line that was cut off by
    /// the kill does not count.
    pub(crate) fn said(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(said) = line.strip_prefix("said: ").and_then(|said| said.strip_suffix(" .")) {
                return Some(said.to_owned());
            }
        }
    }

    /// SIGKILL; returns when the process is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn succeeded(mut self) -> bool {
        while self.said().is_some() {}
        self.process.wait().unwrap().success()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// In the child: the folder to work on.
#[expect(clippy::disallowed_methods, reason = "the one way to hand something to a test of libtest")]
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// In the child: tells the parent something in one write.
#[expect(clippy::print_stdout, reason = "stdout is the pipe to the parent")]
pub(crate) fn say(what: &str) {
    // libtest may have begun a line.
    println!("\nsaid: {what} .");
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
