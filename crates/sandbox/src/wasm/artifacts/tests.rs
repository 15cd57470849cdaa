//! The cache with the real child, and with everything that may happen to its files.

use std::{fs, path::PathBuf, sync::Arc};

use proptest::prelude::*;
use sonagi_model::{
    Clock, Digest, Timestamp,
    clock::ManualClock,
    function::{WasiVersion, WasmStart},
    limits,
};
use wasmtime::Engine;

use super::{Artifacts, ArtifactsConfig, Folder, Key, Refusal, Source, Urgency, vault::SETTLED};
use crate::wasm::{
    compile::{Compiler, tests as compile},
    engine,
};

/// A cache on a folder, and a component in a package.
struct Bench {
    folder: tempfile::TempDir,
    clock: ManualClock,
    artifacts: Artifacts,
    engine: Engine,
}

const KEY: [u8; 32] = [7; 32];

impl Bench {
    fn new() -> Self {
        Self::with(compile::hello())
    }

    fn with(component: Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("function.wasm"), component).unwrap();
        // Every child writes a line before it begins.
        let child = compile::compiler();
        let count = folder.path().join("count");
        let quoted: Vec<String> = child.arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let script =
            format!("echo >> '{}'; exec '{}' {}", count.display(), child.program.display(), quoted.join(" "));
        let compiler = Compiler { program: "/bin/sh".into(), arguments: vec!["-c".into(), script] };
        let clock = ManualClock::at(Timestamp(u64::from(u32::MAX) * 1_000_000));
        let artifacts = open(&folder, &clock, KEY, compiler);
        Self { folder, clock, artifacts, engine: engine::trying(WasiVersion::P2).unwrap() }
    }

    /// As after the server's next start, when nothing needs to be compiled.
    fn reopened(&self) -> Artifacts {
        self.reopened_with(KEY)
    }

    fn reopened_with(&self, key: [u8; 32]) -> Artifacts {
        let nothing = Compiler { program: "/nonexistent".into(), arguments: Vec::new() };
        open(&self.folder, &self.clock, key, nothing)
    }

    fn source(&self, package: &str) -> Source {
        Source {
            package: Digest::of(package.as_bytes()),
            handler: "function.wasm".into(),
            file: self.folder.path().join("function.wasm"),
            start: WasmStart::Fresh,
            wasi: WasiVersion::P2,
            memory: 128,
        }
    }

    fn compiled(&self) -> usize {
        fs::read_to_string(self.folder.path().join("count")).unwrap_or_default().lines().count()
    }

    fn loads(&self, artifacts: &Artifacts, source: &Source) -> bool {
        let found = artifacts.find(source).unwrap();
        found.is_some_and(|found| artifacts.load(&self.engine, found).unwrap().is_some())
    }

    fn code(&self) -> PathBuf {
        let key = Key {
            component: Digest::of(&fs::read(self.folder.path().join("function.wasm")).unwrap()),
            wasi: WasiVersion::P2,
            start: WasmStart::Fresh,
        };
        self.artifacts.0.folder.code(&key)
    }

    fn entry(&self, source: &Source) -> PathBuf {
        self.artifacts.0.folder.entry(&Folder::entry_name(source))
    }

    /// Another component of its own kind, so that there is a second piece of code.
    fn second(&self, package: &str, tail: &str) -> Source {
        let mut component = compile::hello();
        // A custom section: its name and nothing in it.
        component.extend([0, tail.len() as u8 + 1, tail.len() as u8]);
        component.extend(tail.as_bytes());
        let file = self.folder.path().join(format!("{tail}.wasm"));
        fs::write(&file, component).unwrap();
        Source { file, handler: format!("{tail}.wasm"), ..self.source(package) }
    }
}

fn open(folder: &tempfile::TempDir, clock: &ManualClock, key: [u8; 32], compiler: Compiler) -> Artifacts {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    Artifacts::open(ArtifactsConfig { dir: folder.path().join("cache"), key, compiler, clock }).unwrap()
}

/// Puts other bytes at `path`, in the same file if it is there.
fn rewrite(path: &PathBuf, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

#[track_caller]
fn invalid(result: Result<(), Refusal>) -> String {
    match result {
        Err(Refusal::Invalid(text)) => text,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

#[tokio::test]
async fn a_component_is_compiled_once_and_found_by_the_next_server() {
    let bench = Bench::new();
    let source = bench.source("a");
    assert!(!bench.loads(&bench.artifacts, &source));
    // Sixteen at once, of two packages that hold the same component.
    let wanted: Vec<Source> =
        (0..16).map(|number| bench.source(if number % 2 == 0 { "a" } else { "b" })).collect();
    let all = wanted.iter().map(|source| {
        let (artifacts, source) = (bench.artifacts.clone(), source.clone());
        tokio::spawn(async move { artifacts.ensure(&source, Urgency::Waiting).await })
    });
    for done in all.collect::<Vec<_>>() {
        done.await.unwrap().unwrap();
    }
    assert_eq!(bench.compiled(), 1);
    for artifacts in [&bench.artifacts, &bench.reopened()] {
        for package in ["a", "b"] {
            let source = bench.source(package);
            artifacts.ensure(&source, Urgency::Background).await.unwrap();
            assert!(artifacts.find(&source).unwrap().is_some());
            assert!(bench.loads(artifacts, &source));
        }
        assert!(!bench.loads(artifacts, &bench.source("c")));
    }
    assert_eq!(bench.compiled(), 1);
    // A new package with the same component needs its file hashed, and nothing compiled.
    bench.reopened().ensure(&bench.source("c"), Urgency::Waiting).await.unwrap();
}

#[tokio::test]
async fn what_was_checked_is_not_read_again_until_it_changes() {
    let bench = Bench::new();
    let source = bench.source("a");
    bench.artifacts.ensure(&source, Urgency::Waiting).await.unwrap();
    let code = bench.code();
    // Checked, and unchanged for long by this clock.
    assert!(bench.loads(&bench.artifacts, &source));
    assert!(bench.artifacts.0.vault.remembers(&code));
    // By a clock that is hardly ahead of the file's, it is checked every time.
    let young = bench.reopened();
    let now = fs::metadata(&code).unwrap().modified().unwrap();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp(now.as_micros() as u64) + SETTLED / 2;
    young.0.vault.open(&code, &young.0.folder.place(&code), now).unwrap().unwrap();
    assert!(!young.0.vault.remembers(&code));
    // A file that changed is not taken for the one that was checked.
    let mut bytes = fs::read(&code).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    rewrite(&code, &bytes);
    assert!(!bench.loads(&bench.artifacts, &source));
    assert!(!code.exists());
    assert!(!bench.artifacts.0.vault.remembers(&code));
}

#[tokio::test]
async fn what_is_not_ours_is_dropped_and_compiled_again() {
    let bench = Bench::new();
    let source = bench.source("a");
    bench.artifacts.ensure(&source, Urgency::Waiting).await.unwrap();
    let (code, entry) = (bench.code(), bench.entry(&source));
    let (good, good_entry) = (fs::read(&code).unwrap(), fs::read(&entry).unwrap());
    let other = bench.second("a", "x");
    bench.artifacts.ensure(&other, Urgency::Waiting).await.unwrap();
    let key = Key {
        component: Digest::of(&fs::read(&other.file).unwrap()),
        wasi: WasiVersion::P2,
        start: WasmStart::Fresh,
    };
    // Another component's, whole and ours.
    let swapped = fs::read(bench.artifacts.0.folder.code(&key)).unwrap();
    // The same, as another version would have sealed it.
    let seal_at = good.len() - 44 - br#"{"memory":65536}"#.len();
    let sealer = bench.artifacts.0.vault.sealer();
    let foreign = |place: &str| {
        let mut file = good[..seal_at].to_vec();
        file.extend(sealer.seal(place, &good[..seal_at], seal_at as u64, br#"{"memory":65536}"#).unwrap());
        file
    };
    let name = code.file_name().unwrap().to_str().unwrap();
    let version = bench.artifacts.0.folder.place(&code);
    assert_eq!(foreign(&version), good, "the same place, the same seal");
    let cases = [
        ("truncated", good[..good.len() - 1].to_vec()),
        ("half", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("the native code without a seal", good[..seal_at].to_vec()),
        ("another component's", swapped),
        ("another version's", foreign(&format!("wasmtime-47-0123456789abcdef/code/{name}"))),
    ];
    for (case, bytes) in cases {
        rewrite(&code, &bytes);
        for artifacts in [&bench.artifacts, &bench.reopened()] {
            assert!(!bench.loads(artifacts, &source), "{case}");
        }
        assert!(!code.exists(), "{case}");
    }
    // A link and a folder are not files.
    std::os::unix::fs::symlink("/etc/passwd", &code).unwrap();
    assert!(!bench.loads(&bench.artifacts, &source));
    fs::create_dir(&code).unwrap();
    assert!(!bench.loads(&bench.artifacts, &source));
    assert!(!code.exists());
    // An entry of another source, and one that says nothing of ours.
    rewrite(&code, &good);
    for bytes in [fs::read(bench.entry(&other)).unwrap(), good_entry[..10].to_vec(), b"{}".to_vec()] {
        rewrite(&entry, &bytes);
        assert!(!bench.loads(&bench.reopened(), &source));
        assert!(!entry.exists());
    }
    let before = bench.compiled();
    fs::remove_file(&code).unwrap();
    bench.artifacts.ensure(&source, Urgency::Waiting).await.unwrap();
    assert!(bench.loads(&bench.artifacts, &source));
    assert_eq!(bench.compiled(), before + 1);
    // With another key, nothing is ours.
    assert!(!bench.loads(&bench.reopened_with([8; 32]), &source));
}

#[tokio::test]
async fn a_component_that_was_refused_is_not_tried_again_for_a_while() {
    let bench = Bench::with(wat::parse_str("(module)").unwrap());
    let source = bench.source("a");
    for _ in 0..3 {
        let text = invalid(bench.artifacts.ensure(&source, Urgency::Waiting).await);
        assert!(text.contains("core WebAssembly module"), "{text}");
    }
    assert_eq!(bench.compiled(), 1);
    bench.clock.advance(limits::COMPILE_REFUSAL).await;
    invalid(bench.artifacts.ensure(&source, Urgency::Waiting).await);
    assert_eq!(bench.compiled(), 2);
    // No drafts stay behind.
    assert_eq!(fs::read_dir(bench.artifacts.0.folder.drafts()).unwrap().count(), 0);
}

#[tokio::test]
async fn code_that_is_there_is_refused_to_a_function_with_too_little_memory() {
    let component = wat::parse_str(
        include_str!("../../../../../tests/fixtures/wasm/hello.wat")
            .replace("(memory (;0;) 1)", "(memory 2112)"),
    );
    let bench = Bench::with(component.unwrap());
    let large = Source { memory: 256, ..bench.source("a") };
    bench.artifacts.ensure(&large, Urgency::Waiting).await.unwrap();
    let small = bench.source("a");
    let text = invalid(bench.artifacts.ensure(&small, Urgency::Waiting).await);
    assert!(text.contains("132 MiB") && text.contains("128 MiB"), "{text}");
    assert!(matches!(bench.artifacts.find(&small), Err(Refusal::Invalid(_))));
}

#[tokio::test]
async fn a_handler_that_names_no_component_file_is_refused() {
    let bench = Bench::new();
    for handler in ["", "../function.wasm", "/etc/passwd", "a/../../b"] {
        let source = Source { handler: handler.into(), ..bench.source("a") };
        let text = invalid(bench.artifacts.ensure(&source, Urgency::Waiting).await);
        assert!(text.contains("names no file within the package"), "{text}");
    }
    for file in ["none.wasm", "cache"] {
        let file = bench.folder.path().join(file);
        let source = Source { file, handler: "none.wasm".into(), ..bench.source("a") };
        let text = invalid(bench.artifacts.ensure(&source, Urgency::Waiting).await);
        assert!(text.contains("no file `none.wasm`"), "{text}");
    }
    let large = bench.folder.path().join("large.wasm");
    fs::File::create(&large).unwrap().set_len(limits::COMPONENT_SIZE + 1).unwrap();
    let text =
        invalid(bench.artifacts.ensure(&Source { file: large, ..bench.source("a") }, Urgency::Waiting).await);
    assert!(text.contains("larger than 128 MiB"), "{text}");
    assert_eq!(bench.compiled(), 0);
}

#[tokio::test]
async fn the_line_has_an_end_and_so_has_the_wait() {
    let bench = Bench::new();
    let source = bench.source("a");
    let turns: Vec<_> = (0..limits::COMPILES_AT_ONCE + limits::COMPILES_WAITING)
        .map(|_| bench.artifacts.0.line.enter(Urgency::Background).unwrap())
        .collect();
    let full = bench.artifacts.ensure(&source, Urgency::Waiting).await;
    assert!(matches!(&full, Err(Refusal::Busy(text)) if text.contains("1024 components wait")), "{full:?}");
    drop(turns);
    bench.artifacts.ensure(&source, Urgency::Waiting).await.unwrap();
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first_and_what_is_live_stays() {
    let bench = Bench::new();
    let [live, old, new] = [bench.source("a"), bench.second("b", "old"), bench.second("c", "new")];
    for source in [&live, &old, &new] {
        bench.artifacts.ensure(source, Urgency::Waiting).await.unwrap();
        bench.clock.advance(SETTLED).await;
    }
    for source in [&new, &old, &new] {
        bench.clock.advance(SETTLED).await;
        assert!(bench.loads(&bench.artifacts, source));
    }
    let stale = bench.folder.path().join("cache/wasmtime-47-0000000000000000");
    for part in ["code", "index"] {
        fs::create_dir_all(stale.join(part)).unwrap();
    }
    let stranger = bench.folder.path().join("cache/notes");
    fs::create_dir(&stranger).unwrap();
    let junk = bench.artifacts.0.folder.codes().join("junk");
    fs::write(&junk, "junk").unwrap();
    // Under the limit nothing of ours goes.
    bench.artifacts.collect(std::slice::from_ref(&live));
    assert!(!stale.exists() && stranger.exists() && !junk.exists());
    let size = fs::metadata(bench.code()).unwrap().len();
    for artifacts in [&bench.artifacts, &bench.reopened()] {
        assert!(
            bench.loads(artifacts, &live) && bench.loads(artifacts, &old) && bench.loads(artifacts, &new)
        );
    }
    // The next server knows the order from the file.
    let next = bench.reopened();
    next.0.collect(std::slice::from_ref(&live), 2 * size + 1_000);
    assert!(bench.loads(&next, &live) && !bench.loads(&next, &old) && bench.loads(&next, &new));
    next.0.collect(std::slice::from_ref(&live), 0);
    assert!(bench.loads(&next, &live) && !bench.loads(&next, &new));
    assert!(!bench.entry(&new).exists() && bench.entry(&live).exists());
}

#[test]
fn drafts_of_dead_servers_are_swept_and_those_of_living_ones_stay() {
    let bench = Bench::new();
    let folder = &bench.artifacts.0.folder;
    let draft = folder.draft("mine").unwrap();
    let left = folder.drafts().join("theirs.1-1");
    fs::write(&left, "half").unwrap();
    let _next = bench.reopened();
    assert!(draft.path.exists() && !left.exists());
}

#[test]
fn a_used_file_of_garbage_is_nothing() {
    let bench = Bench::new();
    let used = bench.artifacts.0.folder.used();
    for text in ["", "x", "x y\n\n", "0-0.2-fresh 12", "\u{0}"] {
        fs::write(&used, text).unwrap();
        assert_eq!(super::Usage::read(&used).retain(|_| true), "");
    }
}

/// Changes of a file: some bytes, its end, or something behind it.
#[derive(Debug, Clone)]
enum Change {
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Longer(Vec<u8>),
    Other(Vec<u8>),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, flip)| Self::Byte(at, flip)),
            any::<prop::sample::Index>().prop_map(Self::Cut),
            proptest::collection::vec(any::<u8>(), 1..100).prop_map(Self::Longer),
            any::<Vec<u8>>().prop_map(Self::Other),
        ]
    }

    fn of(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        match self {
            Self::Byte(at, flip) => {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Longer(more) => bytes.extend(more),
            Self::Other(other) => bytes.clone_from(other),
        }
        bytes
    }
}

#[test]
fn no_changed_file_is_ever_mapped() {
    let bench = Bench::new();
    let source = bench.source("a");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(bench.artifacts.ensure(&source, Urgency::Waiting)).unwrap();
    let files = [bench.code(), bench.entry(&source)];
    let good = files.clone().map(|file| fs::read(file).unwrap());
    proptest!(ProptestConfig::with_cases(100), |(which in 0..2_usize, change in Change::any())| {
        for (file, bytes) in files.iter().zip(&good) {
            rewrite(file, bytes);
        }
        rewrite(&files[which], &change.of(&good[which]));
        let next = bench.reopened();
        prop_assert!(!bench.loads(&next, &source));
        prop_assert!(!files[which].exists());
    });
}
