//! SNS (Amazon SNS API Reference, version 2010-03-31) over `events::topics`, in its one protocol: forms, with answers in
//! XML.
//!
//! ```text
//!   head ──► admit, or a link that needs no signature ──► Operation ──► a handler: Form ──► Topics ──► xml
//! ```
//!
//! Start reading at [`handle`], then [`operation`], which lists every operation. Always true here: a handler gets the
//! name of a topic from [`Call`], which has asked whether the caller may.

mod address;
mod error;
mod form;
mod message;
mod operation;
mod permissions;
mod policies;
mod publish;
mod subscription_attributes;
mod subscriptions;
mod tags;
mod topic_attributes;
mod topics;
mod xml;

pub(super) use operation::is_linked;

use http::{Method, Response, StatusCode, request::Parts as Head};
use sonagi_events::{TopicName, topics::Topic};
use sonagi_identity::{Access, Principal, policy::Given, sigv4};
use sonagi_model::{RequestId, limits};

use super::{admit, error::XML, query::Query};
use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};
use error::{Code, Fault};
use form::Form;
use operation::Operation;
use xml::Output;

type Answer = Result<Output, Fault>;

/// A request that was let in.
struct Call {
    operation: Operation,
    principal: Principal,
    /// Whether the caller has said who he is.
    signed: bool,
    form: Form,
    trace: Option<String>,
}

pub(super) async fn handle(
    parts: &Parts,
    head: Head,
    body: Body,
    request: RequestId,
) -> Response<ResponseBody> {
    let (status, text) = match answer(parts, head, body).await {
        Ok((operation, output)) => (StatusCode::OK, output.write(operation, request)),
        Err(fault) => (fault.code.status(), fault.write(request)),
    };
    let mut response = Response::new(ResponseBody::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, XML);
    response
}

async fn answer(parts: &Parts, head: Head, body: Body) -> Result<(Operation, Output), Fault> {
    let signed = admit::with_signed_request(&head, |request| !matches!(sigv4::claim(request), Ok(None)));
    let asked = Query::parse(head.uri.query().unwrap_or_default());
    let linked = !signed && head.method == Method::GET && is_linked(asked.get("Action"));
    let (principal, form) = match linked {
        // Whoever was sent the link may follow it.
        true => (Principal::Anonymous, asked),
        false => {
            let (principal, body) =
                admit::admit(parts, &head, body, limits::TOPIC_BODY_SIZE, &["sns"]).await?;
            let form = match head.method {
                Method::POST => Query::parse(&String::from_utf8_lossy(&body)),
                _ => asked,
            };
            (principal, form)
        }
    };
    let operation = operation::of_action(form.get("Action"))?;
    let trace = admit::trace(&head);
    let call = Call { operation, principal, signed, form: Form::read(&form), trace };
    let output = match operation {
        Operation::AddPermission => permissions::add(parts, &call).await,
        Operation::ConfirmSubscription => subscriptions::confirm(parts, &call).await,
        Operation::CreateTopic => topics::create(parts, &call).await,
        Operation::DeleteTopic => topics::delete(parts, &call).await,
        Operation::GetDataProtectionPolicy => policies::get_data_protection(parts, &call).await,
        Operation::GetSubscriptionAttributes => subscription_attributes::get(parts, &call).await,
        Operation::GetTopicAttributes => topic_attributes::get(parts, &call).await,
        Operation::ListSubscriptions => subscriptions::list(parts, &call).await,
        Operation::ListSubscriptionsByTopic => subscriptions::list_by_topic(parts, &call).await,
        Operation::ListTagsForResource => tags::list(parts, &call).await,
        Operation::ListTopics => topics::list(parts, &call).await,
        Operation::Publish => publish::one(parts, &call).await,
        Operation::PublishBatch => publish::batch(parts, &call).await,
        Operation::PutDataProtectionPolicy => policies::put_data_protection(parts, &call).await,
        Operation::RemovePermission => permissions::remove(parts, &call).await,
        Operation::SetSubscriptionAttributes => subscription_attributes::set(parts, &call).await,
        Operation::SetTopicAttributes => topic_attributes::set(parts, &call).await,
        Operation::Subscribe => subscriptions::subscribe(parts, &call).await,
        Operation::TagResource => tags::tag(parts, &call).await,
        Operation::Unsubscribe => subscriptions::unsubscribe(parts, &call).await,
        Operation::UntagResource => tags::untag(parts, &call).await,
        Operation::Absent(name) => call.absent(parts, name),
    }?;
    Ok((operation, output))
}

impl Call {
    /// What must be said.
    fn required(&self, name: &str) -> Result<&str, Fault> {
        self.form.text(name).ok_or_else(|| Fault::null(name))
    }

    /// The topic that a member of the form names, for a caller that may do this to it.
    async fn topic(&self, parts: &Parts, member: &str) -> Result<TopicName, Fault> {
        let name = address::topic(parts, member, self.required(member)?)?;
        self.may(parts, &name, &[]).await?;
        Ok(name)
    }

    /// Whether the caller may do this to that topic.
    async fn may(&self, parts: &Parts, name: &TopicName, context: &[(&str, Given<'_>)]) -> Result<(), Fault> {
        let topics = parts.events.topics();
        self.ask(parts, &topics.arn(name), Some(name), context).await
    }

    /// Whether the caller may do this to a subscription.
    async fn may_subscription(&self, parts: &Parts, topic: &TopicName, id: &str) -> Result<(), Fault> {
        let arn = parts.events.topics().subscription_arn(topic, id);
        self.ask(parts, &arn, None, &[]).await
    }

    /// Whether the caller may do this at all.
    fn may_everywhere(&self, parts: &Parts) -> Result<(), Fault> {
        let action = self.operation.action();
        let access = Access::new(&self.principal, &action, "*", parts.clock.now());
        parts.identity.may(&access).map_err(|error| Fault::identity(&error))
    }

    async fn ask(
        &self,
        parts: &Parts,
        arn: &str,
        topic: Option<&TopicName>,
        context: &[(&str, Given<'_>)],
    ) -> Result<(), Fault> {
        let topic: Option<Topic> = match (&self.principal, topic) {
            (Principal::Function { .. } | Principal::Service { .. }, Some(name)) => {
                parts.events.topics().find(name).await.ok()
            }
            (_, _) => None,
        };
        let policy = topic.as_ref().and_then(policies::of);
        let action = self.operation.action();
        let access = Access::new(&self.principal, &action, arn, parts.clock.now())
            .with(context)
            .under(policy.as_ref());
        parts.identity.may(&access).map_err(|error| Fault::identity(&error))
    }

    /// What Sonagi does not have of SNS: text messages and push notifications to phones.
    fn absent(&self, parts: &Parts, name: &str) -> Answer {
        self.may_everywhere(parts)?;
        Err(Fault::new(
            Code::AUTHORIZATION,
            format!(
                "Sonagi has no {name}: it sends no text messages, and nothing to phones. Topics deliver to functions, \
                 queues and HTTP endpoints."
            ),
        ))
    }
}
