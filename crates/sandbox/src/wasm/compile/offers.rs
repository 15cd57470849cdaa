//! What components may import, by name: for the texts that tell a deployer what is missing. What is really there is
//! what the linker holds; a test keeps the two together.

use sonagi_model::function::WasiVersion;

use super::super::linker::NOT_OFFERED;

/// A package and its interfaces.
struct Offer {
    package: &'static str,
    version: Version,
    interfaces: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `0.2` with any patch number.
    Line(&'static str),
    /// A draft or a candidate: this one alone.
    Only(&'static str),
}

const OFFERS: [Offer; 15] = [
    Offer { package: "wasi:http", version: P2, interfaces: &["types", "outgoing-handler"] },
    Offer { package: "wasi:io", version: P2, interfaces: &["error", "poll", "streams"] },
    Offer { package: "wasi:clocks", version: P2, interfaces: &["wall-clock", "monotonic-clock"] },
    Offer { package: "wasi:random", version: P2, interfaces: RANDOM },
    Offer { package: "wasi:cli", version: P2, interfaces: CLI },
    Offer { package: "wasi:filesystem", version: P2, interfaces: FILESYSTEM },
    Offer { package: "wasi:config", version: Version::Only("0.2.0-rc.1"), interfaces: &["store"] },
    Offer { package: "wasi:keyvalue", version: Version::Only("0.2.0-draft"), interfaces: KEYVALUE },
    Offer { package: "wasi:keyvalue", version: Version::Only("0.2.0-draft2"), interfaces: KEYVALUE },
    Offer { package: "wasi:http", version: P3, interfaces: &["types", "client"] },
    Offer { package: "wasi:clocks", version: P3, interfaces: &["types", "monotonic-clock", "system-clock"] },
    Offer { package: "wasi:random", version: P3, interfaces: RANDOM },
    Offer { package: "wasi:cli", version: P3, interfaces: CLI },
    Offer { package: "wasi:cli", version: P3, interfaces: &["types"] },
    Offer { package: "wasi:filesystem", version: P3, interfaces: FILESYSTEM },
];

const P2: Version = Version::Line("0.2");
const P3: Version = Version::Line("0.3");
const RANDOM: &[&str] = &["random", "insecure", "insecure-seed"];
const FILESYSTEM: &[&str] = &["types", "preopens"];
const KEYVALUE: &[&str] = &["store", "atomics", "batch"];
const CLI: &[&str] = &[
    "environment",
    "exit",
    "stdin",
    "stdout",
    "stderr",
    "terminal-input",
    "terminal-output",
    "terminal-stdin",
    "terminal-stdout",
    "terminal-stderr",
];

/// Why an import is not satisfied; none if it is.
pub(super) fn refusal(import: &str, wasi: WasiVersion) -> Option<String> {
    // Interpreters import sockets whether a program needs them or not; calls fail, with a word on why.
    if import.starts_with(NOT_OFFERED) {
        return None;
    }
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let (package, name) = interface.split_once('/').unwrap_or((interface, ""));
    let of_package: Vec<&Offer> = OFFERS.iter().filter(|offer| offer.package == package).collect();
    let fits = |offer: &&&Offer| offer.interfaces.contains(&name) && offer.version.admits(version);
    if let Some(offer) = of_package.iter().find(fits) {
        return match (offer.version, wasi) {
            (P3, WasiVersion::P2) => Some(format!(
                "the component imports `{import}`. Interfaces of 0.3 are there for functions that say `wasi = \"0.3\"`"
            )),
            _ => None,
        };
    }
    let offered: Vec<&&Offer> = of_package.iter().filter(|offer| offer.version.is_for(wasi)).collect();
    if offered.is_empty() {
        return Some(format!(
            "the component imports `{import}`, which is not offered. Offered are {}. Build the component without it, or \
             compose what it needs into it (`wac plug`)",
            packages(wasi)
        ));
    }
    let known = of_package.iter().any(|offer| offer.interfaces.contains(&name));
    if known {
        let versions: Vec<String> = of_package
            .iter()
            .filter(|offer| offer.interfaces.contains(&name))
            .map(|offer| offer.version.text())
            .collect();
        return Some(format!(
            "the component imports `{import}`. Of `{interface}` the versions that work are {}: build it with one of these",
            versions.join(", ")
        ));
    }
    let mut interfaces: Vec<String> = offered
        .iter()
        .flat_map(|offer| offer.interfaces.iter().map(|name| format!("{package}/{name}")))
        .collect();
    interfaces.sort();
    interfaces.dedup();
    Some(format!(
        "the component imports `{import}`, which is not offered. Of that package there are {}",
        interfaces.join(", ")
    ))
}

/// The packages that are offered, with their versions.
pub(super) fn packages(wasi: WasiVersion) -> String {
    let mut packages: Vec<String> = OFFERS
        .iter()
        .filter(|offer| offer.version.is_for(wasi))
        .map(|offer| format!("{}@{}", offer.package, offer.version.number()))
        .collect();
    packages.sort();
    packages.dedup();
    packages.join(", ")
}

/// Whether a released `version` such as `0.2.10` belongs to a `line` such as `0.2`.
pub(super) fn is_of(version: &str, line: &str) -> bool {
    version.strip_prefix(line).and_then(|rest| rest.strip_prefix('.')).is_some_and(|patch| {
        !patch.is_empty() && patch.len() <= 9 && patch.bytes().all(|byte| byte.is_ascii_digit())
    })
}

impl Version {
    fn admits(self, version: &str) -> bool {
        match self {
            Self::Line(line) => is_of(version, line),
            Self::Only(only) => version == only,
        }
    }

    fn is_for(self, wasi: WasiVersion) -> bool {
        self != P3 || wasi == WasiVersion::P3
    }

    fn number(self) -> &'static str {
        match self {
            Self::Line(number) | Self::Only(number) => number,
        }
    }

    fn text(self) -> String {
        match self {
            P3 => "0.3.x with `wasi = \"0.3\"`".to_owned(),
            Self::Line(line) => format!("{line}.x"),
            Self::Only(only) => only.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::{engine::compiling, linker::linker};
    use wasmtime::component::Component;

    #[test]
    fn what_is_said_to_be_offered_is_linked() {
        for wasi in [WasiVersion::P2, WasiVersion::P3] {
            let engine = compiling(wasi).unwrap();
            let linker = linker(&engine, wasi).unwrap();
            for offer in OFFERS.iter().filter(|offer| offer.version.is_for(wasi)) {
                for name in offer.interfaces {
                    let version = match offer.version {
                        Version::Line(line) => format!("{line}.0"),
                        Version::Only(only) => only.to_owned(),
                    };
                    let import = format!("{}/{name}@{version}", offer.package);
                    let text = format!("(component (import \"{import}\" (instance)))");
                    let component = Component::new(&engine, wat::parse_str(&text).unwrap()).unwrap();
                    assert!(linker.instantiate_pre(&component).is_ok(), "{import} is not linked");
                    assert_eq!(refusal(&import, wasi), None);
                }
            }
        }
    }

    #[test]
    fn only_a_released_version_is_of_its_line() {
        assert!(is_of("0.2.0", "0.2") && is_of("0.2.12", "0.2"));
        for version in ["0.2", "0.2.", "0.20.1", "0.2.0-rc.1", "0.2.x", "0.3.0", "", "0.2.99999999999"] {
            assert!(!is_of(version, "0.2"), "{version}");
        }
    }
}
