//! The files of a runtime client, and how an interpreter is started with them.

use std::{fs, io, path::Path};

/// The variable that names the folder of the AWS SDK layer. The clients take it out of the environment and put
/// the folder last on the search path of modules, so that the function's own packages win, as on Lambda.
pub const SDK_VARIABLE: &str = "SONAGI_SDK";

/// The variable that names the folder which stands for Lambda's `/opt`, where layers lie. The clients take it out
/// of the environment and search it for modules as the documentation says ("Layer paths for each Lambda runtime").
pub const LAYERS_VARIABLE: &str = "SONAGI_LAYERS";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    Python,
    Node,
}

/// A runtime client: what to write into a folder, and how to start it.
#[derive(Debug)]
pub struct Client {
    pub family: Family,
    /// Paths within the folder (with `/`) and what the files hold.
    pub files: &'static [(&'static str, &'static str)],
    /// The file that the interpreter is started with.
    pub entry: &'static str,
    /// What to run the entry with once after the files were written, while the folder may still be written to: it
    /// compiles them for this very interpreter. `None`: nothing to prepare. Starting works without it, but slower.
    pub prepare: Option<&'static str>,
}

/// Python 3.8 and later.
pub const fn python() -> &'static Client {
    &PYTHON
}

/// Node 18 and later.
pub const fn node() -> &'static Client {
    &NODE
}

impl Client {
    /// The interpreter's arguments, before the entry's path, for a function with `memory` MiB.
    pub fn arguments(&self, memory: u32) -> Vec<String> {
        match self.family {
            // No `site`: the machine's own packages are not the function's, and it starts faster. Unbuffered, so
            // that what was printed is written before the answer.
            Family::Python => ["-S", "-u", "-X", "utf8", "-X", "frozen_modules=on"].map(String::from).into(),
            // The shares of the memory that Lambda gives to V8's old and new generation.
            Family::Node => vec![
                format!("--max-old-space-size={}", (u64::from(memory) * 9 / 10).max(1)),
                format!("--max-semi-space-size={}", (memory / 20).max(1)),
            ],
        }
    }

    /// Writes the files below `folder`, which may exist.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for (name, text) in self.files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(())
    }
}

static PYTHON: Client = Client {
    family: Family::Python,
    files: &[
        ("bootstrap.py", include_str!("../clients/python/bootstrap.py")),
        ("sonagi_runtime/__init__.py", include_str!("../clients/python/sonagi_runtime/__init__.py")),
        ("sonagi_runtime/codec.py", include_str!("../clients/python/sonagi_runtime/codec.py")),
        ("sonagi_runtime/connection.py", include_str!("../clients/python/sonagi_runtime/connection.py")),
        ("sonagi_runtime/context.py", include_str!("../clients/python/sonagi_runtime/context.py")),
        ("sonagi_runtime/failures.py", include_str!("../clients/python/sonagi_runtime/failures.py")),
        ("sonagi_runtime/logs.py", include_str!("../clients/python/sonagi_runtime/logs.py")),
        ("sonagi_runtime/sink.py", include_str!("../clients/python/sonagi_runtime/sink.py")),
        ("sonagi_runtime/snapshot.py", include_str!("../clients/python/sonagi_runtime/snapshot.py")),
        ("snapshot_restore_py.py", include_str!("../clients/python/snapshot_restore_py.py")),
    ],
    entry: "bootstrap.py",
    prepare: Some("--compile"),
};

static NODE: Client = Client {
    family: Family::Node,
    files: &[
        ("bootstrap.cjs", include_str!("../clients/node/bootstrap.cjs")),
        ("connection.cjs", include_str!("../clients/node/connection.cjs")),
        ("handler.cjs", include_str!("../clients/node/handler.cjs")),
        ("errors.cjs", include_str!("../clients/node/errors.cjs")),
        ("console.cjs", include_str!("../clients/node/console.cjs")),
        ("streaming.cjs", include_str!("../clients/node/streaming.cjs")),
        ("resolve.mjs", include_str!("../clients/node/resolve.mjs")),
    ],
    entry: "bootstrap.cjs",
    prepare: None,
};
