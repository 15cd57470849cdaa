//! Functions in machines.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use sonagi_model::{
    Digest,
    function::{Architecture, Function, Network, Package, Runtime},
};
use sonagi_sandbox::{Microvms, Opt, Outcome, StartFailure, Whose};

use crate::world::{ENDPOINT_PORT, PROVIDED, PYTHON, World};

/// It answers with what it can see of itself and of its machine.
const LOOKS: &str = r#"
import json, os, socket, sys, time

print("initialised")

def attempt(what):
    try:
        what()
        return "done"
    except OSError as error:
        return error.strerror

def handler(event, context):
    print("asked for", event["what"])
    print("and again", file=sys.stderr)
    if event["what"] == "fail":
        raise ValueError("as asked")
    if event["what"] == "exit":
        os._exit(7)
    if event["what"] == "hang":
        while True:
            time.sleep(1)
    with socket.create_connection(("127.0.0.1", PORT)) as platform:
        said = platform.recv(100).decode()
    with open("/tmp/kept", "a") as kept:
        kept.write("x")
    return {
        "event": event,
        "user": os.getuid(),
        "groups": os.getgroups(),
        "capabilities": [line for line in open("/proc/self/status") if line.startswith("Cap")],
        "processes": [name for name in os.listdir("/proc") if name.isdigit() and name != str(os.getpid())],
        "devices": sorted(os.listdir("/dev")),
        "interfaces": os.listdir("/sys/class/net") if os.path.exists("/sys") and os.listdir("/sys") else [],
        "tmp": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize,
        "kept": open("/tmp/kept").read(),
        "mounted": [line for line in open("/proc/self/mounts") if " /tmp " in line][0],
        "task": sorted(os.listdir("/var/task")),
        "layers": __import__("of_a_layer").NAME,
        "cwd": os.getcwd(),
        "variables": dict(os.environ),
        "clock": time.time(),
        "platform": said,
        "write to the layers": attempt(lambda: open("/opt/new", "w")),
        "write to the package": attempt(lambda: open("/var/task/new", "w")),
        "write to the root": attempt(lambda: open("/new", "w")),
        "write to the programs": attempt(lambda: open("/usr/bin/new", "w")),
        "leave": attempt(lambda: socket.create_connection(("93.184.216.34", 80), 1)),
        "make a device": attempt(lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(254, 0))),
        "set the clock": attempt(lambda: time.clock_settime(time.CLOCK_REALTIME, 0)),
        "reach the host": attempt(lambda: socket.socket(40, socket.SOCK_STREAM).connect((2, 1024))),
    }
"#;

/// One machine serves all of this: it takes seconds to boot one.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_in_a_machine_is_served_as_any_other_and_reaches_nothing_else() {
    let world = World::new().await;
    let mut looks = world.function(PYTHON, &LOOKS.replace("PORT", &ENDPOINT_PORT.to_string()));
    let folder = tempfile::tempdir_in(looks.code.parent().unwrap()).unwrap().keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(folder.join("python")).unwrap();
    fs::write(folder.join("python/of_a_layer.py"), "NAME = 'a layer'\n").unwrap();
    looks.opt = Some(Opt { digest: Digest::of(b"a layer"), folder });
    // A machine is not copied by SnapStart: it is initialised, and restored as it is.
    looks.initialization = sonagi_sandbox::Initialization::SnapStart;
    let mut function = world.start(looks).await.unwrap();
    assert_eq!(function.logs.of(None), ["initialised"]);

    let done = function.invoke(r#"{"what": "look"}"#).await;
    let seen = done.json();
    assert_eq!(done.finished.outcome, Outcome::Success);
    assert!(done.finished.reusable);
    // What it wrote is its request's, and was there before its answer.
    assert_eq!(function.logs.of(Some(done.request)), ["asked for look", "and again"]);
    assert_eq!(seen["event"]["what"], "look");
    assert_eq!(seen["user"], 993);
    assert_eq!(seen["groups"], serde_json::json!([]));
    for line in seen["capabilities"].as_array().unwrap() {
        assert!(line.as_str().unwrap().ends_with("\t0000000000000000\n"), "{line}");
    }
    assert_eq!(seen["processes"], serde_json::json!([]), "the init's are hidden");
    assert_eq!(
        seen["devices"],
        serde_json::json!(["fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"])
    );
    assert_eq!(seen["interfaces"], serde_json::json!([]));
    let tmp = seen["tmp"].as_u64().unwrap();
    assert!((512 << 20..530 << 20).contains(&tmp), "{tmp}");
    let mounted = seen["mounted"].as_str().unwrap();
    assert!(
        mounted.contains("nosuid") && mounted.contains("nodev") && mounted.contains(" ext4 "),
        "{mounted}"
    );
    assert_eq!(seen["task"], serde_json::json!(["app.py"]));
    assert_eq!(seen["layers"], "a layer");
    assert_eq!(seen["cwd"], "/var/task");
    assert_eq!(seen["platform"], "hello from the platform");
    let variables = &seen["variables"];
    assert_eq!(variables["GREETING"], "hello there");
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], "AKID");
    assert_eq!(variables["AWS_LAMBDA_INITIALIZATION_TYPE"], "snap-start");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "shop-search");
    assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:4566");
    assert_eq!(variables["LAMBDA_TASK_ROOT"], "/var/task");
    for (attempt, error) in [
        ("write to the package", "Read-only file system"),
        ("write to the layers", "Read-only file system"),
        ("write to the root", "Read-only file system"),
        ("write to the programs", "Read-only file system"),
        ("leave", "Network is unreachable"),
        ("make a device", "Operation not permitted"),
        ("set the clock", "Operation not permitted"),
    ] {
        assert_eq!(seen[attempt], error, "{attempt}");
    }
    // Nobody listens there any more.
    assert_ne!(seen["reach the host"], "done");
    let now = sonagi_model::Clock::now(&*world.clock).millis() as f64 / 1_000.0;
    assert!((seen["clock"].as_f64().unwrap() - now).abs() < 5.0, "{} is not {now}", seen["clock"]);
    // The peak of a Python, and less than the machine has.
    assert!((4 << 20..224 << 20).contains(&done.finished.memory_peak), "{}", done.finished.memory_peak);

    // The next call finds what the last one left.
    assert_eq!(function.answer(r#"{"what": "look again"}"#).await["kept"], "xx");

    let done = function.invoke(r#"{"what": "fail"}"#).await;
    assert_eq!(done.failure(), ("ValueError".into(), "as asked".into()));
    assert!(done.finished.reusable);

    let done = function.invoke(r#"{"what": "exit"}"#).await;
    let (error_type, message) = done.failure();
    assert_eq!(error_type, "Runtime.ExitError");
    assert!(message.ends_with("Runtime exited with error: exit status 7"), "{message}");
    assert_eq!(function.logs.of(Some(done.request)), ["asked for exit", "and again"]);
    assert!(!done.finished.reusable);
    drop(function);
    world.is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_ended_at_the_deadline_and_a_custom_runtime_is_served_too() {
    const BOOTSTRAP: &str = r#"#!/bin/bash
echo "in a shell"
next=http/1.1
exec 3<>/dev/tcp/127.0.0.1/9001
printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n' >&3
while read -r line <&3; do
    line="${line%$'\r'}"
    case "$line" in
        Lambda-Runtime-Aws-Request-Id:*) id="${line#*: }" ;;
        Content-Length:*) size="${line#*: }" ;;
        "") break ;;
    esac
done
read -r -N "$size" event <&3
if [ "$event" = '"hang"' ]; then sleep 1000; fi
printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n%s' \
    "$id" "${#event}" "$event" >&3
kill -KILL $$
"#;
    let world = World::new().await;
    let spec = world.function(PROVIDED, BOOTSTRAP);
    let mut function = world.start(spec).await.unwrap();
    assert_eq!(function.logs.of(None), ["in a shell"]);
    let before = sonagi_model::Clock::tick(&*world.clock);
    let done = function.invoke_within("\"hang\"", Duration::from_secs(2)).await;
    assert_eq!(done.failure().0, "Sandbox.Timedout");
    assert!(!done.finished.reusable);
    let took = sonagi_model::Clock::tick(&*world.clock).since(before);
    assert!(took < Duration::from_secs(10), "{took:?}");
    drop(function);
    world.is_left().await;

    // What cannot be started is the function's own failure.
    let failure = world.start(world.function(PROVIDED, "#!/nowhere/sh\n")).await.err().unwrap();
    let StartFailure::Init { failure, .. } = failure else { panic!("{failure:?}") };
    assert_eq!(failure.error_type, "Runtime.InvalidEntrypoint");
    let text = String::from_utf8(failure.payload.to_vec()).unwrap();
    assert!(text.contains("fork/exec /var/task/bootstrap: no such file or directory"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_uses_up_its_machines_memory_is_told_so_and_what_no_machine_can_run_is_refused() {
    let world = World::new().await;
    // Bit by bit: the kernel refuses at once what is more than it has, and then the function fails by itself.
    let text =
        "def handler(event, context):\n    return [bytearray(b'x') * (1 << 20) for _ in range(1000)]\n";
    let mut function = world.start(world.function(PYTHON, text)).await.unwrap();
    let done = function.invoke("{}").await;
    assert_eq!(done.failure().0, "Runtime.OutOfMemory");
    assert!(!done.finished.reusable);
    drop(function);

    type Change = fn(&mut sonagi_sandbox::EnvironmentSpec);
    let refusals: [(Change, &str); 3] = [
        (|spec| spec.network = Network::Internet, "this server has no network for microVMs: leave out"),
        (|spec| spec.architecture = Architecture::Arm64, "this machine's processor, x86_64"),
        (|spec| spec.runtime = Runtime::Nodejs { major: 20 }, "nodejs20.x is not in the root file system"),
    ];
    for (change, expected) in refusals {
        let mut spec = world.function(PYTHON, text);
        change(&mut spec);
        let failure = world.start(spec).await.err().unwrap();
        let StartFailure::Unsupported(why) = failure else { panic!("{failure:?}") };
        assert!(why.contains(expected), "{why}");
    }
    // The same at deploy, of a server that runs all functions in machines, though this one does not ask for it.
    let function = |runtime| {
        let package = Package { digest: Digest::of(b"shop"), size: 4 };
        let (name, lambda_name) = ("search".parse().unwrap(), "shop-search".parse().unwrap());
        Function::new(name, lambda_name, runtime, "app.handler".into(), package)
    };
    let driver = Ok(std::sync::Arc::clone(&world.driver));
    let all = Microvms { driver, whose: Whose::All };
    assert_eq!(all.check(&function(PYTHON)), Ok(()));
    let why = all.check(&function(Runtime::Nodejs { major: 20 })).unwrap_err();
    assert!(why.contains("nodejs20.x is not in the root file system"), "{why}");
    assert_eq!(
        Microvms { whose: Whose::WhoAsks, ..all }.check(&function(Runtime::Nodejs { major: 20 })),
        Ok(())
    );
    world.is_left().await;
}
