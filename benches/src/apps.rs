//! The functions that are measured: hello, in each kind of runtime.

use std::{io::Write as _, process::Command};

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
        runtime: Runtime::Python { minor: 11 },
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
