//! Limits of event buses (EventBridge User Guide, "Amazon EventBridge quotas", and EventBridge API Reference, unless it
//! says otherwise).

use std::time::Duration;

/// Event buses, the default one included.
pub const BUSES: usize = 100;
/// Buses whose rules are kept ready.
pub const BUSES_KNOWN: usize = 1_024;
/// Rules on one bus.
pub const BUS_RULES: usize = 300;
/// Targets of one rule.
pub const BUS_TARGETS: usize = 5;
/// Targets that one request puts or removes.
pub const BUS_TARGETS_AT_ONCE: usize = 10;
/// Events of one request.
pub const BUS_ENTRIES: usize = 10;
/// Bytes of all events of one request ("Calculating PutEvents event entry size").
pub const BUS_EVENTS_SIZE: usize = 1 << 20;
/// Bytes that a time counts as, in an event's size.
pub const BUS_TIME_SIZE: usize = 14;
/// Bytes of a request's body: the largest events fit however they are escaped.
pub const BUS_BODY_SIZE: usize = 6 * BUS_EVENTS_SIZE + (256 << 10);
/// Characters of an event's detail type.
pub const BUS_DETAIL_TYPE_SIZE: usize = 128;
/// Characters of an event's trace header.
pub const BUS_TRACE_SIZE: usize = 500;
/// Bytes of a bus's policy.
pub const BUS_POLICY_SIZE: usize = 10_240;
/// Characters of a bus's, a rule's, an archive's and a replay's description.
pub const BUS_DESCRIPTION_SIZE: usize = 512;
/// Characters of an ARN.
pub const BUS_ARN_SIZE: usize = 1_600;
/// Characters of an event pattern before it is looked at; [`BUS_PATTERN_SIZE`](super::BUS_PATTERN_SIZE) is what it may have.
pub const BUS_PATTERN_TEXT: usize = 4_096;
/// Characters of a rule's name.
pub const RULE_NAME_SIZE: usize = 64;
/// Characters of a target's id.
pub const TARGET_ID_SIZE: usize = 64;
/// Characters of a target's constant input.
pub const TARGET_INPUT_SIZE: usize = 8_192;
/// Characters of a message group's name in a target.
pub const TARGET_GROUP_SIZE: usize = 100;
/// Attempts after the first that a target may ask for.
pub const TARGET_RETRIES_MAX: u32 = 185;
/// Seconds, the least and the most, that a target may ask to be tried for.
pub const TARGET_AGE_MIN: u32 = 60;
pub const TARGET_AGE_MAX: u32 = 86_400;
/// Things of one page of a listing.
pub const BUS_LIST: usize = 100;
/// Times that one event is passed on from bus to bus, on all its ways together.
pub const BUS_PASSES: usize = 1_000;
/// Characters of an archive's name.
pub const ARCHIVE_NAME_SIZE: usize = 48;
/// Archives.
pub const ARCHIVES: usize = 100;
/// Archived events that one transaction removes.
pub const ARCHIVE_CLEARED_AT_ONCE: usize = 100;
/// Characters of a replay's name.
pub const REPLAY_NAME_SIZE: usize = 64;
/// Replays that are under way at once.
pub const REPLAYS: usize = 10;
/// Events that one transaction of a replay sends.
pub const REPLAYED_AT_ONCE: usize = 10;
/// How long a replay that is over is remembered.
pub const REPLAY_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// How often archives are looked through for what is too old.
pub const ARCHIVE_TIDY: Duration = Duration::from_secs(600);
/// Between two attempts to go on with replays when the records fail.
pub const REPLAY_RETRY: Duration = Duration::from_secs(1);
