use serde::{Deserialize, Serialize};

/// An event source mapping: a source whose events the platform brings to a function in batches (Lambda API,
/// `CreateEventSourceMapping`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// A UUID. Of one that a manifest declares it is made of the app's, the function's and the event's names, so that it
    /// stays.
    pub id: String,
    /// The source's ARN.
    pub source: String,
    /// The version or alias of the function that gets the events; none is `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    pub enabled: bool,
    /// Records in one event, at most.
    pub batch: u32,
    /// Seconds that an event waits for more records.
    pub window: u32,
    /// Event patterns, as they were given. A record is wanted if one of them matches, or if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// How many invocations run at once, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Whether the function says which records of a batch failed (`ReportBatchItemFailures`).
    pub partial: bool,
}
