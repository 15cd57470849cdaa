//! Where event buses are among the records.
//!
//! ```text
//! events/bus/buses/<bus>                 the bus; the default one is there without a record until it is changed
//! events/bus/versions/<bus>              the commit that changed its rules or its archives last
//! events/bus/rules/<bus>0<rule>          a rule with its targets
//! events/bus/archives/<archive>          an archive: of which bus, what it wants, how long it keeps it
//! events/bus/held/<id>                   how many events an archive holds, and how many bytes
//! events/bus/gone/<id>                   an archive's id whose events are to be removed
//! events/bus/replays/<replay>            a replay, and how far it has come
//! events/bus/e<id><time><event>          an archived event, by its own time
//! ```
//!
//! Numbers are big-endian, so that they sort.

use sonagi_backend::records::after;
use sonagi_model::Timestamp;

use super::{ArchiveName, ReplayName, RuleName};
use crate::BusName;

pub(super) const BUSES: &[u8] = b"events/bus/buses/";
pub(super) const ARCHIVES: &[u8] = b"events/bus/archives/";
pub(super) const REPLAYS: &[u8] = b"events/bus/replays/";
pub(super) const GONE: &[u8] = b"events/bus/gone/";
const VERSIONS: &[u8] = b"events/bus/versions/";
const RULES: &[u8] = b"events/bus/rules/";
const HELD: &[u8] = b"events/bus/held/";
/// What follows begins with a zero byte, an id's first.
const EVENTS: &[u8] = b"events/bus/e";

/// An archive's events belong to this and not to its name.
pub(super) type Id = u64;

pub(super) fn bus(name: &BusName) -> Vec<u8> {
    [BUSES, name.as_str().as_bytes()].concat()
}

pub(super) fn version(name: &BusName) -> Vec<u8> {
    [VERSIONS, name.as_str().as_bytes()].concat()
}

/// What the keys of a bus's rules begin with.
pub(super) fn rules(bus: &BusName) -> Vec<u8> {
    [RULES, bus.as_str().as_bytes(), &[0]].concat()
}

pub(super) fn rule(bus: &BusName, rule: &RuleName) -> Vec<u8> {
    [&rules(bus), rule.as_str().as_bytes()].concat()
}

pub(super) fn archive(name: &ArchiveName) -> Vec<u8> {
    [ARCHIVES, name.as_str().as_bytes()].concat()
}

pub(super) fn held(id: Id) -> Vec<u8> {
    [HELD, &id.to_be_bytes()].concat()
}

pub(super) fn gone(id: Id) -> Vec<u8> {
    [GONE, &id.to_be_bytes()].concat()
}

pub(super) fn replay(name: &ReplayName) -> Vec<u8> {
    [REPLAYS, name.as_str().as_bytes()].concat()
}

/// Where the archived events from `time` on begin.
pub(super) fn events_from(id: Id, time: Timestamp) -> Vec<u8> {
    [EVENTS, &id.to_be_bytes(), &time.micros().to_be_bytes()].concat()
}

pub(super) fn event(id: Id, time: Timestamp, event: &str) -> Vec<u8> {
    [&events_from(id, time), event.as_bytes()].concat()
}

/// All events of an archive.
pub(super) fn events(id: Id) -> (Vec<u8>, Vec<u8>) {
    let all = [EVENTS, &id.to_be_bytes()[..]].concat();
    (all.clone(), after(&all))
}

/// The time in an archived event's key.
pub(super) fn time_of(key: &[u8]) -> Option<Timestamp> {
    let rest = key.get(EVENTS.len() + 8..)?;
    rest.first_chunk::<8>().map(|bytes| Timestamp(u64::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archived_events_sort_by_their_time_and_rules_lie_below_their_bus_alone() {
        let at = |time, name: &str| event(7, Timestamp(time), name);
        let (from, to) = events(7);
        assert!(from < at(0, "z") && at(1, "z") < at(2, "a") && at(u64::MAX, "z") < to);
        assert_eq!(time_of(&at(5, "a")), Some(Timestamp(5)));
        assert_eq!(time_of(&from), None);
        let [short, long] = ["shop", "shop.orders"].map(|name| BusName::new(name).unwrap());
        let rule = rule(&long, &RuleName::new("r").unwrap());
        assert!(rule.starts_with(&rules(&long)) && !rule.starts_with(&rules(&short)));
    }
}
