//! What is made of this machine: its KVM, and a root file system out of its interpreters.

use std::{path::Path, process::Command, sync::Arc};

use sonagi_model::Clock;
use sonagi_sandbox::{
    microvm::{Inside, Installed, Language, Options, build_root, description_of, speed, survey},
    process::{Interpreters, RuntimePolicy},
};

use crate::world::{PYTHON, RealClock};

/// Whatever this machine has, what is said of it is true: a KVM that is slow is refused with its speed.
#[test]
fn a_kvm_that_emulates_each_instruction_is_refused_with_its_speed() {
    let clock = RealClock::new();
    let refusal = survey(&Options::default(), "/nowhere", &clock).unwrap_err();
    match speed(Path::new("/dev/kvm"), &clock) {
        Ok(speed) => {
            eprintln!("this machine's KVM: {speed}");
            let text = speed.to_string();
            let millions: f64 = text.split(' ').next().unwrap().parse().unwrap();
            assert!(millions > 0.0, "{text}");
            if millions < 100.0 {
                assert!(refusal.contains("and 100 million instructions a second are the least"), "{refusal}");
            } else {
                assert!(refusal.contains("there is no firecracker on the search path"), "{refusal}");
            }
        }
        Err(error) => {
            eprintln!("this machine has no KVM: {error}");
            assert!(refusal.contains("/dev/kvm"), "{refusal}");
        }
    }
}

#[test]
fn what_is_no_kvm_is_an_error() {
    let clock = RealClock::new();
    assert_eq!(speed(Path::new("/nowhere/kvm"), &clock).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    // It opens, and takes none of the calls.
    assert!(speed(Path::new("/dev/null"), &clock).is_err());
}

/// The file system is looked into by the tools that other people have for it.
#[tokio::test]
async fn a_root_file_system_holds_the_interpreters_and_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let search_path = std::env::var("PATH").unwrap();
    let clock = Arc::new(RealClock::new()) as Arc<dyn Clock>;
    let interpreters =
        Interpreters::new(std::env::split_paths(&search_path).collect(), RuntimePolicy::Exact, clock);
    let python = interpreters.find(PYTHON).await.unwrap().unwrap();
    let installed =
        Installed { language: Language::Python, version: python.version, program: python.program.clone() };
    let root = folder.path().join("rootfs");
    let said = std::sync::Mutex::new(Vec::new());
    let built = build_root(&root, vec![installed.clone()], &search_path, &|words| {
        said.lock().unwrap().push(words.to_owned())
    })
    .unwrap();
    assert!(said.lock().unwrap().len() >= 4, "{said:?}");
    assert_eq!(built.inside, Inside { interpreters: vec![installed] });
    let described: Inside = serde_json::from_slice(&std::fs::read(description_of(&root)).unwrap()).unwrap();
    assert_eq!(described, built.inside);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");

    let check = Command::new("e2fsck")
        .env("PATH", format!("{search_path}:/usr/sbin:/sbin"))
        .args(["-f", "-n"])
        .arg(&root)
        .output();
    assert!(check.as_ref().unwrap().status.success(), "{check:?}");
    // Taken out again, it is a root that the interpreter runs in, if this user may change its root.
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let taken = Command::new("debugfs")
        .env("PATH", format!("{search_path}:/usr/sbin:/sbin"))
        .args(["-R", &format!("rdump / {}", out.display())])
        .arg(&root)
        .output();
    assert!(taken.unwrap().status.success());
    if rustix::process::geteuid().is_root() {
        let ran = Command::new("chroot")
            .arg(&out)
            .arg(&python.program)
            .args([
                "-I",
                "-c",
                "import ssl, json, ctypes, decimal, zoneinfo; zoneinfo.ZoneInfo('Asia/Seoul'); print('runs')",
            ])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            "runs\n",
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let ran = Command::new("chroot")
            .arg(&out)
            .args(["/bin/sh", "-c", "echo a shell | tr a-z A-Z"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            "A SHELL\n",
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    } else {
        assert!(out.join(python.program.strip_prefix("/").unwrap()).is_file());
    }
}
