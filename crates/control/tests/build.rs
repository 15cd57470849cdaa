//! Building packages from folders, with real tools where they need no network.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use std::{
    fs,
    future::Future,
    io::{Cursor, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use sonagi_control::{
    build::{Builder, Built, Error, Interpreter, Interpreters, Progress, Step, Tools},
    manifest::{self, Context},
};
use sonagi_model::{Clock, Tick, Timestamp, function::Runtime};

/// Time that stands still until a tool is waited for too long: then it is over at once.
#[derive(Debug)]
struct Still {
    impatient: bool,
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn tick(&self) -> Tick {
        Tick::default()
    }
    fn sleep_until(&self, at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Only the deadline of a build is long.
        match self.impatient && at.0 > Duration::from_secs(60) {
            true => Box::pin(std::future::ready(())),
            false => Box::pin(std::future::pending()),
        }
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn started(&self, step: &Step<'_>) {
        self.0.lock().unwrap().push(format!("start {}", step.what));
    }
    fn line(&self, _step: &Step<'_>, line: &str) {
        self.0.lock().unwrap().push(line.into());
    }
    fn finished(&self, step: &Step<'_>, _took: Duration) {
        self.0.lock().unwrap().push(format!("end {}", step.what));
    }
    fn note(&self, _function: &str, note: &str) {
        self.0.lock().unwrap().push(note.into());
    }
}

/// Functions run with `run/bin/python` and `run/bin/node` below the folder, if they are there.
#[derive(Debug)]
struct Runs {
    folder: PathBuf,
    version: u32,
}

#[async_trait::async_trait]
impl Interpreters for Runs {
    async fn find(&self, runtime: Runtime) -> Option<Interpreter> {
        let name = match runtime {
            Runtime::Python { .. } => "python",
            Runtime::Nodejs { .. } => "node",
            Runtime::Provided(_) | Runtime::Wasm => return None,
        };
        let program = self.folder.join("run/bin").join(name);
        program.exists().then_some(Interpreter { program, version: self.version })
    }
}

struct World {
    folder: tempfile::TempDir,
    heard: Heard,
    builder: Builder,
}

impl World {
    fn new() -> Self {
        Self::with(Still { impatient: false }, "/usr/bin:/bin")
    }

    fn with(clock: Still, path: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools {
            clock: Arc::new(clock),
            path: path.replace("{}", &folder.path().to_string_lossy()).into(),
            interpreters: Arc::new(Runs { folder: folder.path().into(), version: 12 }),
        };
        let builder = Builder::new(folder.path().join("cache"), tools);
        fs::create_dir(folder.path().join("app")).unwrap();
        Self { folder, heard: Heard::default(), builder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A program of our own on the search path `{}/bin`.
    fn tool(&self, name: &str, script: &str) {
        self.program(&format!("bin/{name}"), script);
    }

    fn program(&self, path: &str, script: &str) {
        let path = self.write(path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    async fn build(&self) -> Result<Built, Error> {
        let manifest = manifest::load(&self.path("app"), &Default::default(), &Context::default()).unwrap();
        self.builder.build(&manifest, &self.heard).await
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.0.lock().unwrap())
    }
}

fn names(zip: &[u8]) -> Vec<(String, u32)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..archive.len())
        .map(|at| {
            let file = archive.by_index(at).unwrap();
            (file.name().unwrap().into_owned(), file.unix_mode().unwrap_or_default() & 0o777)
        })
        .collect()
}

fn content(zip: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

const PYTHON: &str = "[function.a]\nruntime = \"python3.11\"\n";

#[tokio::test]
async fn the_same_folder_gives_the_same_bytes_wherever_it_lies() {
    let mut packages = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        world.write("app/sonagi.toml", PYTHON);
        world.write("app/a/z.txt", "z");
        world.write("app/a/app.py", "def handler(e, c): pass");
        world.write("app/a/lib/x.py", "");
        world.write("app/a/__pycache__/x.pyc", "left out");
        world.write("app/a/.git/config", "left out");
        let run = world.write("app/a/run.sh", "#!/bin/sh");
        fs::set_permissions(run, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink("lib/x.py", world.path("app/a/link")).unwrap();
        let built = world.build().await.unwrap();
        assert_eq!(world.heard(), Vec::<String>::new(), "no tool is run");
        packages.push(built.packages[0].clone());
    }
    assert_eq!(packages[0], packages[1]);
    let names: Vec<_> =
        names(&packages[0]).into_iter().map(|(name, mode)| format!("{name} {mode:o}")).collect();
    assert_eq!(names, ["app.py 644", "lib/x.py 644", "link 777", "run.sh 755", "z.txt 644"]);
}

#[tokio::test]
async fn functions_that_share_a_folder_share_its_package() {
    let world = World::new();
    world.write(
        "app/sonagi.toml",
        "[defaults]\nruntime = \"python3.11\"\n[function.a]\ncode = \"s\"\n[function.b]\ncode = \"s\"\n",
    );
    world.write("app/s/app.py", "");
    let built = world.build().await.unwrap();
    assert_eq!(built.packages.len(), 1);
    assert_eq!(built.content.functions["a"].package, built.content.functions["b"].package);
}

#[tokio::test]
async fn a_link_that_leaves_the_folder_is_refused() {
    let world = World::new();
    world.write("app/sonagi.toml", PYTHON);
    world.write("app/a/app.py", "");
    std::os::unix::fs::symlink("/etc/passwd", world.path("app/a/link")).unwrap();
    let error = world.build().await.unwrap_err().to_string();
    assert_eq!(error, "a: the link link leads out of the function's folder, to /etc/passwd");
}

#[tokio::test]
async fn a_folder_over_the_unpacked_limit_is_refused() {
    let world = World::new();
    world.write("app/sonagi.toml", PYTHON);
    world.write("app/a/app.py", "");
    // Sparse: it has a size, and takes no room.
    fs::File::create(world.path("app/a/big")).unwrap().set_len(251 << 20).unwrap();
    assert!(matches!(world.build().await, Err(Error::Unpacked { .. })));
}

#[tokio::test]
async fn a_makefile_fills_the_artifacts_folder_once() {
    let world = World::new();
    world.write("app/sonagi.toml", "[function.a]\nruntime = \"provided.al2023\"\nbuild = \"makefile\"\n");
    let makefile =
        world.write("app/a/Makefile", "build-a:\n\techo hello > $(ARTIFACTS_DIR)/bootstrap\n\techo done\n");
    let built = world.build().await.unwrap();
    assert_eq!(content(&built.packages[0], "bootstrap"), "hello\n");
    assert!(world.heard().contains(&"done".to_owned()));
    world.build().await.unwrap();
    assert_eq!(world.heard(), Vec::<String>::new(), "the second time it comes from the cache");
    assert!(!world.path("app/a/bootstrap").exists());
    fs::write(makefile, "build-a:\n\t@echo oh no; exit 3\n").unwrap();
    let error = world.build().await.unwrap_err();
    assert!(matches!(&error, Error::Tool { tail, .. } if tail.contains("oh no")), "{error}");
}

#[tokio::test]
async fn a_build_without_the_handlers_file_fails_in_words() {
    let world = World::new();
    world.write("app/sonagi.toml", "[function.a]\nruntime = \"provided.al2023\"\nbuild = \"makefile\"\n");
    world.write("app/a/Makefile", "build-a:\n\ttouch $(ARTIFACTS_DIR)/other\n");
    let error = world.build().await.unwrap_err().to_string();
    assert_eq!(error, "a: the handler \"bootstrap\" wants the file bootstrap, which is not in the package");
}

const NODE: &str = "[function.a]\nruntime = \"nodejs20.x\"\n";

#[tokio::test]
async fn node_packages_are_installed_beside_the_folder_and_cached() {
    let world = World::with(Still { impatient: false }, "{}/bin:/usr/bin:/bin");
    world.tool("npm", "echo \"npm $*\"; mkdir -p node_modules/left; echo 1 > node_modules/left/index.js");
    world.tool("node", "echo v20.0.0");
    world.write("app/sonagi.toml", NODE);
    let index = world.write("app/a/index.js", "one");
    world.write(
        "app/a/package.json",
        "{\"dependencies\": {\"left\": \"1\"}, \"devDependencies\": {\"jest\": \"1\"}}",
    );
    let built = world.build().await.unwrap();
    let first: Vec<_> = names(&built.packages[0]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(first, ["index.js", "node_modules/left/index.js", "package.json"]);
    assert!(!world.path("app/a/node_modules").exists(), "the user's folder is left alone");
    assert!(world.heard().iter().any(|line| line.starts_with("npm install --omit=dev")));
    fs::write(index, "two").unwrap();
    let built = world.build().await.unwrap();
    assert_eq!(content(&built.packages[0], "index.js"), "two");
    assert_eq!(world.heard(), Vec::<String>::new(), "a change of code runs no tool");
    world.write("app/a/package-lock.json", "{}");
    world.build().await.unwrap();
    assert!(world.heard().iter().any(|line| line.starts_with("npm ci --omit=dev")));
}

#[tokio::test]
async fn being_offline_and_missing_tools_get_a_clear_word() {
    let world = World::with(Still { impatient: false }, "{}/bin");
    world.write("app/sonagi.toml", NODE);
    world.write("app/a/index.js", "");
    world.write("app/a/package.json", "{\"dependencies\": {\"left\": \"1\"}}");
    let error = world.build().await.unwrap_err().to_string();
    assert_eq!(error, "a: npm is not on this machine: install the packages nodejs and npm");
    world.tool("npm", "echo 'npm error code ENOTFOUND' >&2; exit 1");
    let error = world.build().await.unwrap_err();
    assert!(error.to_string().contains("are you offline?"), "{error}");
}

#[tokio::test]
async fn a_tool_that_hangs_is_stopped_with_its_children() {
    let world = World::with(Still { impatient: true }, "{}/bin:/usr/bin:/bin");
    world.tool("npm", "sleep 1000 & sleep 1000");
    world.write("app/sonagi.toml", NODE);
    world.write("app/a/index.js", "");
    world.write("app/a/package.json", "{\"dependencies\": {\"left\": \"1\"}}");
    let error = world.build().await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
}

/// A Python that says it is 3.`minor`, and whose pip installs a file that holds `name`.
fn python(minor: u32, name: &str) -> String {
    format!(
        r#"case "$1" in
-c) printf '%s\n' {minor} "$0" {name} ;;
-m) while [ $# -gt 0 ]; do
    if [ "$1" = --target ]; then mkdir -p "$2"; echo {name} > "$2/installed_by.txt"; fi
    shift
  done ;;
esac"#
    )
}

#[tokio::test]
async fn python_packages_are_installed_for_the_interpreter_that_runs_the_function() {
    let world = World::with(Still { impatient: false }, "{}/bin:/usr/bin:/bin");
    world.tool("python3.11", &python(11, "eleven"));
    world.program("run/bin/python", &python(12, "twelve"));
    world.write("app/sonagi.toml", PYTHON);
    world.write("app/a/app.py", "");
    world.write("app/a/requirements.txt", "left==1\n");
    let built = world.build().await.unwrap();
    assert_eq!(content(&built.packages[0], "installed_by.txt"), "twelve\n");
    let note =
        "python3.11 is not on this machine: the packages are installed for python3.12, the nearest there is";
    assert!(world.heard().contains(&note.to_owned()));
    world.build().await.unwrap();
    assert_eq!(world.heard(), Vec::<String>::new(), "from the cache there is nothing to say");
}

#[tokio::test]
async fn an_interpreter_without_pip_has_another_of_its_version_install() {
    let world = World::with(Still { impatient: false }, "{}/bin:/usr/bin:/bin");
    let without = "echo 'ModuleNotFoundError: pip' >&2; exit 1";
    world.program("run/bin/python", without);
    world.tool("python3.12", without);
    world.write("app/sonagi.toml", PYTHON);
    world.write("app/a/app.py", "");
    world.write("app/a/requirements.txt", "left==1\n");
    let error = world.build().await.unwrap_err().to_string();
    let runs = world.path("run/bin/python");
    assert_eq!(
        error,
        format!(
            "a: pip for Python 3.12 is not on this machine: {}, which runs this function, has none; \
             install the package python3-pip",
            runs.display()
        )
    );

    let world = World::with(Still { impatient: false }, "{}/bin:/usr/bin:/bin");
    world.program("run/bin/python", without);
    world.tool("python3.11", &python(11, "eleven"));
    world.tool("python3.12", &python(12, "twelve"));
    world.write("app/sonagi.toml", PYTHON);
    world.write("app/a/app.py", "");
    world.write("app/a/requirements.txt", "left==1\n");
    let built = world.build().await.unwrap();
    assert_eq!(content(&built.packages[0], "installed_by.txt"), "twelve\n");
}

#[tokio::test]
async fn npm_runs_on_the_node_that_runs_the_function() {
    let world = World::with(Still { impatient: false }, "{}/bin:/usr/bin:/bin");
    world.tool("npm", "mkdir -p node_modules; node > node_modules/installed_by.txt");
    world.tool("node", "echo another");
    world.program("run/bin/node", "echo own");
    world.write("app/sonagi.toml", NODE);
    world.write("app/a/index.js", "");
    world.write("app/a/package.json", "{\"dependencies\": {\"left\": \"1\"}}");
    let built = world.build().await.unwrap();
    assert_eq!(content(&built.packages[0], "node_modules/installed_by.txt"), "own\n");
}

#[tokio::test]
async fn a_layers_modules_come_where_its_runtime_looks_for_them() {
    let world = World::with(Still { impatient: false }, "{}/bin:/usr/bin:/bin");
    world.tool("npm", "mkdir -p node_modules/left; echo 1 > node_modules/left/index.js");
    world.tool("node", "echo v20.0.0");
    world.program("run/bin/python", &python(12, "twelve"));
    let manifest = "\
[layer.snakes]
build = \"python3.12\"
[layer.nodes]
build = \"nodejs20.x\"
[layer.made]
build = \"makefile\"
[layer.plain]
[function.a]
runtime = \"provided.al2023\"
layers = [\"made\", \"plain\"]
";
    world.write("app/sonagi.toml", manifest);
    world.write("app/a/data", "");
    world.write("app/snakes/mine.py", "");
    world.write("app/snakes/requirements.txt", "left==1\n");
    world.write("app/nodes/mine.js", "");
    world.write("app/nodes/package.json", "{\"dependencies\": {\"left\": \"1\"}}");
    world.write("app/made/Makefile", "build-made:\n\techo hello > $(ARTIFACTS_DIR)/bootstrap\n");
    world.write("app/plain/python/mine.py", "");
    world.write("app/plain/requirements.txt", "left==1\n");
    let built = world.build().await.unwrap();
    assert_eq!(built.packages.len(), 5);
    let of = |layer: &str| -> Vec<String> {
        let layers = &built.content.layers;
        let (_, layer) = layers.iter().find(|(name, _)| name.as_str().ends_with(layer)).unwrap();
        let zip = built.packages.iter().find(|zip| sonagi_model::Digest::of(zip) == layer.package.digest);
        names(zip.unwrap()).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(of("-snakes"), ["python/installed_by.txt", "python/mine.py", "python/requirements.txt"]);
    assert_eq!(of("-nodes"), ["nodejs/mine.js", "nodejs/node_modules/left/index.js", "nodejs/package.json"]);
    assert_eq!(of("-made"), ["bootstrap"]);
    assert_eq!(of("-plain"), ["python/mine.py", "requirements.txt"], "as it is");
    fs::remove_dir_all(world.path("app/plain")).unwrap();
    fs::create_dir(world.path("app/plain")).unwrap();
    let error = world.build().await.unwrap_err().to_string();
    assert!(error.starts_with("plain: the layer holds no files"), "{error}");
}
