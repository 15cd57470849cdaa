//! EventBridge Scheduler's API (EventBridge Scheduler API Reference, version 2021-06-30): REST-JSON over
//! `events::schedules`.
//!
//! Start reading at [`handle`], then [`route`], which lists every operation. Always true here: nothing is done before
//! [`authorize`] has asked whether the caller may do it to that schedule or group, and nothing is handed to a target that
//! the caller could not reach itself.

mod body;
mod error;
mod groups;
mod passing;
mod route;
mod schedules;
mod tags;

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts as Head};
use sonagi_events::schedules::{Check, ScheduleName};
use sonagi_identity::{Access, Principal};
use sonagi_model::limits;

use super::{admit::admit, error::AwsError, query::Query, service::Protocol};
use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};
use route::{Operation, Route};

pub(super) use route::is_path;

type Answer = Result<Response<ResponseBody>, AwsError>;

/// A request that was let in.
struct Call {
    principal: Principal,
    /// The name or the ARN in the path; may be empty.
    name: String,
    query: Query,
    body: Bytes,
}

pub(super) async fn handle(parts: &Parts, head: Head, body: Body) -> Answer {
    let (principal, body) = admit(parts, &head, body, limits::SCHEDULE_BODY_SIZE, &["scheduler"])
        .await
        .map_err(|refusal| AwsError::refusal(refusal, Protocol::RestJson))?;
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let Some(Route { operation, name }) = route::find(&head.method, head.uri.path()) else {
        let text = format!("Scheduler has no operation {} {}.", head.method, head.uri.path());
        return Err(AwsError::new(StatusCode::NOT_FOUND, "UnknownOperationException", text));
    };
    let call = Call { principal, name, query, body };
    match operation {
        Operation::CreateSchedule => schedules::create(parts, &call).await,
        Operation::GetSchedule => schedules::get(parts, &call).await,
        Operation::ListSchedules => schedules::list(parts, &call).await,
        Operation::UpdateSchedule => schedules::update(parts, &call).await,
        Operation::DeleteSchedule => schedules::delete(parts, &call).await,
        Operation::CreateScheduleGroup => groups::create(parts, &call).await,
        Operation::GetScheduleGroup => groups::get(parts, &call).await,
        Operation::ListScheduleGroups => groups::list(parts, &call).await,
        Operation::DeleteScheduleGroup => groups::delete(parts, &call).await,
        Operation::TagResource => tags::tag(parts, &call).await,
        Operation::UntagResource => tags::untag(parts, &call).await,
        Operation::ListTagsForResource => tags::list(parts, &call).await,
    }
}

impl Call {
    fn may(&self, parts: &Parts, operation: Operation, resource: &str) -> Result<(), AwsError> {
        let action = format!("scheduler:{operation:?}");
        let access = Access::new(&self.principal, &action, resource, parts.clock.now());
        parts.identity.may(&access).map_err(|error| AwsError::identity(&error, Protocol::RestJson))
    }

    /// The schedule that the path names, in that group, for a caller who may do this to it.
    fn schedule(
        &self,
        parts: &Parts,
        operation: Operation,
        group: Option<&str>,
    ) -> Result<(ScheduleName, ScheduleName), AwsError> {
        let group = group.unwrap_or("default");
        self.may(parts, operation, &arn(parts, "schedule", &format!("{}/{}", cut(group), cut(&self.name))))?;
        let mut check = Check::default();
        let name = check.name("name", &self.name);
        let group = check.name("groupName", group);
        check.done()?;
        name.zip(group).map(|(name, group)| (group, name)).ok_or_else(error::no_names)
    }

    /// The group that the path names, for a caller who may do this to it.
    fn group(&self, parts: &Parts, operation: Operation) -> Result<ScheduleName, AwsError> {
        self.may(parts, operation, &arn(parts, "schedule-group", cut(&self.name)))?;
        let mut check = Check::default();
        let name = check.name("name", &self.name);
        check.done()?;
        name.ok_or_else(error::no_names)
    }
}

fn arn(parts: &Parts, kind: &str, rest: &str) -> String {
    format!("arn:aws:scheduler:{}:{}:{kind}/{rest}", parts.config.region, parts.config.account)
}

/// As much of what a stranger wrote as could be a name, and a bit more.
fn cut(name: &str) -> &str {
    let end = name.char_indices().nth(128).map_or(name.len(), |(end, _)| end);
    &name[..end]
}
