//! Queues by their ARNs.

use sonagi_model::{AccountId, Region};

use super::QueueName;

/// Whose and where all queues are.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub account: &'a AccountId,
    pub region: &'a Region,
}

/// Why an ARN names no queue here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadArn {
    Format,
    /// Of another account or region.
    Elsewhere,
}

impl Place<'_> {
    pub fn arn(&self, name: &QueueName) -> String {
        format!("arn:aws:sqs:{}:{}:{name}", self.region, self.account)
    }

    /// The queue that an ARN of this account and region names.
    pub fn of_arn(&self, arn: &str) -> Result<QueueName, BadArn> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "sqs", region, account, name] = fields[..] else { return Err(BadArn::Format) };
        if partition.is_empty() {
            return Err(BadArn::Format);
        }
        if region != self.region.as_str() || account != self.account.as_str() {
            return Err(BadArn::Elsewhere);
        }
        QueueName::new(name).map_err(|_| BadArn::Format)
    }
}
