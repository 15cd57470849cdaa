//! Limits of what manifests declare beside functions. What a service limits itself has its limit there.

/// Queues, topics, subscriptions, buses, rules, archives and schedules of one app (CloudFormation User Guide, "Understand
/// CloudFormation quotas", "Resources").
pub const RESOURCES_PER_APP: usize = 500;
/// Bytes of a thing's name in `sonagi.toml`.
pub const DECLARED_NAME_SIZE: usize = 64;
