//! EventBridge (Amazon EventBridge API Reference, version 2015-10-07) over `events::bus`, in AWS JSON 1.1.
//!
//! ```text
//!   head ──► admit ──► Operation ──► a handler: its input's struct ──► Buses ──► its output's struct
//! ```
//!
//! Start reading at [`handle`], then [`operation`], which lists every operation. Always true here: a handler asks whether
//! the caller may before it looks anything up, but for a bus's own policy.

mod address;
mod archives;
mod buses;
mod checks;
mod error;
mod operation;
mod page;
mod permissions;
mod put;
mod replays;
mod rules;
mod tags;
mod targets;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, request::Parts as Head};
use serde::{Deserialize, Serialize};
use sonagi_events::{
    BusName,
    bus::{Buses, RuleName},
};
use sonagi_identity::{
    Access, Principal,
    policy::{Given, Policies},
};
use sonagi_model::{
    Timestamp, limits,
    policy::{Document, Purpose},
};

use super::admit;
use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};
use error::Fault;
use operation::Operation;

type Answer = Result<Response<ResponseBody>, Fault>;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// A request that was let in.
struct Call<'a> {
    parts: &'a Parts,
    buses: Buses,
    operation: Operation,
    principal: Principal,
    body: Bytes,
    /// `X-Amzn-Trace-Id`, which an event carries on.
    trace: Option<String>,
}

pub(super) async fn handle(parts: &Parts, head: Head, body: Body) -> Response<ResponseBody> {
    answer(parts, head, body).await.unwrap_or_else(|fault| fault.respond())
}

async fn answer(parts: &Parts, head: Head, body: Body) -> Answer {
    let (principal, body) = admit::admit(parts, &head, body, limits::BUS_BODY_SIZE, &["events"]).await?;
    let operation = operation::of_target(&head)?;
    let (buses, trace) = (parts.events.buses(), admit::trace(&head));
    let call = Call { parts, buses, operation, principal, body, trace };
    match operation {
        Operation::PutEvents => put::put(&call).await,
        Operation::TestEventPattern => put::test(&call),
        Operation::CreateEventBus => buses::create(&call).await,
        Operation::UpdateEventBus => buses::update(&call).await,
        Operation::DeleteEventBus => buses::delete(&call).await,
        Operation::DescribeEventBus => buses::describe(&call).await,
        Operation::ListEventBuses => buses::list(&call).await,
        Operation::PutPermission => permissions::put(&call).await,
        Operation::RemovePermission => permissions::remove(&call).await,
        Operation::PutRule => rules::put(&call).await,
        Operation::DeleteRule => rules::delete(&call).await,
        Operation::DescribeRule => rules::describe(&call).await,
        Operation::EnableRule => rules::enable(&call).await,
        Operation::DisableRule => rules::disable(&call).await,
        Operation::ListRules => rules::list(&call).await,
        Operation::ListRuleNamesByTarget => rules::list_by_target(&call).await,
        Operation::PutTargets => targets::put(&call).await,
        Operation::RemoveTargets => targets::remove(&call).await,
        Operation::ListTargetsByRule => targets::list(&call).await,
        Operation::TagResource => tags::tag(&call).await,
        Operation::UntagResource => tags::untag(&call).await,
        Operation::ListTagsForResource => tags::list(&call).await,
        Operation::CreateArchive => archives::create(&call).await,
        Operation::UpdateArchive => archives::update(&call).await,
        Operation::DeleteArchive => archives::delete(&call).await,
        Operation::DescribeArchive => archives::describe(&call).await,
        Operation::ListArchives => archives::list(&call).await,
        Operation::StartReplay => replays::start(&call).await,
        Operation::CancelReplay => replays::cancel(&call).await,
        Operation::DescribeReplay => replays::describe(&call).await,
        Operation::ListReplays => replays::list(&call).await,
    }
}

impl Call<'_> {
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| Fault::serialization(error.to_string()))
    }

    /// Whether the caller may do this to what has no policy of its own.
    fn may(&self, resource: &str) -> Result<(), Fault> {
        self.may_under(resource, None, &[])
    }

    /// Whether the caller may do this to a rule.
    fn may_rule(&self, bus: &BusName, rule: &RuleName) -> Result<(), Fault> {
        self.may(&self.buses.rule_arn(bus, rule))
    }

    /// Whether the caller may do this to a bus.
    async fn may_bus(&self, bus: &BusName) -> Result<(), Fault> {
        let policy = self.policy_of(bus).await;
        self.may_under(&self.buses.arn(bus), policy.as_ref(), &[])
    }

    /// A bus's policy, for those whom it can let in.
    async fn policy_of(&self, bus: &BusName) -> Option<Policies> {
        match &self.principal {
            Principal::Function { .. } | Principal::Service { .. } => {
                let policy = self.buses.find(bus).await.ok()?.policy?;
                let document = Document::parse(&policy, Purpose::Resource).ok()?;
                Some(Policies::compile(&[document]))
            }
            Principal::Operator { .. } | Principal::Anonymous => None,
        }
    }

    fn may_under(
        &self,
        resource: &str,
        policy: Option<&Policies>,
        context: &[(&str, Given<'_>)],
    ) -> Result<(), Fault> {
        let now = self.parts.clock.now();
        let access = Access::new(&self.principal, self.operation.action(), resource, now);
        let access = access.under(policy).with(context);
        self.parts.identity.may(&access).map_err(|error| Fault::identity(&error))
    }

    fn answer<T: Serialize>(&self, output: &T) -> Answer {
        let body = serde_json::to_vec(output).map_err(|error| Fault::internal(&error))?;
        Ok(respond(StatusCode::OK, body))
    }

    /// The answer of an operation that has nothing to say.
    fn done(&self) -> Answer {
        Ok(respond(StatusCode::OK, b"{}".as_slice()))
    }
}

fn respond(status: StatusCode, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    response
}

/// A time as it is written: seconds since 1970.
fn seconds(time: Timestamp) -> f64 {
    time.millis() as f64 / 1_000.0
}

/// The last second of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// A time as it is read.
fn time(seconds: f64) -> Result<Timestamp, Fault> {
    if (0.0..=LAST_SECOND).contains(&seconds) {
        Ok(Timestamp::from_millis((seconds * 1_000.0).round() as u64))
    } else {
        Err(Fault::serialization(format!("{seconds} is no time: it wants seconds from 1970 to 9999.")))
    }
}
