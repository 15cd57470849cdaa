//! Components that are good, and many that are not, through the real child.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;
use sonagi_model::{
    Clock, Digest,
    clock::ManualClock,
    function::{WasiVersion, WasmStart},
    limits,
};
use wasmtime::component::Component;

use super::{
    Compiler, Order, Refusal, check, main,
    order::Compiled,
    run::{OUT_OF_MEMORY, run},
    seclusion::MARK,
    snapshot::{Taken, take},
};
use crate::wasm::engine::{self, Size};

/// A component that answers a line.
pub(crate) fn hello() -> Vec<u8> {
    wat::parse_str(include_str!("../../../../../tests/fixtures/wasm/hello.wat")).unwrap()
}

/// This program, as the child.
pub(crate) fn compiler() -> Compiler {
    let program = std::env::current_exe().unwrap();
    let arguments =
        ["--exact", "wasm::compile::tests::child", "--ignored", "--nocapture", "--test-threads=1"];
    Compiler { program, arguments: arguments.map(String::from).into() }
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    // What it has to say it says to who started it.
    let _ = main();
}

fn order(component: &Path, output: &Path) -> Order {
    Order {
        server: rustix::process::getpid().as_raw_nonzero().get(),
        component: component.into(),
        output: output.into(),
        wasi: WasiVersion::P2,
        start: WasmStart::Fresh,
        memory: 128,
        initialisation: Duration::from_millis(300),
    }
}

/// A place for one component and what becomes of it.
struct Bench {
    _folder: tempfile::TempDir,
    component: PathBuf,
    output: PathBuf,
    clock: ManualClock,
}

impl Bench {
    fn new(component: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [component_path, output] = ["function.wasm", "native"].map(|name| folder.path().join(name));
        fs::write(&component_path, component).unwrap();
        fs::write(&output, "").unwrap();
        Self { _folder: folder, component: component_path, output, clock: ManualClock::default() }
    }

    async fn run(&self, compiler: &Compiler, change: impl FnOnce(&mut Order)) -> Result<Compiled, Refusal> {
        let mut order = order(&self.component, &self.output);
        change(&mut order);
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        run(compiler, order, &clock).await
    }
}

async fn compile(component: &[u8], change: impl FnOnce(&mut Order)) -> Result<Compiled, Refusal> {
    Bench::new(component).run(&compiler(), change).await
}

#[track_caller]
fn invalid<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    match result {
        Err(Refusal::Invalid(text)) => text,
        other => panic!("not refused as invalid: {other:?}"),
    }
}

fn snapshot(order: &mut Order) {
    order.start = WasmStart::Snapshot;
}

/// A component of `parts` that says it serves requests.
fn serving(parts: &str) -> Vec<u8> {
    exporting(parts, "wasi:http/incoming-handler@0.2.0")
}

fn exporting(parts: &str, name: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {parts} (instance $handler) (export \"{name}\" (instance $handler)))"))
        .unwrap()
}

fn checked(bytes: &[u8]) -> String {
    checked_for(bytes, WasiVersion::P2)
}

fn checked_for(bytes: &[u8], wasi: WasiVersion) -> String {
    let order = Order { wasi, ..order(Path::new("/"), Path::new("/")) };
    check::check(bytes, &order).expect_err("it was let through")
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[tokio::test]
async fn a_component_becomes_native_code_that_the_server_can_load() {
    let bench = Bench::new(&hello());
    let compiled = bench.run(&compiler(), |_| {}).await.unwrap();
    assert_eq!(compiled.component, Digest::of(&hello()));
    assert_eq!(compiled.facts.memory, 64 << 10);
    let native = fs::read(&bench.output).unwrap();
    assert_eq!(native.len() as u64, compiled.size);
    assert_eq!(wasmtime::Engine::detect_precompiled(&native), Some(wasmtime::Precompiled::Component));
}

#[tokio::test]
async fn a_component_of_0_3_compiles_where_it_was_asked_for() {
    let later = wat::parse_str(include_str!("../../../../../tests/fixtures/wasm/later.wat")).unwrap();
    says(&checked(&later), &["wasi:http/handler@0.3.0", "`wasi = \"0.3\"`"]);
    compile(&later, |order| order.wasi = WasiVersion::P3).await.unwrap();
    let text = invalid(
        compile(&later, |order| (order.wasi, order.start) = (WasiVersion::P3, WasmStart::Snapshot)).await,
    );
    says(&text, &["of 0.2 only", "Leave `snapshot_start` out"]);
}

#[test]
fn the_engines_agree_on_what_native_code_is_compatible_with() {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    for wasi in [WasiVersion::P2, WasiVersion::P3] {
        let hash = |engine: wasmtime::Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let running = hash(engine::running(wasi, Size::Small, 1 << 30).unwrap());
        assert_eq!(hash(engine::running(wasi, Size::Large, 1 << 30).unwrap()), running);
        assert_eq!(hash(engine::compiling(wasi).unwrap()), running);
        assert_eq!(hash(engine::trying(wasi).unwrap()), running);
    }
}

#[test]
fn what_is_no_component_is_named() {
    let module = wat::parse_str("(module)").unwrap();
    says(&checked(&module), &["core WebAssembly module", "wasm-tools component new"]);
    says(&checked(b"  (component)"), &["as text", "wasm-tools parse"]);
    says(&checked(b"#!/bin/sh\n"), &["no WebAssembly component"]);
    says(&checked(b""), &["is empty"]);
    says(&checked(b"\x7fELF\x02\x01"), &["program or a library for a machine"]);
    says(&checked(b"\0asm\x0a\0\x01\0"), &["of a version that is not known"]);
    says(&checked(b"\0asm"), &["ends in the middle, after 4 bytes"]);
}

#[test]
fn a_truncated_component_is_refused_wherever_it_ends() {
    let whole = hello();
    says(&checked(&whole[..whole.len() / 2]), &["ends in the middle", "Build it again"]);
    for size in (0..whole.len()).step_by(7) {
        checked(&whole[..size]);
    }
}

#[test]
fn a_component_without_a_handler_hears_what_it_exports_and_which_versions_work() {
    let works = ["`wasi:http/incoming-handler` of 0.2.x", "0.3.x with `wasi = \"0.3\"`"];
    let none = checked(&wat::parse_str("(component)").unwrap());
    says(&none, &works);
    says(&none, &["It exports nothing", "wasi:http/proxy"]);
    let other = checked(&exporting("", "wasi:cli/run@0.2.6"));
    says(&other, &works);
    says(&other, &["`wasi:cli/run@0.2.6`"]);
    for version in ["0.1.0", "0.2.0-rc-2023-11-10", "1.0.0"] {
        let text = checked(&exporting("", &format!("wasi:http/incoming-handler@{version}")));
        says(&text, &works);
        says(&text, &[version]);
    }
    let text = checked_for(&serving(""), WasiVersion::P3);
    says(&text, &["leave `wasi` out"]);
}

#[test]
fn an_import_that_is_not_offered_is_named_with_what_is() {
    let importing = |name: &str| checked(&serving(&format!("(import \"{name}\" (instance))")));
    says(
        &importing("wasi:nn/graph@0.2.0"),
        &["`wasi:nn/graph@0.2.0`", "wasi:http@0.2", "wasi:keyvalue@0.2.0-draft", "wac plug"],
    );
    says(&importing("acme:shop/cart"), &["`acme:shop/cart`", "Offered are"]);
    says(
        &importing("wasi:http/types@0.1.0"),
        &["`wasi:http/types@0.1.0`", "0.2.x, 0.3.x with `wasi = \"0.3\"`"],
    );
    says(&importing("wasi:http/types@0.3.0"), &["`wasi = \"0.3\"`"]);
    says(&importing("wasi:http/teapot@0.2.0"), &["wasi:http/teapot", "wasi:http/outgoing-handler"]);
    says(&importing("wasi:config/store@0.2.0"), &["0.2.0-rc.1"]);
    let function = checked(&serving("(import \"log\" (func))"));
    says(&function, &["`log`", "Offered are"]);
}

#[tokio::test]
async fn a_component_that_imports_sockets_compiles_since_interpreters_always_do() {
    let order = order(Path::new("/"), Path::new("/"));
    let component = serving(
        "(import \"wasi:sockets/tcp@0.2.9\" (instance (export \"tcp-socket\" (type (sub resource)))))",
    );
    check::check(&component, &order).unwrap();
    // It gets as far as what it exports, so what it imports was linked.
    says(&invalid(compile(&component, |_| {}).await), &["what the component exports"]);
}

#[test]
fn limits_of_an_instance_are_told_before_anything_is_compiled() {
    let large = serving("(core module $m (memory 4096)) (core instance (instantiate $m))");
    says(&checked(&large), &["256 MiB of memory before it runs", "128 MiB", "set `memory`"]);
    let many = |count: u32, part: &str| {
        let instances = "(core instance (instantiate $m))".repeat(count as usize);
        checked(&serving(&format!("(core module $m {part}) {instances}")))
    };
    says(&many(limits::WASM_MEMORIES + 1, "(memory 1)"), &["9 memories, and 8 are the most"]);
    says(&many(limits::WASM_TABLES + 1, "(table 1 funcref)"), &["41 tables, and 40 are the most"]);
    says(&many(limits::WASM_CORE_INSTANCES + 1, ""), &["201 core instances, and 200 are the most"]);
    let table = limits::WASM_TABLE_ELEMENTS + 1;
    says(&many(1, &format!("(table {table} funcref)")), &["a table of 65537 elements"]);
    let names = limits::COMPONENT_NAMES;
    let exports: String = (0..names).map(|number| format!("(export \"e{number}\" (instance $e))")).collect();
    says(&checked(&serving(&format!("(instance $e) {exports}"))), &["501 exports, and 500 are the most"]);
    let imports: String = (0..=names).map(|number| format!("(import \"i{number}\" (instance))")).collect();
    says(&checked(&serving(&imports)), &["501 imports"]);
    let depth = limits::COMPONENT_DEPTH;
    let deep = format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
    says(&checked(&serving(&deep)), &["more than 32 deep"]);
}

#[tokio::test]
async fn what_only_the_compiler_sees_is_refused_in_words_as_well() {
    // Instances within instances.
    let inner = "(core instance (instantiate $m))".repeat(150);
    let nested = format!(
        "(component $c (core module $m) {inner}) (instance (instantiate $c)) (instance (instantiate $c))"
    );
    says(
        &invalid(compile(&serving(&nested), |_| {}).await),
        &["cannot be compiled", "300 core module instances"],
    );
    // An export of that name, with nothing in it.
    says(&invalid(compile(&serving(""), |_| {}).await), &["what the component exports"]);
    // An import of that name, with something in it that nobody has.
    let odd = "(import \"wasi:io/poll@0.2.0\" (instance (export \"brew\" (func))))";
    says(&invalid(compile(&serving(odd), |_| {}).await), &["what the component imports", "brew"]);
    // Code that is no code.
    let mut broken = hello();
    let at = broken.windows(4).position(|bytes| bytes == b"memo").unwrap();
    broken[at] = 0xff;
    says(&invalid(compile(&broken, |_| {}).await), &["component"]);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused() {
    let bench = Bench::new(b"");
    fs::File::options()
        .write(true)
        .open(&bench.component)
        .unwrap()
        .set_len(limits::COMPONENT_SIZE + 1)
        .unwrap();
    says(&invalid(bench.run(&compiler(), |_| {}).await), &["larger than 128 MiB", "wasm-tools strip"]);
}

#[tokio::test]
async fn a_child_that_dies_is_a_refusal_and_never_the_servers_end() {
    let shell =
        |script: &str| Compiler { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] };
    let bench = Bench::new(&hello());
    says(&invalid(bench.run(&shell("kill -SEGV $$"), |_| {}).await), &["the compiler crashed"]);
    let words = "echo 'memory allocation of 77 bytes failed' >&2; kill -ABRT $$";
    assert_eq!(invalid(bench.run(&shell(words), |_| {}).await), OUT_OF_MEMORY);
    let words = "head -c 300000 /dev/zero >&2; echo 'thread has overflowed its stack' >&2; kill -ABRT $$";
    says(&invalid(bench.run(&shell(words), |_| {}).await), &["so deeply"]);
    let machine = |result: Result<Compiled, Refusal>| match result {
        Err(Refusal::Machine { cause, .. }) => cause.to_string(),
        other => panic!("not the machine's doing: {other:?}"),
    };
    says(&machine(bench.run(&shell("kill -KILL $$"), |_| {}).await), &["killed by signal 9"]);
    says(&machine(bench.run(&shell("exit 3"), |_| {}).await), &["ended with status 3"]);
    says(&machine(bench.run(&shell("cat >/dev/null; printf '{' >&0"), |_| {}).await), &["no report"]);
    let nothing = Compiler { program: "/nonexistent".into(), arguments: Vec::new() };
    says(&machine(bench.run(&nothing, |_| {}).await), &["No such file"]);
    // A child that is not the server's own child would outlive it.
    says(&machine(bench.run(&compiler(), |order| order.server = 1).await), &["die with the server"]);
}

#[tokio::test]
async fn a_child_that_takes_too_long_is_killed() {
    let bench = Bench::new(&hello());
    // It holds on to the socket and would for an hour.
    let sleeper = Compiler { program: "/bin/sleep".into(), arguments: vec!["3600".into()] };
    let clock = bench.clock.clone();
    let run = bench.run(&sleeper, |_| {});
    let advance = async {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(limits::COMPILE_TIMEOUT).await;
    };
    let (result, ()) = tokio::join!(run, advance);
    says(&invalid(result), &["more than 300 s"]);
}

#[tokio::test]
async fn a_snapshot_is_taken_of_what_a_request_or_an_init_function_left() {
    let bench = Bench::new(&hello());
    let compiled = bench.run(&compiler(), snapshot).await.unwrap();
    assert_eq!(compiled.component, Digest::of(&hello()));
    // Its initialisation is a function that fills the second page.
    let text = include_str!("../../../../../tests/fixtures/wasm/hello.wat");
    let end = text.trim_end().strip_suffix(')').unwrap();
    let init =
        "(core module $im (memory 2) (func (export \"init\") (i32.store (i32.const 65536) (i32.const 7))))
        (core instance $ii (instantiate $im))
        (func $init (canon lift (core func $ii \"init\"))) (export \"init\" (func $init)))";
    let with_init = wat::parse_str(format!("{end} {init}")).unwrap();
    let compiled = compile(&with_init, snapshot).await.unwrap();
    assert!(compiled.facts.memory >= 3 * (64 << 10), "{compiled:?}");
}

#[tokio::test]
async fn what_cannot_be_snapshotted_says_why_and_what_helps() {
    let init = |core: &str, lift: &str| {
        serving(&format!(
            "(core module $m {core}) (core instance $i (instantiate $m))
            (func $init {lift} (canon lift (core func $i \"init\"))) (export \"init\" (func $init))"
        ))
    };
    let helps = "Leave `snapshot_start` out";
    let trap = invalid(compile(&init("(func (export \"init\") unreachable)", ""), snapshot).await);
    says(&trap, &["initialisation for its snapshot failed", "unreachable", helps]);
    let spin = invalid(compile(&init("(func (export \"init\") (loop br 0))", ""), snapshot).await);
    says(&spin, &["did not end within 0.3 s", helps]);
    let result = "(func (export \"init\") (result i32) (i32.const 1))";
    says(
        &invalid(compile(&init(result, "(result (result))"), snapshot).await),
        &["answered an error", helps],
    );
    let parameters = "(func (export \"init\") (param i32))";
    says(
        &invalid(compile(&init(parameters, "(param \"a\" u32)"), snapshot).await),
        &["takes parameters", helps],
    );
    let table = "(table 1 funcref) (func (export \"init\") (table.set (i32.const 0) (ref.null func)))";
    says(
        &invalid(compile(&init(table, ""), snapshot).await),
        &["no snapshot can be taken", "table.set", helps],
    );
    let grown = "(memory 1 1) (func (export \"init\"))";
    says(&invalid(compile(&init(grown, ""), snapshot).await), &["grown to the most", helps]);
    let handle = "(import \"wasi:http/types@0.2.0\" (instance $t
            (export \"fields\" (type $f (sub resource)))
            (export \"[constructor]fields\" (func (result (own $f))))))
        (core func $new (canon lower (func $t \"[constructor]fields\")))
        (core module $m (import \"t\" \"new\" (func $new (result i32))) (func (export \"init\") (drop (call $new))))
        (core instance $i (instantiate $m (with \"t\" (instance (export \"new\" (func $new))))))
        (func $init (canon lift (core func $i \"init\"))) (export \"init\" (func $init))";
    says(
        &invalid(compile(&serving(handle), snapshot).await),
        &["still holds handles", "it holds fields", helps],
    );
    let own = "(type $r (resource (rep i32))) (core func $new (canon resource.new $r))
        (core module $m (import \"t\" \"new\" (func $new (param i32) (result i32)))
            (func (export \"init\") (drop (call $new (i32.const 7)))))
        (core instance $i (instantiate $m (with \"t\" (instance (export \"new\" (func $new))))))
        (func $init (canon lift (core func $i \"init\"))) (export \"init\" (func $init))";
    says(&invalid(compile(&serving(own), snapshot).await), &["it holds 1 of its own resources", helps]);
}

/// Opens the standard streams with its first request, and with that and each later one runs `work`, drops the request
/// and answers.
fn streaming(work: &str) -> Vec<u8> {
    let hello = include_str!("../../../../../tests/fixtures/wasm/hello.wat");
    let (interfaces, _) = hello.split_once("(core module").unwrap();
    let standard = |name: &str, resource: &str| {
        format!(
            "(import \"wasi:cli/{name}@0.2.3\" (instance ${name}
                (alias outer 1 ${resource} (type $s)) (export \"{resource}-stream\" (type $e (eq $s)))
                (export \"get-{name}\" (func (result (own $e))))))
            (core func $get-{name} (canon lower (func ${name} \"get-{name}\")))"
        )
    };
    let [stdin, stdout, stderr] = [("stdin", "input"), ("stdout", "output"), ("stderr", "output")]
        .map(|(name, resource)| standard(name, resource));
    let rest = include_str!("../../../../../tests/fixtures/wasm/streaming.part.wat").replace(";;WORK", work);
    wat::parse_str(format!(
        "{interfaces}
        (import \"wasi:io/streams@0.2.1\" (instance $more (export \"input-stream\" (type (sub resource)))))
        (alias export $more \"input-stream\" (type $input)) (alias export 1 \"output-stream\" (type $output))
        {stdin} {stdout} {stderr} {rest})"
    ))
    .unwrap()
}

#[test]
fn standard_streams_that_stay_open_are_open_in_every_instance_of_a_snapshot() {
    // It fails unless each stream is what it was, by its kind and its number.
    let bytes = streaming(
        "(call $say (global.get $out) (i32.const 16) (i32.const 22)) (call $say (global.get $err) (i32.const 40) (i32.const 6))
        (if (i32.eqz (global.get $in)) (then unreachable))",
    );
    let (taken, component) = snapshotted(&bytes);
    for _ in 0..1_000 {
        let order = order(Path::new("/"), Path::new("/"));
        let wrote = taken.try_out(&component, &order).unwrap_or_else(|_| panic!("an instance failed"));
        assert_eq!((wrote.marks().out, wrote.marks().err), (1, 0));
        says(&wrote.last_words(), &[MARK, "error"]);
    }
}

#[tokio::test]
async fn a_component_that_serves_once_in_its_life_has_no_snapshot_of_a_request() {
    let once = "(if (global.get $served) (then unreachable)) (global.set $served (i32.const 1))";
    let text = invalid(compile(&streaming(once), snapshot).await);
    says(&text, &["serves one request in its life", "export `init: func()`", "Leave `snapshot_start` out"]);
}

fn snapshotted(bytes: &[u8]) -> (Taken, Component) {
    let taken = take(bytes, &order(Path::new("/"), Path::new("/"))).unwrap_or_else(|_| panic!("no snapshot"));
    let component = Component::new(&engine::trying(WasiVersion::P2).unwrap(), &taken.component).unwrap();
    (taken, component)
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(garbage: Vec<u8>, behind_a_head: bool) {
        let mut bytes = if behind_a_head { b"\0asm\x0d\0\x01\0".to_vec() } else { Vec::new() };
        bytes.extend(garbage);
        prop_assert!(check::check(&bytes, &order(Path::new("/"), Path::new("/"))).is_err());
    }

    #[test]
    fn a_changed_component_is_checked_without_a_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = hello();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = check::check(&bytes, &order(Path::new("/"), Path::new("/")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_component_is_compiled_or_refused_and_nothing_else(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
        start in prop_oneof![Just(WasmStart::Fresh), Just(WasmStart::Snapshot)],
    ) {
        let mut bytes = hello();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        match runtime.block_on(compile(&bytes, |order| order.start = start)) {
            Ok(_) | Err(Refusal::Invalid(_)) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
