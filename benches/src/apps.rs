//! The functions that are measured, in each kind of runtime, and the apps and packages that hold them.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use sonagi_control::lambda::CreateFunction;
use sonagi_model::function::{ProvidedBase, Runtime};
use zip::{ZipWriter, write::SimpleFileOptions};

pub(crate) struct Hello {
    pub(crate) name: &'static str,
    pub(crate) runtime: Runtime,
    pub(crate) handler: &'static str,
    file: &'static str,
    source: Source,
}

enum Source {
    Text(&'static str),
    /// `hello-bootstrap`.
    Program,
}

const PYTHON: Runtime = Runtime::Python { minor: 11 };

/// Hello, in each kind of runtime.
pub(crate) const ALL: [Hello; 3] = [
    Hello {
        name: "provided",
        runtime: Runtime::Provided(ProvidedBase::Al2023),
        handler: "bootstrap",
        file: "bootstrap",
        source: Source::Program,
    },
    Hello {
        name: "python",
        runtime: PYTHON,
        handler: "app.handler",
        file: "app.py",
        source: Source::Text(
            "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n",
        ),
    },
    Hello {
        name: "node",
        runtime: Runtime::Nodejs { major: 20 },
        handler: "index.handler",
        file: "index.js",
        source: Source::Text("exports.handler = async () => ({ statusCode: 200, body: 'hello' });\n"),
    },
];

/// A Python that waits for as many seconds as the query's `hold` says before it answers.
pub(crate) const HOLDING: Hello = python("holding", include_str!("holding.py"));
/// The same, and it imports much of the standard library.
pub(crate) const HEAVY: Hello = python(
    "heavy",
    concat!(
        "import decimal, email.message, hashlib, http.client, json, logging, sqlite3, ssl, urllib.request, uuid\n",
        "import xml.etree.ElementTree\n",
        include_str!("holding.py")
    ),
);
/// A Python that logs when it began, for each message that it got.
pub(crate) const WOKEN: Hello = python("woken", include_str!("queues/woken.py"));

const fn python(name: &'static str, source: &'static str) -> Hello {
    Hello { name, runtime: PYTHON, handler: "app.handler", file: "app.py", source: Source::Text(source) }
}

impl Hello {
    /// What the function is: its file's name and content.
    pub(crate) fn file(&self) -> Result<(&'static str, Vec<u8>)> {
        let bytes = match self.source {
            Source::Text(text) => text.into(),
            Source::Program => stripped()?,
        };
        Ok((self.file, bytes))
    }

    /// The function as Lambda's API makes it, in a package of its own.
    pub(crate) fn create(&self, name: &str) -> Result<CreateFunction> {
        Ok(CreateFunction {
            name: name.into(),
            runtime: Some(self.runtime.to_string()),
            role: "arn:aws:iam::000000000000:role/bench".into(),
            handler: Some(self.handler.into()),
            code: self.package(name)?,
            ..CreateFunction::default()
        })
    }

    /// A package; `salt` makes it one of its own.
    pub(crate) fn package(&self, salt: &str) -> Result<Bytes> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let (name, bytes) = self.file()?;
        writer.start_file(name, SimpleFileOptions::default().unix_permissions(0o755))?;
        writer.write_all(&bytes)?;
        writer.start_file("salt", SimpleFileOptions::default())?;
        writer.write_all(salt.as_bytes())?;
        Ok(writer.finish()?.into_inner().into())
    }

    /// Writes an app named `app` into `folder`: `count` functions, each with a package of its own, which answer at their
    /// numbers. `settings` are further lines of each one's table.
    pub(crate) fn write(&self, folder: &Path, app: &str, count: usize, settings: &str) -> Result<PathBuf> {
        let folder = folder.join(app);
        let (name, bytes) = self.file()?;
        let mut manifest = format!("app = \"{app}\"\n");
        for index in 0..count {
            let code = folder.join(format!("f{index}"));
            fs::create_dir_all(&code)?;
            let file = code.join(name);
            fs::write(&file, &bytes)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
            fs::write(code.join("salt"), format!("{app} {index}"))?;
            write!(
                manifest,
                "[function.f{index}]\nruntime = \"{}\"\nhandler = \"{}\"\ncode = \"f{index}\"\n\
                 routes = [\"GET /{index}\"]\n{settings}\n",
                self.runtime, self.handler
            )?;
        }
        fs::write(folder.join("sonagi.toml"), manifest)?;
        Ok(folder)
    }
}

/// The bootstrap without what a debugger needs, as a deployed program would be.
fn stripped() -> Result<Vec<u8>> {
    let file = tempfile::NamedTempFile::new()?;
    let status = Command::new("strip")
        .arg("-o")
        .arg(file.path())
        .arg(std::env::current_exe()?.with_file_name("hello-bootstrap"))
        .status()?;
    ensure!(status.success(), "strip failed: {status}");
    Ok(std::fs::read(file.path())?)
}
