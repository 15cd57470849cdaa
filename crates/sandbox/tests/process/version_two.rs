//! Version 2 of control groups, whatever this machine has: some of these tests, run once more on a machine that has it.
//!
//! ```text
//!  this program ──► QEMU, which emulates the processor: Debian's kernel, `version_two/init` ──► `version_two/tests`
//!               └─► virtiofsd: the files of this machine, read-only ─────────────────────────► this program, twice
//! ```
//!
//! It runs there as root in a service's group, and as an ordinary user in a scope of the user's own. None of what is
//! chosen depends on how fast a machine is.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::kernel;

/// The modules that Debian's kernel needs for it, each after those that it needs.
const MODULES: [&str; 10] = [
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "drivers/block/loop",
    "fs/fuse/fuse",
    "fs/fuse/virtiofs",
    "fs/overlayfs/overlay",
];

/// In a service's group, as root.
const AS_SERVICE: [&str; 8] = [
    "endings::a_function_that_uses_too_much_memory_while_it_initialises_is_killed",
    "endings::children_that_outlive_the_answer_die_with_the_environment",
    "endings::threads_count_as_processes_do",
    "processors::a_function_has_the_time_that_comes_with_its_memory_once_it_has_begun",
    "ready::its_memory_is_the_functions_while_it_initialises_too",
    "snapshot::a_copy_has_its_own_memory_while_it_is_restored_too",
    "snapshot::a_copy_is_as_confined_as_any_other",
    "snapshot::nothing_of_a_copy_or_of_what_it_was_copied_from_stays_behind",
];

/// In a scope of an ordinary user's.
const AS_USER: [&str; 4] = [
    "endings::a_function_that_uses_too_much_memory_while_it_initialises_is_killed",
    "endings::threads_count_as_processes_do",
    "processors::a_function_has_the_time_that_comes_with_its_memory_once_it_has_begun",
    "snapshot::a_copy_has_its_own_memory_while_it_is_restored_too",
];

/// MiB of the machine.
const MEMORY: u32 = 3_072;
/// Bytes of its disk, of which it takes what is written.
const DISK: u64 = 4 << 30;

/// Where Debian has it, depending on its version.
const VIRTIOFSD: [&str; 2] = ["/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd"];

#[test]
fn its_control_groups_limit_and_end_environments_as_those_of_version_1_do() {
    let folder = tempfile::tempdir().unwrap();
    let initial = initial(folder.path());
    let disk = folder.path().join("disk");
    fs::File::create(&disk).unwrap().set_len(DISK).unwrap();
    run(Command::new("/usr/sbin/mkfs.ext4").args(["-q", "-F"]).arg(&disk));
    let socket = folder.path().join("files");
    let program = VIRTIOFSD.into_iter().find(|path| Path::new(path).is_file());
    let _files = Ended(
        Command::new(program.expect("install virtiofsd: cargo xtask test does"))
            .arg(format!("--socket-path={}", socket.display()))
            .args(["-o", "source=/", "-o", "cache=always", "-o", "sandbox=chroot", "-o", "log_level=err"])
            .spawn()
            .unwrap(),
    );
    while !socket.exists() {
        std::thread::yield_now();
    }
    let mut machine = Ended(machine(&socket, &disk, &initial).spawn().unwrap());
    let mut said = Vec::new();
    for line in BufReader::new(machine.0.stdout.take().unwrap()).lines().map_while(Result::ok) {
        say(&line);
        said.push(line.trim_end().to_owned());
    }
    assert!(said.iter().any(|line| line == "machine: 0"), "it failed, or did not come to its end");
    for tests in [&AS_SERVICE[..], &AS_USER[..]] {
        let passed = format!("test result: ok. {} passed", tests.len());
        assert!(said.iter().any(|line| line.starts_with(&passed)), "not all were run");
    }
}

#[expect(clippy::print_stdout, reason = "what the tests say is what a reader of this one wants to know")]
fn say(line: &str) {
    println!("{line}");
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Ended when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Its first program, the modules, and what it is to run.
fn initial(folder: &Path) -> PathBuf {
    let (tree, archive) = (folder.join("initial"), folder.join("archive"));
    for below in ["bin", "modules"] {
        fs::create_dir_all(tree.join(below)).unwrap();
    }
    let busybox = kernel::tools().join("busybox/bin/busybox");
    fs::copy(&busybox, tree.join("bin/busybox")).expect("install busybox-static: cargo xtask test does");
    fs::write(tree.join("init"), include_str!("version_two/init")).unwrap();
    fs::set_permissions(tree.join("init"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut order = String::new();
    for (name, bytes) in kernel::modules(&MODULES) {
        fs::write(tree.join("modules").join(&name), bytes).unwrap();
        order.push_str(&name);
        order.push('\n');
    }
    fs::write(tree.join("modules/order"), order).unwrap();
    let words = |tests: &[&str]| format!("--exact --test-threads=1 {}", tests.join(" "));
    let tests = include_str!("version_two/tests")
        .replace("PROGRAM", &std::env::current_exe().unwrap().display().to_string())
        .replace("AS_SERVICE", &words(&AS_SERVICE))
        .replace("AS_USER", &words(&AS_USER));
    fs::write(tree.join("tests"), tests).unwrap();
    let mut packer = Command::new(&busybox)
        .args(["cpio", "-o", "-H", "newc"])
        .current_dir(&tree)
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&archive).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut names = "init\ntests\nbin\nbin/busybox\nmodules\nmodules/order\n".to_owned();
    for module in MODULES {
        let name = Path::new(module).file_name().unwrap().to_str().unwrap();
        names.push_str(&format!("modules/{name}.ko\n"));
    }
    packer.stdin.take().unwrap().write_all(names.as_bytes()).unwrap();
    assert!(packer.wait().unwrap().success());
    archive
}

fn machine(files: &Path, disk: &Path, initial: &Path) -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    // What is slow to emulate is left out: pages of five levels, and memory that is cleared byte by byte.
    qemu.args(["-accel", "tcg,thread=multi", "-cpu", "max,la57=off,erms=off,fsrm=off", "-smp", "2"])
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"])
        .args(["-machine", "pc,memory-backend=memory", "-m", &MEMORY.to_string(), "-object"])
        .arg(format!("memory-backend-memfd,id=memory,size={MEMORY}M,share=on"))
        .arg("-chardev")
        .arg(format!("socket,id=files,path={}", files.display()))
        .args(["-device", "vhost-user-fs-pci,chardev=files,tag=machine"])
        .arg("-drive")
        .arg(format!("if=virtio,format=raw,cache=unsafe,file={}", disk.display()))
        .arg("-kernel")
        .arg(kernel::kernel())
        .arg("-initrd")
        .arg(initial)
        .args(["-append", "console=ttyS0 panic=-1 reboot=t quiet mitigations=off no_timer_check"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    qemu
}
