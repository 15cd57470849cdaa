//! `/tmp` on disk: what it holds, that nothing stays in it, and that nothing of it stays.
//!
//! Where no disk can be had, as on a machine without loop devices, the clear refusal is what is tested.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use sonagi_model::Clock;
use sonagi_sandbox::process;

use crate::support::{Bench, PYTHON, Running};

/// Whether this machine can give environments disks.
pub(crate) fn there_are_disks() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    match process::try_disk(env!("CARGO_BIN_EXE_sonagi-launch").into(), Vec::new(), &place) {
        Ok(()) => true,
        Err(why) => {
            // All that may be lacking is known, and said with what to do about it.
            let known =
                ["runs as root", "e2fsprogs", "in memory itself", "less room", "loop device", "no ext4"];
            assert!(known.iter().any(|text| why.contains(text)), "{why}");
            false
        }
    }
}

/// Loop devices whose file is, or was, below a folder.
fn devices(folder: &Path) -> Vec<String> {
    let all = fs::read_dir("/sys/block").unwrap().flatten();
    let files = all.filter_map(|entry| fs::read_to_string(entry.path().join("loop/backing_file")).ok());
    files.filter(|file| Path::new(file).starts_with(folder)).collect()
}

/// Returns when there are none; they go with the last process that has one, which nobody waits for.
async fn no_devices(bench_clock: &dyn Clock, folder: &Path) {
    let patience = bench_clock.tick() + Duration::from_secs(20);
    while !devices(folder).is_empty() {
        assert!(bench_clock.tick() < patience, "{:?}", devices(folder));
        tokio::task::yield_now().await;
    }
}

const LOOK: &str = "\
import os
def look(path='/tmp'):
    of = os.statvfs(path)
    kind = [line.split(' - ')[1].split()[0] for line in open('/proc/self/mountinfo') if line.split()[4] == path]
    return {'kind': kind, 'free': of.f_bavail * of.f_frsize, 'files': of.f_ffree, 'there': os.listdir(path)}
";

fn look() -> String {
    format!("{LOOK}def handler(event, context):\n    return look()\n")
}

async fn asked(running: &mut Running) -> Value {
    serde_json::from_str(running.invoke("{}").await.success()).unwrap()
}

#[tokio::test]
async fn a_function_writes_more_than_its_memory_and_reads_it_again() {
    let bench = Bench::new();
    let text = format!(
        "{LOOK}import zlib\ndef handler(event, context):\n    wrote, read = 0, 0\n    \
         with open('/tmp/large', 'wb') as file:\n        for number in range(300):\n            \
         block = number.to_bytes(4, 'big') * (1 << 18)\n            wrote = zlib.crc32(block, wrote)\n            file.write(block)\n    \
         with open('/tmp/large', 'rb') as file:\n        while block := file.read(1 << 20): read = zlib.crc32(block, read)\n    \
         return [wrote == read, look()]\n"
    );
    let mut function = bench.function(PYTHON, &text);
    function.spec.memory = 256;
    let mut running = bench.start(function).await.unwrap();
    for _ in 0..2 {
        let done = running.invoke_within("{}".to_owned(), Duration::from_secs(60)).await;
        if there_are_disks() {
            let said: Value = serde_json::from_str(done.success()).unwrap();
            assert_eq!(said[0], true);
            assert_eq!(said[1]["kind"], serde_json::json!(["ext4"]));
            assert_eq!(said[1]["there"], serde_json::json!(["large"]));
        } else {
            assert_eq!(done.failure().0, "Runtime.OutOfMemory");
            return;
        }
    }
}

#[tokio::test]
async fn it_is_as_large_as_it_was_asked_for() {
    let bench = Bench::new();
    for size in [512, 600, 10_240] {
        let mut function = bench.function(PYTHON, &look());
        function.spec.ephemeral_storage = size;
        let mut running = bench.start(function).await.unwrap();
        let said = asked(&mut running).await;
        let bytes = u64::from(size) << 20;
        // The machine may not have room for the largest.
        if there_are_disks() && said["kind"] == serde_json::json!(["ext4"]) {
            assert_eq!(said["free"], bytes, "{said}");
            assert!(said["files"].as_u64().unwrap() >= (bytes >> 14) - 11, "{said}");
        } else {
            assert!(size > 600 || !there_are_disks(), "{said}");
        }
        assert_eq!(said["there"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn what_one_environment_leaves_no_other_finds() {
    let burdens = [
        "open('/tmp/secret', 'w').write('x' * (64 << 20))",
        "[os.makedirs('/tmp/a/b/c'), os.symlink('/', '/tmp/a/root'), os.chmod('/tmp/a/b', 0)]",
        "[open(f'/tmp/{number}', 'w') for number in range(900)]",
        "[open('/tmp/0', 'w').write('0'), [os.link('/tmp/0', f'/tmp/link{number}') for number in range(100)]]",
        // So many that it is thrown away, and so deep.
        "[os.close(os.open(f'/tmp/{number}', os.O_CREAT)) for number in range(12_000)]",
        "[os.chdir('/tmp'), [(os.mkdir('d'), os.chdir('d')) for _ in range(2_000)]]",
        // What is deleted and still open, and what is only promised.
        "[os.ftruncate(os.open('/tmp/sparse', os.O_CREAT | os.O_RDWR), 1 << 40), os.unlink('/tmp/sparse')]",
        "os.posix_fallocate(os.open('/tmp/held', os.O_CREAT | os.O_RDWR), 0, 400 << 20)",
        "[open('/tmp/own', 'w').close(), os.setxattr('/tmp/own', 'user.x', b'y')]",
    ];
    let bench = Bench::new();
    let before = asked(&mut bench.run(PYTHON, &look()).await).await;
    let text = format!("import os\ndef handler(event, context):\n    [{}][event]()\n", {
        let all: Vec<_> = burdens.iter().map(|burden| format!("lambda: {burden}")).collect();
        all.join(", ")
    });
    for number in 0..burdens.len() {
        let mut function = bench.function(PYTHON, &text);
        function.spec.memory = 512;
        let mut running = bench.start(function).await.unwrap();
        running.invoke_within(number.to_string(), Duration::from_secs(30)).await.success();
        drop(running);
        bench.driver.settled().await;
        // More than are made at the start, so that used ones are among them.
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(bench.run(PYTHON, &look()).await);
        }
        for running in &mut all {
            let now = asked(running).await;
            assert_eq!((&now["there"], &now["files"]), (&before["there"], &before["files"]), "{number}");
            let less = before["free"].as_u64().unwrap() - now["free"].as_u64().unwrap();
            assert!(less <= 256 << 10, "{number}: {less} bytes less");
        }
    }
}

const REFUSED: &str = "\
import errno, fcntl, os, struct
def tried(doing):
    try:
        doing()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'
def handler(event, context):
    file, folder = os.open('/tmp/own', os.O_CREAT | os.O_RDWR), os.open('/tmp', os.O_RDONLY)
    attributes = lambda project, flags: struct.pack('IIIII8x', flags, 0, 0, project, 0)
    on = lambda what, number, text: tried(lambda: fcntl.ioctl(what, number, text))
    return {
        'another project': on(file, 0x401C5820, attributes(7, 0)),
        'projects inherited': on(folder, 0x401C5820, attributes(0, 0x200)),
        'immutable': on(file, 0x40086602, struct.pack('q', 0x10)),
        'append only': on(file, 0x40086602, struct.pack('q', 0x20)),
        'journalled': on(file, 0x40086602, struct.pack('q', 0x4000)),
        'trim': on(folder, 0xC0185879, struct.pack('QQQ', 0, 1 << 62, 0)),
        'freeze': on(folder, 0xC0045877, struct.pack('i', 0)),
        'shut down': on(folder, 0x8004587D, struct.pack('I', 2)),
        'resize': on(folder, 0x40086610, struct.pack('Q', 1 << 30)),
        'boot loader': on(file, 0x6611, b''),
        'name it': on(folder, 0x41009432, b'x' * 256),
        'mode of /tmp': tried(lambda: os.chmod('/tmp', 0o777)),
        'attribute of /tmp': tried(lambda: os.setxattr('/tmp', 'user.x', b'y')),
        'device': tried(lambda: os.mknod('/tmp/disk', 0o60600, os.makedev(7, 0))),
        'too large a promise': tried(lambda: os.posix_fallocate(file, 0, 600 << 20)),
        'a hole': tried(lambda: os.ftruncate(file, 1 << 40)),
        'who may do it': os.stat('/tmp').st_mode & 0o7777,
    }
";

#[tokio::test]
async fn a_function_cannot_change_the_disk_itself() {
    let bench = Bench::new();
    let mut running = bench.run(PYTHON, REFUSED).await;
    let said = asked(&mut running).await;
    let not = |what: &str| said[what] != "done";
    for what in
        said.as_object().unwrap().keys().filter(|what| !matches!(what.as_str(), "a hole" | "who may do it"))
    {
        assert!(not(what), "{what}: {said}");
    }
    assert_eq!(said["too large a promise"], "ENOSPC", "{said}");
    assert_eq!(said["a hole"], "done", "{said}");
    assert_eq!(said["who may do it"], 0o1777, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_have_one_each() {
    let bench = Bench::new();
    let starts =
        (0..100).map(|_| bench.start_within(bench.function(PYTHON, &look()), Duration::from_secs(120)));
    let mut all = Vec::new();
    for started in futures_of(starts).await {
        all.push(started.unwrap());
    }
    let expected = if there_are_disks() { "ext4" } else { "tmpfs" };
    for running in &mut all {
        let said = asked(running).await;
        assert_eq!(said["kind"], serde_json::json!([expected]));
        assert_eq!(said["there"], serde_json::json!([]));
    }
    drop(all);
    let Bench { driver, clock, folder } = bench;
    drop(driver);
    no_devices(&*clock, folder.path()).await;
}

/// All of them, side by side.
async fn futures_of<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in all.iter_mut().filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        if all.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
}

/// The variable that has the test below be the server that it kills.
const SERVE: &str = "SONAGI_TEST_SERVE";

/// A server with an environment, until it is killed.
#[expect(clippy::print_stdout, reason = "this is how it tells the test that started it")]
async fn serve() {
    let bench = Bench::new();
    let mut running = bench.run(PYTHON, &look()).await;
    println!("kind {} in {}", asked(&mut running).await["kind"], bench.folder.path().display());
    std::future::pending::<()>().await;
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which is told so by a variable")]
fn is_to_serve() -> bool {
    std::env::var_os(SERVE).is_some()
}

#[tokio::test]
async fn nothing_is_left_of_a_server_that_is_killed_while_another_goes_on() {
    use std::io::BufRead;
    const NAME: &str = "disk::nothing_is_left_of_a_server_that_is_killed_while_another_goes_on";
    if is_to_serve() {
        return serve().await;
    }
    let bench = Bench::new();
    let mut other = bench.run(PYTHON, &look()).await;
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(SERVE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(server.stdout.take().unwrap()).lines();
    let said =
        lines.map_while(Result::ok).find_map(|line| Some(line.split_once("kind ")?.1.to_owned())).unwrap();
    let (kind, folder) = said.split_once(" in ").unwrap();
    let on_disk = there_are_disks();
    let expected = if on_disk { r#"["ext4"]"# } else { r#"["tmpfs"]"# };
    assert_eq!(kind, expected);
    assert_eq!(devices(Path::new(folder)).is_empty(), !on_disk);
    let pid = Pid::from_child(&server);
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    server.wait().unwrap();
    no_devices(&*bench.clock, Path::new(folder)).await;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(folder), "{mounts}");
    // It did not clean up, so its folder is there, and holds no file of this.
    fs::remove_dir_all(folder).unwrap();
    assert_eq!(asked(&mut other).await["there"], serde_json::json!([]));
}
