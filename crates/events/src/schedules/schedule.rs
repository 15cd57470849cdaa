//! A schedule, as it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use sonagi_backend::{Error as BackendError, Transaction};
use sonagi_model::{AccountId, AppName, Region, Timestamp, limits};

use super::{damaged, layout, target::Action};

/// The name of a schedule or a group: 1 to 64 letters, digits, hyphens, underscores and dots (EventBridge Scheduler API,
/// `Name`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScheduleName(String);

impl ScheduleName {
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=limits::SCHEDULE_NAME_SIZE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of the group that is always there.
    pub fn is_default(&self) -> bool {
        self.0 == "default"
    }
}

/// The group that is always there.
impl Default for ScheduleName {
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for ScheduleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ScheduleName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("a schedule's name wants 1 to 64 letters, digits and any of -_.")
    }
}

impl From<ScheduleName> for String {
    fn from(name: ScheduleName) -> Self {
        name.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum State {
    #[default]
    Enabled,
    Disabled,
}

/// What becomes of a schedule that has no time to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Completion {
    #[default]
    None,
    Delete,
}

/// What a schedule is told to be (EventBridge Scheduler API, `CreateSchedule`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub expression: String,
    /// An IANA time zone.
    pub zone: String,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub description: Option<String>,
    pub state: State,
    /// Kept and shown.
    pub key: Option<String>,
    /// Minutes; none: it runs at its times.
    pub window: Option<u32>,
    pub completion: Completion,
    pub target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub arn: String,
    /// Kept and shown.
    pub role: String,
    pub input: Option<String>,
    pub retry: Retry,
    /// The ARN of a queue.
    pub dead_letters: Option<String>,
    /// `SqsParameters.MessageGroupId`.
    pub message_group: Option<String>,
    pub event: Option<EventParameters>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Seconds.
    pub age: u32,
    pub attempts: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { age: limits::SCHEDULE_AGE_MAX, attempts: limits::SCHEDULE_RETRIES_MAX }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventParameters {
    pub kind: String,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub group: ScheduleName,
    pub name: ScheduleName,
    pub settings: Settings,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// The `ClientToken` of its creation.
    pub(super) token: Option<String>,
    /// What a `rate()` without a start date counts from.
    pub(super) since: Timestamp,
    /// Its next time, before its window; none if it is disabled or nothing is to come.
    pub(super) next: Option<Timestamp>,
}

impl Schedule {
    pub fn arn(&self, account: &AccountId, region: &Region) -> String {
        format!("arn:aws:scheduler:{region}:{account}:schedule/{}/{}", self.group, self.name)
    }

    pub(super) fn timer(&self) -> String {
        layout::timer(&self.group, &self.name)
    }

    pub(super) fn find(t: &mut dyn Transaction, timer: &str) -> Result<Option<Self>, BackendError> {
        t.get(&layout::schedule(timer))?.map(|record| Self::decode(&record)).transpose()
    }

    pub(super) fn decode(record: &[u8]) -> Result<Self, BackendError> {
        serde_json::from_slice(record).map_err(|_| damaged("a schedule"))
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> Result<(), BackendError> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a schedule"))?;
        t.put(&layout::schedule(&self.timer()), &record)
    }

    /// Whether `other` would run at the same times.
    pub(super) fn runs_as(&self, other: &Settings) -> bool {
        let Settings { expression, zone, start, end, state, window, .. } = &self.settings;
        *expression == other.expression
            && *zone == other.zone
            && *start == other.start
            && *end == other.end
            && *state == other.state
            && *window == other.window
    }
}

impl Target {
    /// What it does; it was checked when the schedule was made.
    pub(super) fn action(&self, account: &AccountId, region: &Region) -> Option<Action> {
        Action::parse(&self.arn, account, region).ok()
    }
}
