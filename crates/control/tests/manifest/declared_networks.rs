//! The file in which an operator declares networks.

use std::net::Ipv4Addr;

use sonagi_control::networks;
use sonagi_model::{
    limits,
    network::{Addresses, NamedNetwork, Networks, ToInternet, Way},
};

fn read(text: &str) -> Result<Networks, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("networks.toml");
    std::fs::write(&file, text).unwrap();
    networks::read(&file).map_err(|error| {
        let text = |problem: &sonagi_control::manifest::Problem| {
            format!("{}:{}: {}", problem.line, problem.column, problem.message)
        };
        error.problems.iter().map(text).collect()
    })
}

#[test]
fn what_is_declared_is_read() {
    let networks = read(
        "[network.office]\nallow = [\"10.20.0.0/16\", \"192.168.7.5/32:5432\"]\naddress = \"10.20.0.50\"\ndns = \
         [\"10.20.0.2\"]\nsubnets = [\"subnet-1\"]\nsecurity-groups = [\"sg-1\"]\n\n[network.lab]\nallow = \
         [\"10.30.0.0/24:8000-8010\"]\nbridge = \"br-lab\"\naddress = \"10.30.0.50-10.30.0.99/24\"\ngateway = \
         \"10.30.0.1\"\nvpc = \"vpc-1\"\n\n[network.out]\ninternet = true\n",
    )
    .unwrap();
    let [office, lab, out] = &networks.0[..] else { panic!("{networks:?}") };
    assert_eq!(
        office.allow.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.20.0.0/16", "192.168.7.5/32:5432"]
    );
    assert_eq!(office.way, Way::Translated { source: Some(Ipv4Addr::new(10, 20, 0, 50)) });
    assert_eq!(office.dns, [Ipv4Addr::new(10, 20, 0, 2)]);
    assert_eq!(
        (&office.subnets[..], &office.security_groups[..]),
        (&["subnet-1".into()][..], &["sg-1".into()][..])
    );
    assert_eq!(office.vpc, NamedNetwork::usual_vpc(&office.name));
    assert!(office.vpc.starts_with("vpc-") && office.vpc.len() == 21);
    let addresses = Addresses { first: [10, 30, 0, 50].into(), last: [10, 30, 0, 99].into(), prefix: 24 };
    let gateway = Some(Ipv4Addr::new(10, 30, 0, 1));
    assert_eq!(lab.way, Way::Bridge { bridge: "br-lab".into(), addresses, gateway });
    assert_eq!((lab.internet, out.internet, &*lab.vpc), (ToInternet::No, ToInternet::Yes, "vpc-1"));
    assert!(out.allow.is_empty());
}

#[test]
fn every_problem_is_said_with_its_line() {
    let problem = |line: &str, wanted: &str| {
        let allow = if line.starts_with("allow") { "" } else { r#"allow = ["10.0.0.0/8"]"# };
        let problems = read(&format!("[network.office]\n{line}\n{allow}\n")).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("2:") && problems[0].contains(wanted), "{line}: {problems:?}");
    };
    problem(r#"allow = ["10.20.0.0/33"]"#, "is no range of IPv4 addresses");
    problem(r#"allow = ["10.20.0.1/16"]"#, "write 10.20.0.0/16");
    problem(r#"allow = ["fd00::/8"]"#, "is no range of IPv4 addresses");
    problem(r#"allow = ["10.20.0.0/16:0"]"#, "neither a port nor a range of ports");
    problem(r#"allow = [5]"#, "an entry of `allow` must be text");
    problem(r#"allow = ["169.254.169.254/32"]"#, "no function gets there");
    problem(r#"allow = ["127.0.0.1/32:5432"]"#, "the function's own");
    problem(r#"allow = ["198.18.0.0/16"]"#, "those of environments");
    problem(r#"allow = "10.0.0.0/8""#, "`allow` must be a list");
    problem(r#"alow = ["10.0.0.0/8"]"#, "`alow` is not a key that network `office` has");
    problem(r#"internet = "yes""#, "true or false");
    problem(r#"dns = ["dns.example"]"#, "is no address of a name server");
    problem(r#"gateway = "10.0.0.1""#, "the machine is the gateway");
    problem(r#"address = "10.0.0.1-10.0.0.5/24""#, "a single one of this machine's");
    problem(r#"address = "10.20.0.50/24""#, "a single one of this machine's");
    for (address, wanted) in [
        ("10.20.0.50", "with the size of its network"),
        ("10.20.0.60-10.20.0.50/24", "with the size of its network"),
        ("10.20.0.50-10.21.0.50/24", "with the size of its network"),
        ("10.20.0.0-10.20.0.9/24", "which nobody can have"),
        ("10.20.0.9-10.20.0.255/24", "which nobody can have"),
        ("10.20.0.1-10.20.3.232/16", ""),
        ("10.20.0.1-10.20.3.233/16", "more than 1000 addresses"),
    ] {
        let text = format!(
            "[network.office]\nbridge = \"br0\"\naddress = \"{address}\"\nallow = [\"10.0.0.0/8\"]\n"
        );
        match read(&text) {
            Ok(_) => assert_eq!(wanted, "", "{address}"),
            Err(problems) => {
                assert!(problems[0].starts_with("3:11: ") && problems[0].contains(wanted), "{problems:?}");
            }
        }
    }
    let bridged = |keys: &str| {
        let text = format!(
            "[network.office]\nallow = [\"10.0.0.0/8\"]\naddress = \"10.0.0.5-10.0.0.9/24\"\n{keys}\n"
        );
        read(&text).unwrap_err().join("\n")
    };
    assert!(bridged("bridge = \"br 0\"").contains("cannot be an interface's name"));
    assert!(bridged("bridge = \"br0\"\ngateway = \"10.0.1.1\"").contains("an address of 10.0.0.0/24"));
    assert!(bridged("bridge = \"br0\"\ngateway = \"10.0.0.7\"").contains("that is not handed out"));
}

#[test]
fn what_concerns_the_whole_file_is_said_too() {
    let only = |text: &str| {
        let problems = read(text).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].clone()
    };
    assert!(only("").contains("has no `network`"));
    assert!(only("[network.office]\n").contains("has no `allow`"));
    assert!(only("[network.internet]\ninternet = true\n").contains("is not a network name"));
    assert!(only("[network.a]\ninternet = true\n[netwrk]\n").contains("`netwrk` is not a key"));
    assert!(only("network = 5\n").contains("must be a table"));
    let both =
        |keys: &str| format!("[network.a]\ninternet = true\n{keys}\n[network.b]\ninternet = true\n{keys}\n");
    assert!(only(&both("subnets = [\"subnet-1\"]")).contains("belongs to the network `a` already"));
    let bridge = "bridge = \"br0\"\naddress = \"10.0.0.5-10.0.0.9/24\"";
    assert!(only(&both(bridge)).contains("that the network `a` has already"));
    let many: String = (0..=limits::NETWORKS).map(|n| format!("[network.n{n}]\ninternet = true\n")).collect();
    assert!(only(&many).contains("more than 64 networks"));
    let ranges = vec!["\"10.0.0.0/8\""; limits::NETWORK_RANGES + 1].join(", ");
    assert!(only(&format!("[network.a]\nallow = [{ranges}]\n")).contains("more than 256 ranges"));
    let ids = vec!["\"subnet-1\""; limits::NETWORK_IDS + 1].join(", ");
    assert!(only(&format!("[network.a]\ninternet = true\nsubnets = [{ids}]\n")).contains("more than 64 ids"));
    let large = "#".repeat(limits::NETWORKS_SIZE + 1);
    assert!(only(&large).contains("larger than"));
    assert!(!read("[network").unwrap_err().is_empty());
}
