//! Builds a root file system for machines out of this machine's interpreters.
//!
//! What is in it: the interpreters with their standard libraries, a shell and the usual small programs, the shared
//! libraries of all of them, certificates, time zones, and the empty folders that the init mounts things at. It is the
//! same for all functions; nothing of a function's is in it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    image,
    inside::{Inside, Installed, Language, description_of},
};

/// Programs that functions' scripts and libraries start now and then; those that are there are taken.
const PROGRAMS: &str = "[ awk base64 basename bash cat chmod cp cut date dd df diff dirname du echo env expr false find \
    grep gzip head hostname id ln ls mkdir mktemp mv nproc od printf pwd readlink realpath rm rmdir sed seq sh sha256sum \
    sleep sort stat tail tar tee test timeout touch tr true uname uniq wc which xargs";
/// Where those programs are looked for; not elsewhere, since a version manager's stand-in is no program.
const PROGRAM_FOLDERS: [&str; 2] = ["/usr/bin", "/bin"];
/// Taken if they are there.
const FILES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/usr/share/zoneinfo",
    "/usr/lib/locale/C.utf8",
    "/lib/x86_64-linux-gnu/libgcc_s.so.1",
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
];
/// Parts of Node that Debian has in packages of their own.
const NODE_PARTS: [&str; 7] =
    ["acorn", "acorn-walk", "busboy", "cjs-module-lexer", "minimatch", "streamsearch", "undici"];
/// Of Python's standard library, what no function needs.
const LEFT_OUT: [&str; 9] = [
    "test",
    "tests",
    "idlelib",
    "turtledemo",
    "ensurepip",
    "site-packages",
    "dist-packages",
    "lib2to3",
    "tkinter",
];
const FOLDERS: [&str; 11] =
    ["proc", "sys", "dev", "tmp", "root", "opt", "var/task", "var/runtime", "var/lang", "etc", "home"];
const WRITTEN: [(&str, &str); 5] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nsbx_user1051:x:990:\n"),
    ("etc/hosts", "127.0.0.1 localhost sandbox.localdomain sandbox\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("etc/resolv.conf", ""),
];
/// Files that one `ldd` is asked about.
const ASKED_AT_ONCE: usize = 64;

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    pub inside: Inside,
    /// Bytes of the file.
    pub size: u64,
}

/// Builds the root file system `out` with `interpreters`, and the file beside it that says what is inside. `progress` is
/// told what is under way. Blocks for some seconds.
///
/// # Errors
/// A program is missing, or there is no room; nothing is left behind.
pub fn build(
    out: &Path,
    interpreters: Vec<Installed>,
    search_path: &str,
    progress: &dyn Fn(&str),
) -> io::Result<Built> {
    let beside = |end: &str| {
        let mut path = out.as_os_str().to_owned();
        path.push(end);
        PathBuf::from(path)
    };
    let stage = Removed(beside(".stage"));
    let draft = Removed(beside(".draft"));
    let _ = fs::remove_dir_all(&stage.0);
    fs::create_dir(&stage.0)?;
    fs::set_permissions(&stage.0, fs::Permissions::from_mode(0o755))?;
    let mut tree = Tree { root: stage.0.clone(), programs: BTreeSet::new(), taken: BTreeSet::new() };
    for folder in FOLDERS {
        fs::create_dir_all(stage.0.join(folder))?;
    }
    // A script's first line names its shell by the old way, and so does a program its loader.
    for link in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"].map(Path::new) {
        if fs::symlink_metadata(link).is_ok_and(|metadata| metadata.is_symlink()) {
            tree.lead(&link.join("any"))?;
        }
    }
    for (name, text) in WRITTEN {
        fs::write(stage.0.join(name), text)?;
    }
    for installed in &interpreters {
        progress(&format!("copy {}", installed.program.display()));
        tree.interpreter(installed)?;
    }
    progress("copy programs and certificates");
    for name in PROGRAMS.split_whitespace() {
        if let Some(path) =
            PROGRAM_FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
        {
            tree.take(&path)?;
        }
    }
    for file in FILES.iter().map(Path::new).filter(|file| file.exists()) {
        tree.take(file)?;
    }
    progress("copy shared libraries");
    tree.libraries()?;
    progress("make the file system");
    image::make(&stage.0, &draft.0, search_path)?;
    let size = fs::metadata(&draft.0)?.len();
    let inside = Inside { interpreters };
    let mut text = serde_json::to_string_pretty(&inside)?;
    text.push('\n');
    // The description first: a file system without one is refused, and one with that of its successor is not there.
    fs::write(description_of(out), text)?;
    fs::rename(&draft.0, out)?;
    Ok(Built { inside, size })
}

/// A file or a folder that goes with this value, if it is still there.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = if self.0.is_dir() { fs::remove_dir_all(&self.0) } else { fs::remove_file(&self.0) };
    }
}

/// The files of a root, as they lie on this machine.
struct Tree {
    root: PathBuf,
    /// Whose shared libraries are wanted too.
    programs: BTreeSet<PathBuf>,
    taken: BTreeSet<PathBuf>,
}

impl Tree {
    fn interpreter(&mut self, installed: &Installed) -> io::Result<()> {
        self.take(&installed.program)?;
        match installed.language {
            Language::Python => {
                let question = "import sysconfig; print(sysconfig.get_path('stdlib')); \
                                print(sysconfig.get_path('platstdlib'))";
                for folder in answer(&installed.program, &["-I", "-S", "-c", question])?.lines() {
                    self.take(Path::new(folder))?;
                }
            }
            Language::Node => {
                let parts = NODE_PARTS.iter().map(|part| Path::new("/usr/share/nodejs").join(part));
                for part in parts.filter(|part| part.exists()) {
                    self.take(&part)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a file, a link and what it leads to, or a folder with all that is in it; absolute.
    fn take(&mut self, path: &Path) -> io::Result<()> {
        if !self.taken.insert(path.into()) {
            return Ok(());
        }
        let path = self.lead(path)?;
        let metadata = fs::symlink_metadata(&path)?;
        let to = self.place(&path);
        if metadata.is_symlink() {
            let target = fs::read_link(&path)?;
            if fs::symlink_metadata(&to).is_err() {
                symlink(&target, &to)?;
            }
            let target = path.parent().unwrap_or(Path::new("/")).join(target);
            return match fs::canonicalize(&target) {
                Ok(_) => self.take(&plain(&target)),
                // It leads nowhere here either.
                Err(_) => Ok(()),
            };
        }
        if metadata.is_dir() {
            fs::create_dir_all(&to)?;
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                if !is_left_out(&entry.file_name()) {
                    self.take(&entry.path())?;
                }
            }
            return Ok(());
        }
        if metadata.is_file() {
            fs::copy(&path, &to)?;
            // No program of it gains anything by its mode: what the machine mounts, it mounts without set-user-id.
            let mode = if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
            if begins_as_program(&path)? {
                self.programs.insert(path);
            }
        }
        Ok(())
    }

    /// Takes the folders above `path`, and the links among them: the path without those links.
    fn lead(&mut self, path: &Path) -> io::Result<PathBuf> {
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let parent = path.parent().unwrap_or(Path::new("/"));
        if parent == Path::new("/") {
            return Ok(path.into());
        }
        let parent = self.lead(parent)?;
        let parent = if fs::symlink_metadata(&parent)?.is_symlink() {
            let target = fs::read_link(&parent)?;
            let to = self.place(&parent);
            if fs::symlink_metadata(&to).is_err() {
                symlink(&target, &to)?;
            }
            let real = plain(&parent.parent().unwrap_or(Path::new("/")).join(target));
            // What the link leads to may lie behind links too.
            self.lead(&real.join(name))?.parent().map(Path::to_path_buf).unwrap_or(real)
        } else {
            parent
        };
        fs::create_dir_all(self.place(&parent))?;
        Ok(parent.join(name))
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Takes what the programs are linked with.
    fn libraries(&mut self) -> io::Result<()> {
        let programs: Vec<PathBuf> = self.programs.iter().cloned().collect();
        let mut libraries = BTreeSet::new();
        for some in programs.chunks(ASKED_AT_ONCE) {
            let output =
                Command::new("ldd").args(some).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
            // A file that is no dynamic program makes it fail, after it has told of the others.
            let text = String::from_utf8_lossy(&output.stdout);
            libraries.extend(text.lines().filter_map(library).map(PathBuf::from));
        }
        for library in libraries {
            self.take(&library)?;
        }
        Ok(())
    }
}

/// The path in a line of `ldd`: `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`.
fn library(line: &str) -> Option<&str> {
    let line = line.split_once("=>").map_or(line, |(_, path)| path).trim();
    let path = line.split_once(" (0x")?.0;
    path.starts_with('/').then_some(path)
}

/// The path without `.` and `..`, which lead where they seem to, since no link is before them.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

fn is_left_out(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    LEFT_OUT.contains(&&*name) || name.starts_with("config-")
}

fn begins_as_program(path: &Path) -> io::Result<bool> {
    use io::Read as _;
    let mut head = [0; 4];
    let mut file = fs::File::open(path)?;
    Ok(file.read(&mut head)? == 4 && &head == b"\x7fELF")
}

fn answer(program: &Path, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let text = format!("{} does not say where its library is", program.display());
        return Err(io::Error::other(text));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ldd_says_is_understood() {
        assert_eq!(library("\tlibc.so.6 => /lib/libc.so.6 (0x00007f)"), Some("/lib/libc.so.6"));
        assert_eq!(library("\t/lib64/ld-linux-x86-64.so.2 (0x00007f)"), Some("/lib64/ld-linux-x86-64.so.2"));
        for other in
            ["\tlinux-vdso.so.1 (0x00007f)", "\tlibx.so => not found", "/usr/bin/x:", "\tstatically linked"]
        {
            assert_eq!(library(other), None, "{other}");
        }
    }

    #[test]
    fn a_tree_keeps_its_links() {
        let (from, stage) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = fs::canonicalize(from.path()).unwrap();
        fs::create_dir_all(at.join("real/lib")).unwrap();
        fs::write(at.join("real/lib/thing.so.1.2"), "thing").unwrap();
        symlink("thing.so.1.2", at.join("real/lib/thing.so.1")).unwrap();
        symlink("real", at.join("shown")).unwrap();
        let mut tree = Tree { root: stage.path().into(), programs: BTreeSet::new(), taken: BTreeSet::new() };
        tree.take(&at.join("shown/lib/thing.so.1")).unwrap();
        let staged = stage.path().join(at.strip_prefix("/").unwrap());
        assert_eq!(fs::read_link(staged.join("shown")).unwrap(), Path::new("real"));
        assert_eq!(fs::read_link(staged.join("real/lib/thing.so.1")).unwrap(), Path::new("thing.so.1.2"));
        assert_eq!(fs::read_to_string(staged.join("shown/lib/thing.so.1")).unwrap(), "thing");
    }
}
