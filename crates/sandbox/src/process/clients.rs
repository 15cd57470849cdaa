//! The runtime clients' files, written once for each interpreter and shared by all environments.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use sonagi_guest::Client;
use sonagi_model::Digest;
use tokio::sync::OnceCell;

use super::interpreters::Interpreter;

#[derive(Debug)]
pub(super) struct Clients {
    root: PathBuf,
    /// Names what is being written, so that two servers on one folder do not write the same.
    server: String,
    ready: Mutex<HashMap<PathBuf, Arc<OnceCell<()>>>>,
}

impl Clients {
    pub(super) fn new(work_dir: &Path, server: &str) -> io::Result<Self> {
        let root = work_dir.join("clients");
        fs::create_dir_all(&root)?;
        Ok(Self { root: fs::canonicalize(root)?, server: server.into(), ready: Mutex::default() })
    }

    /// The folder with the client's files, prepared for `interpreter`.
    pub(super) async fn folder(
        &self,
        client: &'static Client,
        interpreter: &Interpreter,
    ) -> io::Result<PathBuf> {
        let folder = self.root.join(name(client, interpreter));
        let cell = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ready.entry(folder.clone()).or_default())
        };
        cell.get_or_try_init(|| async {
            let (folder, program) = (folder.clone(), interpreter.program.clone());
            let draft = folder.with_extension(&self.server);
            tokio::task::spawn_blocking(move || write(client, &program, &draft, &folder)).await?
        })
        .await?;
        Ok(folder)
    }
}

/// The name changes with everything that the files depend on.
fn name(client: &Client, interpreter: &Interpreter) -> String {
    let mut content = interpreter.program.as_os_str().as_encoded_bytes().to_vec();
    content.extend_from_slice(&interpreter.version.to_le_bytes());
    for (name, text) in client.files {
        for part in [name, text] {
            content.push(0);
            content.extend_from_slice(part.as_bytes());
        }
    }
    let digest = Digest::of(&content).to_string();
    digest[..16].to_owned()
}

fn write(client: &Client, program: &Path, draft: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(draft);
    fs::create_dir_all(draft)?;
    client.write_to(draft)?;
    if let Some(argument) = client.prepare {
        let done = Command::new(program)
            .args(client.arguments(sonagi_model::limits::MEMORY_MIN))
            .arg(draft.join(client.entry))
            .arg(argument)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // It is an optimisation: without it every start compiles for itself.
        if !done.as_ref().is_ok_and(std::process::ExitStatus::success) {
            tracing::debug!(?done, program = %program.display(), "prepare the runtime client");
        }
    }
    match fs::rename(draft, folder) {
        // Another server was faster.
        Err(_) if folder.is_dir() => fs::remove_dir_all(draft),
        other => other,
    }
}
