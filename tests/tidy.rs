//! The shape of the tree: what a reader may rely on, checked.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Lines; over this, a file holds two nouns.
const FILE_LINES: usize = 1_000;

/// Module names that say nothing.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "misc", "types"];

/// What each crate may know, directly. An arrow that is not here is a decision to write down first.
const CRATE_GRAPH: [(&str, &[&str]); 14] = [
    ("model", &[]),
    ("backend", &["model"]),
    ("guest", &["model"]),
    ("identity", &["model"]),
    ("sandbox", &["model", "guest"]),
    ("expressions", &["model"]),
    ("items", &["model"]),
    ("control", &["model", "backend", "expressions"]),
    ("data", &["model", "backend", "items"]),
    ("invoke", &["model", "sandbox", "control"]),
    (
        "edge",
        &["model", "identity", "control", "items", "data", "invoke", "events", "expressions", "sandbox"],
    ),
    (
        "server",
        &["model", "backend", "guest", "sandbox", "identity", "control", "data", "invoke", "events", "edge"],
    ),
    ("cli", &["model", "identity", "sandbox", "control", "server"]),
    ("events", &["model", "backend", "expressions", "control", "data", "invoke"]),
];

/// Licences that may be linked into the binary: all permissive.
const LICENCES: [&str; 12] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "0BSD",
    "CC0-1.0",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every file of the tree that git tracks or would.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files failed");
    let listed = String::from_utf8(output.stdout).unwrap();
    listed.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect()
}

fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap()))
}

fn complain(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn no_file_holds_two_nouns() {
    let found: Vec<String> = sources()
        .filter(|(_, text)| text.lines().count() > FILE_LINES)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    complain("files over the limit of lines", &found);
}

#[test]
fn no_module_has_an_empty_name() {
    let found: Vec<String> = files()
        .into_iter()
        .filter(|path| {
            path.iter().any(|part| {
                let part = Path::new(part).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                EMPTY_NAMES.contains(&part)
            })
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.display().to_string())
        .collect();
    complain("modules named after nothing", &found);
}

#[test]
fn crates_know_only_what_the_architecture_says() {
    let graph: BTreeMap<&str, &[&str]> = CRATE_GRAPH.into_iter().collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(allowed) = graph.get(name.as_str()) else {
            found.push(format!("{name} is not in the graph"));
            continue;
        };
        let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
        let Some(dependencies) = manifest.get("dependencies").and_then(|table| table.as_table()) else {
            continue;
        };
        for dependency in dependencies.keys() {
            if let Some(known) = dependency.strip_prefix("sonagi-")
                && !allowed.contains(&known)
            {
                found.push(format!("{name} knows {known}"));
            }
        }
    }
    complain("arrows that the architecture does not have", &found);
}

#[test]
fn lints_are_expected_with_a_reason_and_nothing_is_left_unfinished() {
    let banned = [
        ("#[", "allow("),
        ("#![", "allow("),
        ("todo", "!("),
        ("unimplemented", "!("),
        ("#[", "ignore"),
        ("FIX", "ME"),
        ("XX", "X:"),
    ];
    let mut found = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for (head, tail) in banned {
                // A test that kills a process starts itself again as that process.
                let child = line.contains(r#"ignore = "the child of"#);
                if line.contains(&format!("{head}{tail}")) && !child {
                    found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    complain("unfinished or switched off", &found);
}

#[test]
fn no_test_sleeps() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let is_test = path.iter().any(|part| part == "tests");
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            // Sockets' limits protect the process and are real time: a test of theirs says so above.
            let says_so = number > 0 && lines[number - 1].contains("real time");
            if is_test
                && !says_so
                && ["thread", "tokio::time"].iter().any(|clock| line.contains(&format!("{clock}::sleep(")))
                && !line.trim_start().starts_with("//")
            {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    complain("a test moves the clock or waits for the event", &found);
}

#[test]
fn links_in_the_docs_lead_somewhere() {
    let mut found = Vec::new();
    for path in files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let place = root().join(&path).parent().unwrap().join(target);
            if !place.exists() {
                found.push(format!("{}: {target}", path.display()));
            }
        }
    }
    complain("links to nowhere", &found);
}

#[test]
fn every_dependency_has_a_permissive_licence() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeSet<&str> = LICENCES.into_iter().collect();
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none");
        // An expression is fine if one of its alternatives is, and every part of that.
        let fine = licence.replace('/', " OR ").split(" OR ").any(|alternative| {
            alternative.split(" AND ").all(|part| {
                allowed.contains(part.trim_matches(|c: char| c == '(' || c == ')' || c.is_whitespace()))
            })
        });
        if !fine {
            found.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    complain("licences that were not decided on", &found);
}
