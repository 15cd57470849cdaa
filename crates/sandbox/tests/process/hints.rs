//! What does not work where the function runs is said with what to do about it.

use std::fs;

use crate::support::{Bench, NODE, PYTHON};

/// As much of a library for another processor as the dynamic linker looks at.
const FOREIGN: &[u8] =
    b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\xb7\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\x40\0\x38\0\0\0\x40\0\0\0\0\0";

fn last_hint(lines: &[String]) -> &str {
    lines.iter().rev().find(|line| line.starts_with("HINT ")).unwrap_or_else(|| panic!("{lines:?}"))
}

#[tokio::test]
async fn who_writes_to_the_package_is_told_where_to_write() {
    let bench = Bench::new();
    let python = "def handler(event, context):\n    open('/var/task/cache.txt', 'w')\n";
    let node = "import fs from 'fs';\nexport const handler = async () => fs.writeFileSync('/var/task/cache.txt', '');\n";
    for (runtime, text) in [(PYTHON, python), (NODE, node)] {
        let mut running = bench.run(runtime, text).await;
        let (_, message) = running.invoke("{}").await.failure();
        assert!(message.to_lowercase().contains("read-only file system"), "{message}");
        let lines = running.logs.texts();
        let hint = last_hint(&lines);
        assert!(hint.contains("/tmp") && hint.contains("/var/task"), "{hint}");
        // It goes on serving.
        assert!(running.invoke("{}").await.failure().1.to_lowercase().contains("read-only"));
    }
}

#[tokio::test]
async fn a_native_library_for_another_processor_is_named_with_both() {
    let bench = Bench::new();
    let cases = [
        ("lib/libpets.so", "import ctypes\nctypes.CDLL('/var/task/lib/libpets.so')\n"),
        ("_pets.cpython-311-aarch64-linux-gnu.so", "import _pets\n"),
        ("pets/_native.abi3.so", "from pets import _native\n"),
    ];
    for (file, text) in cases {
        let function = bench.function(PYTHON, &format!("{text}def handler(event, context):\n    return 1\n"));
        let path = function.spec.code.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, FOREIGN).unwrap();
        let logs = std::sync::Arc::clone(&function.logs);
        assert!(bench.start(function).await.is_err(), "{file}");
        let lines = logs.texts();
        let hint = last_hint(&lines);
        assert_eq!(
            hint,
            format!(
                "HINT /var/task/{file} is built for aarch64, and this machine is x86_64: build the package for x86_64"
            )
        );
    }
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_library_that_is_missing_or_for_another_python_is_named() {
    let bench = Bench::new();
    let missing = "import ctypes\nctypes.CDLL('libnobodyhasit.so.3')\n";
    let other = "import _pets\n";
    for (text, wanted) in [(missing, "libnobodyhasit.so.3"), (other, "built for another Python")] {
        let function = bench.function(PYTHON, text);
        fs::copy("/proc/self/exe", function.spec.code.join("_pets.cpython-399-x86_64-linux-gnu.so")).unwrap();
        let logs = std::sync::Arc::clone(&function.logs);
        assert!(bench.start(function).await.is_err());
        let lines = logs.texts();
        assert!(last_hint(&lines).contains(wanted), "{lines:?}");
    }
}

#[tokio::test]
async fn other_failures_are_told_as_they_are_and_no_file_outside_is_looked_at() {
    let bench = Bench::new();
    let text = "def handler(event, context):\n    raise OSError(event)\n";
    let mut running = bench.run(PYTHON, text).await;
    for message in [
        "something else",
        "/etc/../../x.so: wrong ELF class",
        "/var/task/../../bin/sh.so: wrong ELF class",
        "No module named '",
        "No module named '../../etc.x'",
        "invalid ELF header",
    ] {
        running.invoke(serde_json::to_string(message).unwrap()).await.failure();
    }
    let lines = running.logs.texts();
    assert!(!lines.iter().any(|line| line.starts_with("HINT")), "{lines:?}");
}

#[tokio::test]
async fn a_handler_that_forks_and_exits_ends_its_environment_and_nothing_else() {
    let bench = Bench::new();
    let text = "import os, time\ndef handler(event, context):\n    if event == 'fork':\n        if os.fork() > 0:\n            \
                os._exit(3)\n        time.sleep(1000)\n    return 'fine'\n";
    let mut forking = bench.run(PYTHON, text).await;
    let (kind, message) = forking.invoke("\"fork\"").await.failure();
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.contains("exit status 3"), "{message}");
    drop(forking);
    let mut next = bench.run(PYTHON, text).await;
    assert_eq!(next.invoke("\"go on\"").await.success(), "\"fine\"");
    drop(next);
    bench.nothing_is_left().await;
}

#[tokio::test]
async fn a_bootstrap_that_is_not_executable_is_said_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let function = bench.function(crate::support::PROVIDED, "#!/bin/sh\n");
    let path = function.spec.code.join("bootstrap");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let failure = bench.start(function).await.err().unwrap();
    let sonagi_sandbox::StartFailure::Init { failure, .. } = failure else { panic!("{failure}") };
    let text = String::from_utf8_lossy(&failure.payload);
    assert!(text.contains("fork/exec /var/task/bootstrap: permission denied"), "{text}");
    assert!(text.contains("chmod"), "{text}");
}
