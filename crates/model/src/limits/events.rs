//! Limits of what wakes functions.

use std::time::Duration;

/// Seconds, the least and the most, that an asynchronous invocation may wait and be tried again (Lambda API,
/// `MaximumEventAgeInSeconds`).
pub const EVENT_AGE_MIN: u32 = 60;
pub const EVENT_AGE_MAX: u32 = 21_600;
/// Attempts after the first (Lambda API, `MaximumRetryAttempts`).
pub const EVENT_RETRIES_MAX: u32 = 2;
/// Between the first attempt and the second, and between the second and the third (Lambda Developer Guide, "How Lambda
/// handles errors and retries with asynchronous invocation").
pub const EVENT_RETRY_WAITS: [Duration; EVENT_RETRIES_MAX as usize] =
    [Duration::from_secs(60), Duration::from_secs(120)];
/// Between two attempts to have an event taken at all, when the function is throttled or the platform fails: it doubles
/// from the first to the second.
pub const EVENT_BACKOFF_MIN: Duration = Duration::from_secs(1);
pub const EVENT_BACKOFF_MAX: Duration = Duration::from_secs(300);
/// Seconds that an event is the worker's which took it; the worker asks for more in time. After a crash it is tried again
/// when they are over.
pub const EVENT_LEASE: u32 = 30;
/// Events of one function that are worked on at once.
pub const EVENTS_AT_ONCE: usize = 64;
/// How often a function may be woken by what came of itself before it is stopped (Lambda Developer Guide, "Use Lambda
/// recursive loop detection to prevent infinite loops").
pub const WAKES_OF_ITSELF: u32 = 16;
/// Functions that a trace remembers to have woken.
pub const LINEAGE_FUNCTIONS: usize = 24;
/// Buses and topics that one event goes through on its way.
pub const DELIVERY_DEPTH: u32 = 5;
/// Bytes of a topic's name.
pub const TOPIC_NAME_SIZE: usize = 256;
/// Bytes of an event bus's name.
pub const BUS_NAME_SIZE: usize = 256;
/// How long a poller rests, at the most, while its function is throttled or its source cannot be read.
pub const POLLER_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Jobs that a poller begins with at once.
pub const POLLER_START: usize = 5;
/// Seconds after which a poller whose function is gone looks whether it is needed still.
pub const POLLER_IDLE: u32 = 600;
/// Characters of a destination's ARN (Lambda API, `DestinationArn`).
pub const DESTINATION_SIZE: usize = 350;
