//! WebAssembly functions, in both kinds of manifest.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sonagi_control::manifest::{BuildKind, Manifest, WasmBuild};
use sonagi_model::{
    function::{OutboundRule, Reuse, Runtime, SnapStart, WasiVersion, Wasm, WasmStart},
    limits,
};

use crate::support::App;

fn app(manifest: &str, text: &str) -> App {
    App::new("shop").with("hello/function.wasm", "(component)").with("hello/app.py", "").with(manifest, text)
}

/// A `sonagi.toml` with one function, `hello`, that has `keys`.
fn native(keys: &str) -> App {
    app("sonagi.toml", &format!("[function.hello]\nruntime = \"wasm\"\n{keys}\n"))
}

/// A template with one function, `Hello`, that has `metadata` for Sonagi.
fn sam(properties: &str, metadata: &str) -> App {
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nParameters:\n  Stores: {{Type: CommaDelimitedList, Default: \"a,b\"}}\n  \
         On: {{Type: String, Default: \"true\"}}\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
         Properties: {{CodeUri: hello, Runtime: provided.wasm{properties}}}\n{metadata}"
    );
    app("template.yaml", &text)
}

fn loaded(app: &App) -> Manifest {
    app.load().unwrap_or_else(|error| panic!("{error}"))
}

fn wasm(app: &App) -> Wasm {
    loaded(app).functions[0].function.wasm.clone().unwrap()
}

fn rules(texts: &[&str]) -> Vec<OutboundRule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn a_webassembly_function_asks_for_nothing_unless_it_says_so() {
    for text in ["wasm", "provided.wasm"] {
        let app = app("sonagi.toml", &format!("[function.hello]\nruntime = \"{text}\"\n"));
        let function = &loaded(&app).functions[0].function;
        assert_eq!((function.runtime, &*function.handler), (Runtime::Wasm, "function.wasm"));
        assert_eq!(function.wasm, Some(Wasm::default()));
        assert_eq!(function.ephemeral_storage, limits::EPHEMERAL_STORAGE_MIN);
    }
    let function = &loaded(&sam("", "")).functions[0].function;
    assert_eq!((function.runtime, &*function.handler), (Runtime::Wasm, "function.wasm"));
    assert_eq!(function.wasm, Some(Wasm::default()));
    let other = app("sonagi.toml", "[function.hello]\nruntime = \"python3.11\"\n");
    assert_eq!(loaded(&other).functions[0].function.wasm, None);
}

#[test]
fn every_key_is_read_and_defaults_give_way() {
    let text = r#"
[defaults]
runtime = "wasm"
tmp = 1024
wasi = "0.3"
snapshot_start = true
reuse = true
config = { a = "1", b = "2" }

[function.hello]
code = "hello"
handler = "function.wasm"
wasi = "0.2"
reuse = { requests = 100, age = 61 }
config = { b = "3" }
keyvalue = ["default", "A.b-c_9"]
outbound = ["api.example.com", "http://10.0.0.5:8080", "private:*.intern:*"]

[function.plain]
code = "hello"
reuse = false
snapshot_start = false

[function.other]
code = "hello"
runtime = "python3.11"
"#;
    let manifest = loaded(&app("sonagi.toml", text));
    let [hello, other, plain] = manifest.functions.as_slice() else { panic!("{:?}", manifest.functions) };
    let wanted = Wasm {
        wasi: WasiVersion::P2,
        start: WasmStart::Snapshot,
        reuse: Some(Reuse { requests: 100, age: 61, memory: limits::REUSE_MEMORY_DEFAULT }),
        config: BTreeMap::from([("a".into(), "1".into()), ("b".into(), "3".into())]),
        keyvalue: vec!["default".into(), "A.b-c_9".into()],
        outbound: rules(&[
            "https://api.example.com:443",
            "http://10.0.0.5:8080",
            "private:https://*.intern:*",
        ]),
    };
    assert_eq!(hello.function.wasm.as_ref(), Some(&wanted));
    // The size of a folder that there is not.
    assert_eq!(hello.function.ephemeral_storage, limits::EPHEMERAL_STORAGE_MIN);
    let plain = plain.function.wasm.as_ref().unwrap();
    assert_eq!((plain.wasi, plain.start, plain.reuse), (WasiVersion::P3, WasmStart::Fresh, None));
    assert_eq!((plain.config.len(), plain.keyvalue.len(), plain.outbound.len()), (2, 0, 0));
    assert_eq!((&other.function.wasm, other.function.ephemeral_storage), (&None, 1_024));
}

#[test]
fn a_template_says_it_in_the_metadata() {
    let metadata = "    Metadata:\n      Other: {x: !Ref On}\n      Sonagi:\n        SnapshotStart: !Ref On\n        \
                    Wasi: 0.2\n        Reuse: {Requests: 1, Age: 2, Memory: 3}\n        \
                    Config: {region: !Ref AWS::Region, n: 7}\n        KeyValue: !Ref Stores\n        \
                    Outbound: [!Sub 'api.${AWS::Region}.example']\n";
    let wanted = Wasm {
        wasi: WasiVersion::P2,
        start: WasmStart::Snapshot,
        reuse: Some(Reuse { requests: 1, age: 2, memory: 3 }),
        config: BTreeMap::from([("n".into(), "7".into()), ("region".into(), "us-east-1".into())]),
        keyvalue: vec!["a".into(), "b".into()],
        outbound: rules(&["api.us-east-1.example"]),
    };
    assert_eq!(wasm(&sam("", metadata)), wanted);
    assert_eq!(wasm(&sam("", "    Metadata: {Sonagi: {Wasi: 0.3}}\n")).wasi, WasiVersion::P3);
}

#[test]
fn a_template_that_asks_for_a_snapshot_of_0_3_is_told_where_it_does() {
    let said = "a snapshot can be taken of a component of WASI 0.2 only, and this function says 0.3 (leave \
                `SnapshotStart` out, or `Wasi`)";
    let metadata = "    Metadata: {Sonagi: {Wasi: 0.3, SnapshotStart: true}}\n";
    let problems = sam("", metadata).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].ends_with(said) && problems[0].contains(":51: "), "{problems:?}");
    let problems =
        sam(", SnapStart: {ApplyOn: PublishedVersions}", "    Metadata: {Sonagi: {Wasi: 0.3}}\n").problems();
    assert!(problems.len() == 1 && problems[0].ends_with(said), "{problems:?}");
}

#[test]
fn snap_start_of_a_template_asks_for_a_snapshot_and_the_metadata_wins() {
    let snap = ", SnapStart: {ApplyOn: PublishedVersions}";
    assert_eq!(wasm(&sam(snap, "")).start, WasmStart::Snapshot);
    assert_eq!(wasm(&sam(", SnapStart: {ApplyOn: None}", "")).start, WasmStart::Fresh);
    let metadata = "    Metadata: {Sonagi: {SnapshotStart: false}}\n";
    assert_eq!(wasm(&sam(snap, metadata)).start, WasmStart::Fresh);
    assert!(loaded(&sam(snap, "")).notes.is_empty());
    assert_eq!(
        sam(", SnapStart: {ApplyOn: Always}", "").problems(),
        ["8:79: `ApplyOn` is \"Always\", which is not one of None, PublishedVersions"]
    );
}

#[test]
fn other_runtimes_have_no_use_for_it() {
    let text = "[function.hello]\nruntime = \"python3.11\"\nreuse = true\nwasi = \"0.2\"\n\
                config = {}\nkeyvalue = []\n outbound = []\n";
    let of = |line: usize, column: usize, key: &str, say: &str| {
        format!(
            "{line}:{column}: `{key}` is for WebAssembly functions, and this one's runtime is python3.11 (say \
             `{say}`, or leave it out)"
        )
    };
    let say = "runtime = \"wasm\"";
    assert_eq!(
        app("sonagi.toml", text).problems(),
        [
            of(3, 1, "reuse", say),
            of(4, 1, "wasi", say),
            of(5, 1, "config", say),
            of(6, 1, "keyvalue", say),
            of(7, 2, "outbound", say),
        ]
    );
    let text = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    \
                Metadata: {Sonagi: {KeyValue: [a], Nope: 1}}\n    \
                Properties: {CodeUri: hello, Handler: app.handler, Runtime: python3.11}\n";
    let problems = app("template.yaml", text).problems();
    assert_eq!(problems[0], of(5, 25, "KeyValue", "Runtime: provided.wasm"));
    assert!(problems[1].starts_with("5:40: `Nope` is not a key that `Metadata: Sonagi` has"), "{problems:?}");
    assert_eq!(problems.len(), 2);
}

fn snap_start(app: &App) -> SnapStart {
    loaded(app).functions[0].function.snap_start
}

#[test]
fn python_and_provided_functions_start_from_copies_where_they_ask_for_it() {
    let native = |runtime: &str, keys: &str| {
        app(
            "sonagi.toml",
            &format!("[function.hello]\nruntime = \"{runtime}\"\nhandler = \"app.handler\"\n{keys}"),
        )
    };
    assert_eq!(snap_start(&native("python3.11", "snapshot_start = true")), SnapStart::All);
    assert_eq!(snap_start(&native("python3.11", "snapshot_start = false")), SnapStart::None);
    assert_eq!(snap_start(&native("python3.11", "")), SnapStart::None);
    assert_eq!(
        native("nodejs20.x", "snapshot_start = true").with("hello/app.js", "").problems(),
        ["4:1: `snapshot_start` is for WebAssembly and Python functions, and this one's runtime is \
          nodejs20.x (say `runtime = \"wasm\"`, or leave it out)"]
    );
    let template = |runtime: &str, property: &str, metadata: &str| {
        let text = format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n{metadata}    \
             Properties:\n      CodeUri: hello\n      Handler: app.handler\n      Runtime: {runtime}\n      {property}\n"
        );
        app("template.yaml", &text)
    };
    let snap = "SnapStart: {ApplyOn: PublishedVersions}";
    assert_eq!(snap_start(&template("python3.11", snap, "")), SnapStart::PublishedVersions);
    assert_eq!(snap_start(&template("python3.11", "SnapStart: {ApplyOn: None}", "")), SnapStart::None);
    let metadata = "    Metadata: {Sonagi: {SnapshotStart: true}}\n";
    assert_eq!(snap_start(&template("python3.11", "", metadata)), SnapStart::All);
    assert_eq!(
        template("nodejs20.x", snap, "").with("hello/app.js", "").problems(),
        ["9:18: nodejs20.x is not supported for SnapStart enabled functions (it is for Python and \
             WebAssembly: leave it out)"]
    );
}

#[test]
fn what_cannot_be_copied_is_said_where_a_copy_is_asked_for() {
    let native = |runtime: &str, keys: &str| {
        let function = format!("[function.hello]\nruntime = \"{runtime}\"\nsnapshot_start = true\n{keys}");
        let handler = if runtime == "python3.11" { "handler = \"app.handler\"\n" } else { "" };
        app("sonagi.toml", &format!("{function}{handler}")).with("hello/bootstrap", "#!/bin/sh\n")
    };
    assert_eq!(
        native("provided.al2023", "").problems(),
        [
            "3:18: `snapshot_start` is for WebAssembly and Python functions, or for virtual machines, and this one's \
             runtime is provided.al2023 (say `driver = \"microvm-snapshot\"`, or leave it out)"
        ]
    );
    let machine = native("provided.al2023", "driver = \"microvm-snapshot\"\n");
    assert_eq!(snap_start(&machine), SnapStart::All);
    assert_eq!(snap_start(&native("python3.11", "tmp = 512\n")), SnapStart::All);
    assert_eq!(
        native("python3.11", "tmp = 513\n").problems(),
        [
            "4:7: /tmp has 513 MB, and a function that starts from a snapshot may have 512, as on Lambda (lower it, or \
             do without the snapshot)"
        ]
    );
    let both = native("python3.11", "provisioned_concurrency = 1\n").problems();
    assert!(both.len() == 1 && both[0].contains("choose one of the two"), "{both:?}");
}

#[test]
fn each_wrong_value_is_said_at_its_place() {
    for (keys, wanted) in [
        ("snapshot_start = 1", "3:18: `snapshot_start` must be true or false"),
        (
            "wasi = \"0.3\"\nsnapshot_start = true",
            "4:18: a snapshot can be taken of a component of WASI 0.2 only, and this function says 0.3 \
             (leave `snapshot_start` out, or `wasi`)",
        ),
        ("wasi = \"0.1\"", "3:8: `wasi` is \"0.1\", which is not one of 0.2, 0.3 (did you mean 0.2?)"),
        (
            "reuse = 5",
            "3:9: `reuse` must be true, false or a map, and is a number (the map may have `requests`, `age` and `memory`)",
        ),
        (
            "reuse = [1]",
            "3:9: `reuse` must be true, false or a map, and is a list (the map may have `requests`, `age` and `memory`)",
        ),
        (
            "reuse = \"on\"",
            "3:9: `reuse` must be true, false or a map, and is text (the map may have `requests`, `age` and `memory`)",
        ),
        (
            "reuse = { requests = 0 }",
            "3:22: `requests` must be a whole number from 1 to 1000000 requests, not 0",
        ),
        ("reuse = { age = 3601 }", "3:17: `age` must be a whole number from 1 to 3600 seconds, not 3601"),
        ("reuse = { memory = 10241 }", "3:20: `memory` must be a whole number from 1 to 10240 MB, not 10241"),
        ("reuse = { agee = 1 }", "3:11: `agee` is not a key that `reuse` has (did you mean `age`?)"),
        ("config = \"x\"", "3:10: `config` must be a map, and is text"),
        ("config = { a = [1] }", "3:16: `a` in `config` must be text, and is a list"),
        ("config = { \"\" = \"x\" }", "3:10: a key of the configuration is empty"),
        ("keyvalue = \"default\"", "3:12: `keyvalue` must be a list, and is text"),
        (
            "keyvalue = [\"a\", \"a/b\"]",
            "3:18: \"a/b\" cannot name a key-value store: 1 to 64 letters, digits, `.`, `-` and `_`",
        ),
        ("keyvalue = [{}]", "3:13: an entry of `keyvalue` must be text, and is a map"),
        (
            "outbound = [\"a.example\", \"ftp://a\"]",
            "3:26: \"ftp://a\" does not say where outbound requests may go: write a host such as \"api.example.com\", \
             \"*.example.com\" or \"http://10.0.0.5:8080\"",
        ),
        ("tmp = 512", "3:1: a WebAssembly function has no /tmp (leave `tmp` out)"),
        (
            "handler = \"../function.wasm\"",
            "3:11: the handler \"../function.wasm\" names no component: write the path of its file in the package, such \
             as \"function.wasm\"",
        ),
        (
            "handler = \"other.wasm\"",
            "3:11: the handler \"other.wasm\" is for a zip, and what is built is \"function.wasm\" (leave `handler` out)",
        ),
        (
            "build = \"cobol\"",
            "3:9: `build` is \"cobol\", which is not one of auto, makefile, none, js, python, rust, go, c",
        ),
        ("build = { esbuild = { entry = [\"a.ts\"] } }", "3:9: `build` must be text, and is a map"),
        ("reuze = true", "3:1: `reuze` is not a key that function `hello` has (did you mean `reuse`?)"),
    ] {
        assert_eq!(native(keys).problems(), [wanted]);
    }
}

#[test]
fn each_wrong_value_of_a_template_is_said_at_its_place() {
    let said = |sonagi: &str| sam("", &format!("    Metadata:\n      Sonagi: {sonagi}\n")).problems();
    for (sonagi, wanted) in [
        ("{SnapshotStart: maybe}", "10:31: `SnapshotStart` must be true or false"),
        ("{Reuse: 5}", "10:23: `Reuse` must be true, false or a map, and is a number"),
        (
            "{Reuse: {Requests: 1000001}}",
            "10:34: `Requests` must be a whole number from 1 to 1000000 requests, not 1000001",
        ),
        ("{KeyValue: default}", "10:26: `KeyValue` must be a list, and is text"),
        (
            "{Keyvalue: [a]}",
            "10:16: `Keyvalue` is not a key that `Metadata: Sonagi` has (did you mean `KeyValue`?)",
        ),
        ("{Outbound: [x y]}", "10:27: \"x y\" does not say where"),
        ("true", "10:15: `Metadata: Sonagi` must be a map, and is true or false"),
    ] {
        let found = said(sonagi);
        assert!(found.len() == 1 && found[0].starts_with(wanted), "{sonagi}: {found:?}");
    }
    assert_eq!(
        sam(", EphemeralStorage: {Size: 1024}", "").problems(),
        ["8:58: a WebAssembly function has no /tmp (leave `EphemeralStorage` out)"]
    );
    // What tools always write.
    assert!(sam(", EphemeralStorage: {Size: 512}", "").problems().is_empty());
    assert_eq!(
        sam(", Handler: app.handler", "").problems(),
        [
            "8:67: the handler \"app.handler\" names no component: write the path of its file in the package, such as \
             \"function.wasm\""
        ]
    );
    assert_eq!(sam(", InlineCode: x", "").problems(), ["8:70: inline code is for Python and Node.js alone"]);
}

#[test]
fn globals_of_a_template_are_for_webassembly_functions_too() {
    let text = "Transform: AWS::Serverless-2016-10-31\nGlobals:\n  Function: {Runtime: provided.wasm, MemorySize: 256, \
                EphemeralStorage: {Size: 1024}}\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: \
                {CodeUri: hello}}\n";
    let function = &loaded(&app("template.yaml", text)).functions[0].function;
    assert_eq!((function.runtime, function.memory), (Runtime::Wasm, 256));
    assert_eq!(function.ephemeral_storage, limits::EPHEMERAL_STORAGE_MIN);
}

#[test]
fn how_a_component_is_built_is_said_or_left_to_the_files() {
    let build = |app: &App| loaded(app).functions[0].build.clone();
    for (word, wanted) in [
        ("auto", BuildKind::Wasm(WasmBuild::Inferred)),
        ("none", BuildKind::Wasm(WasmBuild::Ready)),
        ("js", BuildKind::Wasm(WasmBuild::JavaScript)),
        ("python", BuildKind::Wasm(WasmBuild::Python)),
        ("rust", BuildKind::Wasm(WasmBuild::Rust)),
        ("go", BuildKind::Wasm(WasmBuild::Go)),
        ("c", BuildKind::Wasm(WasmBuild::C)),
    ] {
        assert_eq!(build(&native(&format!("build = \"{word}\""))), wanted);
    }
    assert_eq!(build(&native("")), BuildKind::Wasm(WasmBuild::Inferred));
    let native = |code: &str| native(&format!("code = \"hello/{code}\"")).with(&format!("hello/{code}"), "");
    for file in ["x.wasm", "x.wat"] {
        assert!(matches!(build(&native(file)), BuildKind::Wasm(_)));
    }
    assert_eq!(build(&native("x.zip")), BuildKind::Zip);
    let method = |word: &str| sam("", &format!("    Metadata: {{BuildMethod: {word}}}\n"));
    assert_eq!(build(&method("rust")), BuildKind::Wasm(WasmBuild::Rust));
    assert_eq!(build(&method("makefile")), BuildKind::Makefile { target: "Hello".into() });
    assert_eq!(
        method("esbuild").problems(),
        ["9:29: the build method `esbuild` is not one of makefile, none, js, python, rust, go, c"]
    );
}

#[test]
fn a_component_in_a_zip_may_have_any_name() {
    let text = "[function.hello]\nruntime = \"wasm\"\ncode = \"hello.zip\"\nhandler = \"lib/shop.wasm\"\n";
    let manifest = loaded(&App::new("shop").with("hello.zip", "").with("sonagi.toml", text));
    assert_eq!(manifest.functions[0].function.handler, "lib/shop.wasm");
}

#[test]
fn every_limit_is_said() {
    let list = |count: usize, entry: fn(usize) -> String| {
        (0..count).map(|at| format!("\"{}\"", entry(at))).collect::<Vec<_>>().join(", ")
    };
    let store = |at| format!("s{at}");
    let (most, rules) = (limits::WASM_KEYVALUE_STORES, limits::WASM_OUTBOUND_RULES);
    assert!(native(&format!("keyvalue = [{}]", list(most, store))).problems().is_empty());
    assert_eq!(
        native(&format!("keyvalue = [{}]", list(most + 1, store))).problems(),
        ["3:12: 33 key-value stores, and the most is 32"]
    );
    let host = |at| format!("h{at}.example");
    assert!(native(&format!("outbound = [{}]", list(rules, host))).problems().is_empty());
    assert_eq!(
        native(&format!("outbound = [{}]", list(rules + 1, host))).problems(),
        ["3:12: 101 rules of where outbound requests may go, and the most is 100"]
    );
    let name = |length: usize| native(&format!("keyvalue = [\"{}\"]", "x".repeat(length)));
    assert!(name(limits::WASM_STORE_NAME).problems().is_empty());
    assert!(name(limits::WASM_STORE_NAME + 1).problems()[0].contains("cannot name a key-value store"));
    assert!(name(0).problems()[0].starts_with("3:13: \"\" cannot name"));
    let entries = |count: usize| {
        let entries: Vec<_> = (0..count).map(|at| format!("k{at} = \"\"")).collect();
        native(&format!("config = {{ {} }}", entries.join(", ")))
    };
    assert!(entries(limits::WASM_CONFIG_ENTRIES).problems().is_empty());
    assert_eq!(
        entries(limits::WASM_CONFIG_ENTRIES + 1).problems(),
        ["3:10: the configuration has 257 entries, and the most is 256"]
    );
    let bytes = |count: usize| native(&format!("config = {{ k = \"{}\" }}", "x".repeat(count - 1)));
    assert!(bytes(limits::WASM_CONFIG_SIZE).problems().is_empty());
    assert_eq!(
        bytes(limits::WASM_CONFIG_SIZE + 1).problems(),
        ["3:10: the configuration holds 65537 bytes, and the limit is 65536"]
    );
    // Defaults and the function's own together.
    let half = "x".repeat(limits::WASM_CONFIG_SIZE / 2);
    let text = format!(
        "[defaults]\nconfig = {{ a = \"{half}\" }}\n[function.hello]\nruntime = \"wasm\"\nconfig = {{ b = \"{half}\" }}\n"
    );
    let problems = app("sonagi.toml", &text).problems();
    assert_eq!(problems, ["5:10: the configuration holds 65538 bytes, and the limit is 65536"]);
}

prop_compose! {
    fn any_wasm()(
        wasi in prop_oneof![Just(WasiVersion::P2), Just(WasiVersion::P3)],
        start in prop_oneof![Just(WasmStart::Fresh), Just(WasmStart::Snapshot)],
        reuse in proptest::option::of((1..=limits::REUSE_REQUESTS_MAX, 1..=limits::REUSE_AGE_MAX, 1..=limits::REUSE_MEMORY_MAX)),
        config in proptest::collection::btree_map("[ -~é소]{1,8}", "[ -~é소]{0,20}", 0..5),
        keyvalue in proptest::collection::vec("[A-Za-z0-9._-]{1,64}", 0..5),
        outbound in proptest::collection::vec("(private:)?(https?://)?(\\*\\.)?[a-z][a-z0-9-]{0,10}(\\.[a-z]{1,8})?(:[1-9][0-9]{0,3}|:\\*)?", 0..5),
    ) -> Wasm {
        // The one pair that cannot be.
        let start = if wasi == WasiVersion::P3 { WasmStart::Fresh } else { start };
        Wasm {
            wasi,
            start,
            reuse: reuse.map(|(requests, age, memory)| Reuse { requests, age, memory }),
            config,
            keyvalue,
            outbound: outbound.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn both_kinds_of_manifest_can_say_all_there_is(wanted in any_wasm()) {
        let json = serde_json::to_value(&wanted).unwrap();
        let snapshot = wanted.start == WasmStart::Snapshot;
        // JSON's texts and lists are TOML's as well, and so are maps but for the colon.
        let config: Vec<_> = wanted.config.iter().map(|(key, value)| {
            format!("{} = {}", serde_json::json!(key), serde_json::json!(value))
        }).collect();
        let reuse = wanted.reuse.map_or("false".to_owned(), |reuse| {
            format!("{{ requests = {}, age = {}, memory = {} }}", reuse.requests, reuse.age, reuse.memory)
        });
        let keys = format!(
            "wasi = \"{}\"\nsnapshot_start = {snapshot}\nreuse = {reuse}\nconfig = {{ {} }}\nkeyvalue = {}\noutbound = {}",
            wanted.wasi.as_str(), config.join(", "), json["keyvalue"], json["outbound"],
        );
        prop_assert_eq!(&wasm(&native(&keys)), &wanted);
        let reuse = wanted.reuse.map_or(serde_json::json!(false), |reuse| {
            serde_json::json!({ "Requests": reuse.requests, "Age": reuse.age, "Memory": reuse.memory })
        });
        let sonagi = serde_json::json!({
            "Wasi": wanted.wasi.as_str(), "SnapshotStart": snapshot, "Reuse": reuse, "Config": json["config"],
            "KeyValue": json["keyvalue"], "Outbound": json["outbound"],
        });
        prop_assert_eq!(&wasm(&sam("", &format!("    Metadata: {{\"Sonagi\": {sonagi}}}\n"))), &wanted);
    }
}
