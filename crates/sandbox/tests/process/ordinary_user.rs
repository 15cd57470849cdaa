//! Networks where the server is an ordinary user's: by pasta, or by slirp4netns where that is missing.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sonagi_model::{Clock, function::Network, network::Networks};
use sonagi_sandbox::StartFailure;

use super::{
    machine::{Forwarding, OFFICE, PRIVATE, PUBLIC, UPLINK, become_ordinary_user, on_a_machine, run},
    named_networks::{does_not_reach, named, network, reaches},
    network::{TRAVELLER, ask, traveller},
    support::{Bench, PYTHON},
};

/// A copy of the launcher where an ordinary user comes.
pub(crate) fn launcher() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let own = folder.path().join("launcher");
    fs::copy(env!("CARGO_BIN_EXE_sonagi-launch"), &own).unwrap();
    (folder, own)
}

/// Hides programs of this machine's from the test.
fn hide(programs: &[&str]) {
    for program in programs {
        let path = format!("/usr/bin/{program}");
        // A device in its place is no program.
        if Path::new(&path).exists() {
            run(&format!("mount --bind /dev/null {path}"));
        }
    }
}

async fn all_of_it(program: &str) {
    let machine = TcpListener::bind("0.0.0.0:7777").unwrap();
    machine.set_nonblocking(true).unwrap();
    let (_folder, launcher) = launcher();
    become_ordinary_user();
    let mut bridged = network("static", &["10.20.0.0/16"]);
    bridged.way = sonagi_model::network::Way::Translated { source: Some(UPLINK.parse().unwrap()) };
    let mut office = network("office", &["10.20.0.0/16", "192.168.7.5/32:80"]);
    office.dns = vec![OFFICE[0].parse().unwrap()];
    let bench = Bench::of_ordinary_user(launcher, Networks(vec![office, bridged]));
    assert_eq!(sonagi_sandbox::process::internet(), Ok(program));

    let mut running = traveller(&bench, Network::Internet).await;
    assert_eq!(ask(&mut running, r#"["first"]"#).await, format!("reached {UPLINK}"));
    assert_eq!(ask(&mut running, r#"["bound", "93.184.216.34", 80]"#).await, format!("reached {UPLINK}"));
    assert_eq!(ask(&mut running, r#"["resolve", "example.com"]"#).await, PUBLIC);
    assert_eq!(ask(&mut running, r#"["resolve_tcp"]"#).await, "5db8d822");
    for address in PRIVATE.into_iter().chain(OFFICE) {
        does_not_reach(&mut running, address, 80).await;
    }
    // The machine, by each of its addresses and by those that the programs may have for it.
    for address in
        [UPLINK, "127.0.0.1", "198.18.0.2", "198.18.0.3", "198.18.0.1", "198.18.0.100", "198.19.255.53"]
    {
        does_not_reach(&mut running, address, 7777).await;
    }
    assert!(machine.accept().is_err());
    // Nor the other way: no port of the function's is the machine's.
    assert_eq!(ask(&mut running, r#"["serve", 7000]"#).await, "serves");
    assert!(std::net::TcpStream::connect("127.0.0.1:7000").is_err());

    let mut other = traveller(&bench, named("office")).await;
    for address in OFFICE {
        assert_eq!(reaches(&mut other, address, 80).await, format!("reached {UPLINK}"));
    }
    for (address, port) in [(OFFICE[1], 81), (PUBLIC, 80), (PRIVATE[0], 80), (PRIVATE[1], 80), (UPLINK, 7777)]
    {
        does_not_reach(&mut other, address, port).await;
    }
    assert_eq!(ask(&mut other, r#"["resolve", "files.example"]"#).await, OFFICE[0]);
    let help = bench.driver.grant(&named("static")).unwrap_err();
    assert!(help.contains("static address") && help.contains("as root"), "{help}");
    assert_eq!(tethers(std::process::id()).len(), 2);
    drop((running, other));
    bench.driver.settled().await;
    assert_eq!(tethers(std::process::id()), Vec::<u32>::new());
}

pub(crate) fn has(program: &str) -> bool {
    Path::new("/usr/bin").join(program).is_file()
}

#[test]
fn pasta_gives_an_ordinary_users_functions_what_they_are_granted() {
    assert!(has("pasta"), "install passt: cargo xtask test does");
    on_a_machine(Forwarding::Off, || async { all_of_it("pasta").await });
}

#[test]
fn slirp4netns_does_where_there_is_no_pasta() {
    assert!(has("slirp4netns"), "install slirp4netns: cargo xtask test does");
    on_a_machine(Forwarding::Off, || async {
        hide(&["pasta"]);
        all_of_it("slirp4netns").await;
    });
}

#[test]
fn where_there_is_neither_it_is_said_what_to_install_and_who_does_not_insist_goes_without() {
    on_a_machine(Forwarding::Off, || async {
        hide(&["pasta", "slirp4netns"]);
        let (_folder, launcher) = launcher();
        become_ordinary_user();
        let bench = Bench::of_ordinary_user(launcher, Networks::default());
        let mut function = bench.function(PYTHON, TRAVELLER);
        function.spec.network = Network::Internet;
        let refused = bench.start(function).await.err().unwrap();
        let StartFailure::Unsupported(text) = &refused else { panic!("{refused:?}") };
        assert!(text.contains("apt-get install passt"), "{text}");
        assert_eq!(bench.driver.grant(&Network::Internet), Err(text.clone()));
        assert_eq!(bench.driver.grant(&Network::InternetIfPossible), Ok(()));
        let mut running = traveller(&bench, Network::InternetIfPossible).await;
        assert!(ask(&mut running, r#"["first"]"#).await.starts_with("failed "));
    });
}

#[test]
fn a_function_may_have_as_many_processes_as_without_a_network() {
    on_a_machine(Forwarding::Off, || async {
        let (_folder, launcher) = launcher();
        become_ordinary_user();
        let bench = Bench::of_ordinary_user(launcher, Networks::default());
        let text = "import threading\ndef handler(event, context):\n    threading.stack_size(65536)\n    over = \
                    threading.Event()\n    count = 0\n    try:\n        while count < 5000:\n            \
                    threading.Thread(target=over.wait, daemon=True).start()\n            count += 1\n    except \
                    RuntimeError:\n        pass\n    over.set()\n    return count\n";
        let mut counts = Vec::new();
        for network in [Network::None, Network::Internet] {
            let mut function = bench.function(PYTHON, text);
            function.spec.network = network;
            function.spec.memory = 1_024;
            let mut running = bench.start(function).await.unwrap();
            counts.push(running.invoke("{}").await.success().parse::<u32>().unwrap());
        }
        assert!(counts[1] >= counts[0] && counts[1] <= counts[0] + 1, "{counts:?}");
    });
}

/// Says in which environment variable what a child of this test is to do.
const ROLE: &str = "SONAGI_TEST_TETHER";

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a child of the test is told and tells so"
)]
#[test]
fn what_connects_a_function_ends_with_a_server_that_is_killed() {
    on_a_machine(Forwarding::Off, || async {
        let (_folder, launcher) = launcher();
        if std::env::var_os(ROLE).is_some() {
            become_ordinary_user();
            let bench = Bench::of_ordinary_user(launcher, Networks::default());
            let mut running = traveller(&bench, Network::Internet).await;
            assert_eq!(ask(&mut running, r#"["first"]"#).await, format!("reached {UPLINK}"));
            println!("\nhelpers: {}", tethers(std::process::id()).len());
            std::future::pending::<()>().await;
        }
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "ordinary_user::what_connects_a_function_ends_with_a_server_that_is_killed",
                "--nocapture",
            ])
            .env(ROLE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = std::io::BufReader::new(server.stdout.take().unwrap());
        let mut lines = std::io::BufRead::lines(told).map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("helpers: ")).unwrap();
        assert_eq!(line, "helpers: 1");
        let below = tethers(server.id());
        if below.len() != 1 {
            server.kill().unwrap();
            panic!("{below:?} {}", run("ps -eo pid,ppid,comm,args"));
        }
        server.kill().unwrap();
        server.wait().unwrap();
        let clock = super::support::RealClock::new();
        let patience = clock.tick() + std::time::Duration::from_secs(10);
        while below.iter().any(|pid| alive(*pid)) {
            assert!(clock.tick() < patience, "the helper stays behind");
            std::thread::yield_now();
        }
    });
}

fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

/// The programs (passt is pasta's other name) that give environments of `server` their network: its children's children.
fn tethers(server: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32, String)> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, rest) = stat[stat.find('(')? + 1..].rsplit_once(") ")?;
            let parent = rest.split(' ').nth(1)?.parse().ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, parent, name.to_owned()))
        })
        .collect();
    let children = |of: u32| parents.iter().filter(move |(_, parent, _)| *parent == of);
    children(server)
        .flat_map(|(child, ..)| children(*child))
        .filter(|(_, _, name)| name.starts_with("pas") || name.starts_with("slirp4netns"))
        .map(|(pid, ..)| *pid)
        .collect()
}
