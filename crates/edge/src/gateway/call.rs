//! One call of a function: event in, answer out, failures in the front's own words.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use sonagi_control::Target;
use sonagi_invoke::{Error, Invoked, Request, Tail};
use sonagi_model::{AliasName, api::PayloadFormat, clock::within};
use sonagi_sandbox::Answer;

use super::{
    Inner,
    answer::{self, Malformed, Reading},
    event::{Asked, Caller},
    finish::Ids,
    front::{Front, Refusal},
    request::prepare,
};
use crate::serve::{BodyError, Peer, ResponseBody};

/// A request that found its function. What the event tells of it is explained at [`Asked`].
pub(super) struct Call<'a> {
    pub(super) front: Front,
    pub(super) format: PayloadFormat,
    pub(super) ids: &'a Ids,
    pub(super) parts: http::request::Parts,
    pub(super) peer: Peer,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    pub(super) route_path: &'a str,
    pub(super) body: Bytes,
    pub(super) api: &'a str,
    pub(super) account: &'a str,
    pub(super) stage: &'a str,
    pub(super) stage_variables: Option<&'a BTreeMap<String, String>>,
    pub(super) route_method: Option<&'a str>,
    pub(super) resource: &'a str,
    pub(super) variables: &'a [Box<str>],
    pub(super) values: &'a [&'a str],
    pub(super) binary_media_types: &'a [String],
    pub(super) caller: Option<&'a Caller>,
    pub(super) target: Arc<Target>,
    pub(super) alias: Option<&'a AliasName>,
    pub(super) waiting: Waiting,
}

/// How long the front waits, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For the whole answer, no longer than this.
    AtMost(Duration),
    /// For the whole answer, as long as the function may run.
    ForFunction,
    /// For an answer that is passed on as it comes.
    ForStream,
}

/// What a client is told whose body did not come.
pub(super) fn refuse_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { .. } => Refusal::TooLarge,
        BodyError::Silent => Refusal::Silent,
        BodyError::Broken => Refusal::Malformed,
    }
}

impl Inner {
    pub(super) async fn call(&self, call: Call<'_>, reading: Reading<'_>) -> Response<ResponseBody> {
        let (front, waiting) = (call.front, call.waiting);
        let target = Arc::clone(&call.target);
        let request = self.request(call);
        let answered = async {
            let invoked = self.frontend.invoke(request).await.map_err(|error| refuse(&error))?;
            respond(invoked, reading, waiting).await.map_err(|malformed| {
                let function = &target.function.lambda_name;
                tracing::info!(%function, %malformed, "a function's answer was refused");
                Refusal::Function
            })
        };
        let answered = match waiting {
            Waiting::AtMost(limit) => {
                let deadline = self.clock.tick() + limit;
                // The invocation itself runs on; only this caller stops waiting.
                within(&*self.clock, deadline, answered).await.unwrap_or(Err(Refusal::TimedOut))
            }
            Waiting::ForFunction | Waiting::ForStream => answered.await,
        };
        answered.unwrap_or_else(|refusal| refusal.answer(front))
    }

    fn request(&self, call: Call<'_>) -> Request {
        let Call { mut parts, peer, body, target, .. } = call;
        let now = self.clock.now();
        let source_ip = peer.remote.ip().to_canonical().to_string();
        let trace = &call.ids.trace;
        prepare(&mut parts.headers, peer, &source_ip, call.authority, body.len(), trace, call.front);
        let asked = Asked {
            front: call.front,
            method: &parts.method,
            path: call.path,
            route_path: call.route_path,
            query: parts.uri.query(),
            version: parts.version,
            headers: &parts.headers,
            body: &body,
            source_ip: &source_ip,
            host: call.authority,
            account: call.account,
            api: call.api,
            stage: call.stage,
            stage_variables: call.stage_variables,
            route_method: call.route_method,
            resource: call.resource,
            variables: call.variables,
            values: call.values,
            binary_media_types: call.binary_media_types,
            request: call.ids.request,
            extended: &call.ids.extended,
            now,
            caller: call.caller,
        };
        let payload = asked.event(call.format);
        let arn = match call.alias {
            Some(alias) => format!("{}:{alias}", target.arn),
            None => target.arn.clone(),
        };
        Request {
            target,
            request: call.ids.request,
            arn,
            input: payload.into(),
            trace: Some(trace.clone()),
            client_context: None,
            cognito_identity: None,
            tail: Tail::No,
            timeout: None,
        }
    }
}

async fn respond(
    invoked: Invoked,
    reading: Reading<'_>,
    waiting: Waiting,
) -> Result<Response<ResponseBody>, Malformed> {
    match (invoked.answer, waiting) {
        (Answer::Success(payload), _) => answer::read(&payload, reading),
        // The function's log has its story.
        (Answer::Failure(failure), _) => Err(Malformed::Failed(failure.error_type)),
        (Answer::Stream(stream), Waiting::ForStream) => answer::open(stream, reading.front).await,
        (Answer::Stream(stream), Waiting::AtMost(_) | Waiting::ForFunction) => {
            answer::collect(stream, reading).await
        }
        // Nobody asked for it.
        (Answer::Http(_), _) => Err(Malformed::NotFormatted),
    }
}

fn refuse(error: &Error) -> Refusal {
    match error {
        Error::Throttled { retry_after, .. } => {
            Refusal::Throttled { retry_after: retry_after.as_millis().div_ceil(1_000).max(1) as u64 }
        }
        Error::PayloadTooLarge { .. } => Refusal::TooLarge,
        Error::Draining => Refusal::Unavailable,
        Error::Unsupported(why) => {
            tracing::warn!(why, "this machine cannot run a function that was called");
            Refusal::Unavailable
        }
        Error::Machine { .. } | Error::Packages(_) | Error::Lost => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, cause, "run a function for the gateway");
            Refusal::Internal
        }
    }
}
