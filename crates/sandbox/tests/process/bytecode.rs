//! Modules are compiled ahead, and whatever they are, nothing else comes of it.

use std::{fs, path::Path};

use crate::support::{Bench, NODE, PYTHON};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// All files below a folder, by their names from there.
fn all(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path().strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn every_module_of_a_package_is_compiled_and_what_it_brings_is_left_alone() {
    for bench in [Bench::new(), Bench::without_groups()] {
        let (code, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = [
            (
                "app.py",
                "import shop.pets\nopen('/tmp/ran', 'w')\ndef handler(event, context):\n    return shop.pets.N\n",
            ),
            ("shop/__init__.py", ""),
            ("shop/pets.py", "N = 7\n"),
            ("shop/broken.py", "def (\n"),
            ("shop/zero.py", "a\0b"),
            ("shop/data.txt", "no module"),
            ("old/lib.py", "N = 1\n"),
            ("old/__pycache__/lib.cpython-311.pyc", "brought"),
        ];
        write(code.path(), &files);
        std::os::unix::fs::symlink("app.py", code.path().join("link.py")).unwrap();
        let before = all(code.path());
        let count = bench.driver.bytecode(PYTHON, code.path(), into.path()).await.unwrap();
        let made = all(into.path());
        assert_eq!(count, 3);
        let tag = "cpython-311";
        let wanted = ["__pycache__/app", "shop/__pycache__/__init__", "shop/__pycache__/pets"]
            .map(|name| format!("{name}.{tag}.pyc"));
        assert_eq!(made, wanted);
        assert_eq!(all(code.path()), before);
        // PEP 552: compared with nothing.
        let bytes = fs::read(into.path().join(&made[0])).unwrap();
        assert_eq!(bytes[4..8], [1, 0, 0, 0]);
        assert!(!Path::new("/tmp/ran").exists());
    }
}

#[tokio::test]
async fn the_very_interpreter_uses_what_was_compiled_for_it() {
    let bench = Bench::new();
    // The bytecode says something else than the source: so it is seen which of the two is used.
    let function = bench.function(PYTHON, "def handler(event, context):\n    return 'bytecode'\n");
    let into = tempfile::tempdir().unwrap();
    let code = function.spec.code.clone();
    bench.driver.bytecode(PYTHON, &code, into.path()).await.unwrap();
    fs::rename(into.path().join("__pycache__"), code.join("__pycache__")).unwrap();
    fs::write(code.join("app.py"), "def handler(event, context):\n    return 'source'\n").unwrap();
    let mut running = bench.start(function).await.unwrap();
    assert_eq!(running.invoke("{}").await.success(), "\"bytecode\"");
}

#[tokio::test]
async fn a_module_that_takes_all_memory_to_compile_ends_the_compiler_and_nothing_else() {
    let bench = Bench::new();
    let (code, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(code.path(), &[("a.py", "N = 1\n"), ("b.py", &"a=[1];".repeat(4_000_000)), ("c.py", "")]);
    let count = bench.driver.bytecode(PYTHON, code.path(), into.path()).await.unwrap();
    assert!((1..3).contains(&count), "{count}");
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn what_is_no_python_is_not_compiled() {
    let bench = Bench::new();
    let (code, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(code.path(), &[("app.py", "")]);
    assert_eq!(bench.driver.bytecode(NODE, code.path(), into.path()).await.unwrap(), 0);
    assert_eq!(bench.driver.bytecode_version(NODE).await, None);
    assert_eq!(bench.driver.bytecode_version(PYTHON).await, Some(11));
}
