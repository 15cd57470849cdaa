//! What a release declares beside functions: queues, topics, rules, schedules.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that a release declares, as the service that has it takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub kind: ResourceKind,
    /// Its name on the platform, for kinds whose things have names.
    pub name: String,
    /// As the service's API calls them, with ARNs where a manifest has references.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// Whether it stays when no release declares it any more.
    #[serde(default)]
    pub retain: bool,
}

/// In the order in which they are made: a later kind may name things of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceKind {
    /// Properties are `Attributes` of SQS's `CreateQueue`, and `Tags`, which are texts by their keys.
    Queue,
    /// Properties are those of SNS's `CreateTopic`: `Attributes` and `Tags`, a list of `Key` and `Value`.
    Topic,
    /// Properties are those of SNS's `Subscribe`: `TopicArn`, `Protocol`, `Endpoint`, `Attributes`.
    Subscription,
    /// Properties are those of EventBridge's `CreateEventBus`.
    Bus,
    /// Properties are those of EventBridge's `PutRule`, and `Targets` as `PutTargets` has them.
    Rule,
    /// Properties are those of EventBridge's `CreateArchive`.
    Archive,
    /// Of EventBridge Scheduler.
    ScheduleGroup,
    /// Properties are those of EventBridge Scheduler's `CreateSchedule`, but that `ScheduleExpression` may be five fields as
    /// well, and that `StartDate` and `EndDate` are texts in ISO 8601.
    Schedule,
}
