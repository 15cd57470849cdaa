//! Queue URLs and ARNs.

use sonagi_data::queues::{BadArn, Place, QueueName, Refusal};

use super::{
    Call,
    error::{Code, Fault},
};
use crate::platform::Parts;

/// Where a client that used that address finds the queue.
pub(super) fn url(parts: &Parts, call: &Call, name: &QueueName) -> String {
    format!("http://{}/{}/{name}", call.host, parts.config.account)
}

pub(super) fn arn(parts: &Parts, name: &QueueName) -> String {
    place(parts).arn(name)
}

/// The path of a request to a queue's own address.
pub(super) fn of_path(path: &str) -> Option<&str> {
    (path.len() > 1).then_some(path)
}

/// The queue that a URL names, whatever host it names; or that a path or, as with SQS, a name alone does.
pub(super) fn of_url(parts: &Parts, url: &str) -> Result<QueueName, Fault> {
    if url.is_empty() {
        return Err(Fault::missing("QueueUrl"));
    }
    let invalid = || {
        let url: String = url.chars().take(256).collect();
        Fault::new(Code::INVALID_ADDRESS, format!("The address {url} is not valid for this endpoint."))
    };
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').ok_or_else(invalid)?.1,
        None => url.trim_start_matches('/'),
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    let name = match path.rsplit_once('/') {
        Some((before, name)) => {
            let account = before.rsplit('/').next().unwrap_or_default();
            if account != parts.config.account.as_str() {
                return Err(Refusal::NoQueue.into());
            }
            name
        }
        None => path,
    };
    // What cannot be a queue's name is none's.
    QueueName::new(name).map_err(|_| Refusal::NoQueue.into())
}

/// The queue that an ARN of this account and region names.
pub(super) fn of_arn(parts: &Parts, arn: &str) -> Result<QueueName, BadArn> {
    place(parts).of_arn(arn)
}

/// Whose and where this platform's queues are.
pub(super) fn place(parts: &Parts) -> Place<'_> {
    Place { account: &parts.config.account, region: &parts.config.region }
}
