//! Input that was made to hurt, or that is simply broken: a clear word, and never a panic.

use std::{collections::BTreeMap, fs};

use proptest::prelude::*;
use sonagi_control::manifest::{self, Context};

use crate::support::{App, TEMPLATE};

fn said(name: &str, text: impl AsRef<[u8]>) -> String {
    let app = App::new("shop").with("hello/app.py", "");
    fs::write(app.root.join(name), text).unwrap();
    app.problems().join("\n")
}

#[test]
fn a_manifest_over_the_limit_is_refused() {
    assert_eq!(
        said("sonagi.toml", vec![b'#'; (1 << 20) + 1]),
        "1:1: the manifest is larger than 1048576 bytes"
    );
}

#[test]
fn a_manifest_that_is_no_text_is_refused_with_its_line() {
    assert_eq!(
        said("sonagi.toml", b"app = \"x\"\n\xff\xfe"),
        "1:1: the manifest is not UTF-8 text: line 2 holds something else"
    );
}

#[test]
fn a_folder_without_a_manifest_and_a_file_that_is_none_are_told_apart() {
    let app = App::new("x");
    assert!(app.problems()[0].contains("there is no manifest in this folder"));
    let load = |name: &str| {
        manifest::load(&app.root.join(name), &BTreeMap::new(), &Context::default()).unwrap_err().to_string()
    };
    assert!(load("a.toml").contains("there is no such file"));
    assert!(load("a.rs").contains("this is not a manifest"));
}

#[test]
fn aliases_that_multiply_are_stopped() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for at in 1..12 {
        let inner = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb += &format!("a{at}: &a{at} [{inner}]\n");
    }
    assert!(said("template.yaml", bomb).contains("more than 100000 values once its aliases are expanded"));
}

#[test]
fn functions_that_multiply_are_stopped() {
    let mut value = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_owned();
    for _ in 0..25 {
        value = format!("{{'Fn::Sub': ['${{a}}${{a}}', {{a: {value}}}]}}");
    }
    let text = TEMPLATE.replace("STAGE: test", &format!("STAGE: {value}"));
    let said = said("template.yaml", text);
    assert!(
        said.contains("nest deeper") || said.contains("evaluating the template makes more than"),
        "{said}"
    );
}

#[test]
fn deep_nesting_is_stopped() {
    assert!(said("template.yaml", "[".repeat(5_000)).contains("1:"));
    assert!(said("template.json", "{\"a\":".repeat(5_000)).contains("1:"));
    let block: String = (0..200).map(|at| format!("{}a:\n", " ".repeat(at))).collect();
    assert!(said("template.yaml", block).contains("values nest deeper than 64 levels"));
    assert!(!said("sonagi.toml", format!("a = {}", "[".repeat(5_000))).is_empty());
}

#[test]
fn broken_yaml_and_toml_name_their_line() {
    assert!(said("template.yaml", "a: 1\nb: [1, 2\nc: 3\n").contains("this is not YAML"));
    assert!(said("sonagi.toml", "app = \"x\"\nb = = 1\n").starts_with("2:"));
    assert_eq!(said("template.yaml", ""), "1:1: the template is empty");
    assert!(
        said("template.yaml", "a: 1\na: 2\n").contains("2:1: `a` stands twice in this map, first in line 1")
    );
    assert!(said("template.yaml", "a: 1\n---\nb: 2\n").contains("a second one starts"));
    assert!(said("template.yaml", "- 1\n").contains("a template must be a map, and is a list"));
}

#[test]
fn places_are_right_after_text_that_is_not_ascii_and_with_windows_line_ends() {
    let said = said(
        "template.yaml",
        "Description: 소나기\r\nTransform: AWS::Serverless-2016-10-31\r\n소나기: 1\r\nResources: {}\r\n",
    );
    assert!(said.starts_with("3:1: `소나기` is not a key"), "{said}");
}

#[test]
fn merge_keys_and_anchors_work() {
    let text = TEMPLATE.replace(
        "      Architectures:\n        - x86_64\n",
        "      <<: &more {MemorySize: 512, Runtime: nope}\n      Tags: &t {a: b}\n",
    );
    let app = App::new("shop").with("hello/app.py", "").with("template.yaml", &text);
    let manifest = app.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(manifest.functions[0].function.memory, 512);
    assert_eq!(manifest.functions[0].function.tags["a"], "b");
}

#[test]
fn a_json_template_is_the_same_as_a_yaml_one() {
    let text = r#"{"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": {"Type": "AWS::Serverless::Function",
        "Properties": {"Handler": "app.handler", "Runtime": "python3.11", "CodeUri": "hello",
        "Environment": {"Variables": {"AB": {"Fn::Sub": "${AWS::Region}"}}}}}}}"#;
    let app = App::new("shop").with("hello/app.py", "").with("template.json", text);
    assert_eq!(app.load().unwrap().functions[0].function.variables["AB"], "us-east-1");
}

#[test]
fn a_source_may_not_leave_by_a_link() {
    let app = App::new("shop").with("sonagi.toml", "[function.a]\nruntime = \"python3.11\"\n");
    std::os::unix::fs::symlink("/usr", app.root.join("a")).unwrap();
    assert!(app.problems()[0].contains("leaves the folder that the manifest is in"));
}

const TOML: &str = "app = \"x\"\n[api]\ncors = true\n[function.hello]\nruntime = \"python3.11\"\nroutes = [\"GET /a/{b+}\", {route = \"$default\"}]\nurl = {auth = \"iam\"}\nenv = {A = \"1\"}\n[function.wasm]\nruntime = \"wasm\"\nreuse = {age = 1}\nconfig = {a = \"b\"}\nkeyvalue = [\"a\"]\noutbound = [\"*.a.example:*\"]\nsnapshot_start = true\n";

const WASM: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {Sonagi: {SnapshotStart: true, Wasi: 0.3, Reuse: {Age: 1}, Config: {a: !Ref AWS::Region}, KeyValue: [a], Outbound: ['*.a.example:*']}}\n    Properties: {Runtime: provided.wasm, CodeUri: hello, SnapStart: {ApplyOn: None}}\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_reader_panic(text in "[a-zA-Z:{}\\[\\]!&*<\\-\"'#$ \\n\\t0-9=.,|>%@é]{0,200}") {
        said("template.yaml", &text);
        said("sonagi.toml", &text);
    }

    #[test]
    fn no_damage_makes_a_reader_panic(at in 0_usize..900, length in 0_usize..40, text in "[!&*:\\-{}\\[\\]$ \\n\"a-zé]{0,8}") {
        for (name, whole) in [("template.yaml", TEMPLATE), ("template.yaml", WASM), ("sonagi.toml", TOML)] {
            let from = at.min(whole.len());
            let to = (from + length).min(whole.len());
            let damaged = format!("{}{text}{}", &whole[..from], &whole[to..]);
            said(name, damaged);
        }
    }
}
