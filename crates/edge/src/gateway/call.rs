//! One call of a function: event or HTTP in, answer out, failures in the front's own words.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use sonagi_control::Target;
use sonagi_invoke::{Error, Request, Tail};
use sonagi_model::{
    AliasName, Tick,
    api::PayloadFormat,
    clock::within,
    function::Runtime,
    limits::{PAYLOAD_SIZE, STREAM_SIZE},
};
use sonagi_sandbox::{Answer, HttpAnswer, HttpBody, Input};

use super::{
    Inner, Line,
    answer::{self, Malformed, Reading},
    direct,
    event::{Asked, Caller},
    front::{Front, Refusal},
    ids::Ids,
    request::{SourceIp, prepare},
    told::Told,
};
use crate::serve::{Body, BodyError, ResponseBody};

/// A request that found its function. What an event tells of it is explained at [`Asked`].
pub(super) struct Call<'a> {
    pub(super) front: Front,
    pub(super) format: PayloadFormat,
    pub(super) ids: &'a Ids,
    pub(super) line: &'a Line,
    pub(super) headers: HeaderMap,
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
    /// What the route's API tells functions that are given HTTP, and the route's place in it.
    pub(super) told: Option<(&'a Told, usize)>,
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

/// The body, or what its client is told if it did not come. It is asked for once.
pub(super) async fn read_whole(body: &mut Option<Body>, limit: usize) -> Result<Bytes, Refusal> {
    let Some(body) = body.take() else { return Ok(Bytes::new()) };
    body.read(limit).await.map_err(|error| match error {
        BodyError::TooLarge { .. } => Refusal::TooLarge,
        BodyError::Silent => Refusal::Silent,
        BodyError::Broken => Refusal::Malformed,
    })
}

impl Inner {
    /// The request is made at once, so that what is awaited does not hold all that it was made of.
    pub(super) fn call<'a>(
        &'a self,
        call: Call<'a>,
        reading: Reading<'a>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send + 'a {
        let (front, waiting) = (call.front, call.waiting);
        let target = Arc::clone(&call.target);
        let asked = match target.function.runtime {
            Runtime::Wasm => Form::Http(&call.line.method),
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => Form::Event(reading),
        };
        let request = request(call, asked);
        async move {
            let answered = async {
                let invoked = self.frontend.invoke(request?).await.map_err(|error| refuse(&error))?;
                respond(invoked.answer, asked, waiting).await.map_err(|malformed| {
                    let function = &target.function.lambda_name;
                    tracing::debug!(%function, %malformed, "a function's answer was refused");
                    match asked {
                        Form::Event(_) => Refusal::Function,
                        Form::Http(_) => Refusal::Upstream,
                    }
                })
            };
            let deadline = match waiting {
                Waiting::AtMost(limit) => self.clock.tick() + limit,
                Waiting::ForFunction | Waiting::ForStream => Tick(Duration::MAX),
            };
            // The invocation itself runs on; only this caller stops waiting.
            let answered = within(&*self.clock, deadline, answered).await;
            answered.unwrap_or(Err(Refusal::TimedOut)).unwrap_or_else(|refusal| refusal.answer(front))
        }
    }
}

/// What a function is given, and so what its answer must be.
#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    Event(Reading<'a>),
    /// The method decides what an answer may hold.
    Http(&'a Method),
}

fn request(call: Call<'_>, form: Form<'_>) -> Result<Request, Refusal> {
    let (target, ids) = (Arc::clone(&call.target), call.ids);
    let arn = match call.alias {
        Some(alias) => format!("{}:{alias}", target.arn),
        None => target.arn.clone(),
    };
    let input = match form {
        Form::Event(_) => Input::Event(event(call)),
        Form::Http(_) => Input::Http(Box::new(direct::request(call)?)),
    };
    Ok(Request {
        target,
        request: ids.request,
        arn,
        input,
        trace: Some(ids.trace.to_text()),
        client_context: None,
        cognito_identity: None,
        tail: Tail::No,
        timeout: None,
    })
}

fn event(mut call: Call<'_>) -> Bytes {
    let line = call.line;
    let host = line.authority(&call.headers).to_owned();
    let source_ip = SourceIp::of(line.peer);
    let (size, trace, extended) = (call.body.len(), &call.ids.trace, call.ids.extended());
    prepare(&mut call.headers, line.peer, &source_ip, &host, size, trace, call.front);
    let asked = Asked {
        front: call.front,
        method: &line.method,
        path: line.path(),
        route_path: call.route_path,
        query: line.uri.query(),
        version: line.version,
        headers: &call.headers,
        body: &call.body,
        source_ip: source_ip.as_str(),
        host: &host,
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
        extended: extended.as_str(),
        now: call.ids.now,
        caller: call.caller,
    };
    asked.event(call.format)
}

async fn respond(
    answer: Answer,
    asked: Form<'_>,
    waiting: Waiting,
) -> Result<Response<ResponseBody>, Malformed> {
    match (asked, answer, waiting) {
        // The function's log has its story.
        (_, Answer::Failure(failure), _) => Err(Malformed::Failed(failure.error_type)),
        (Form::Event(reading), Answer::Success(payload), _) => answer::read(&payload, reading),
        // What comes in parts is read in a future of its own: the usual ones are small without it.
        (Form::Event(reading), Answer::Stream(stream), Waiting::ForStream) => {
            Box::pin(answer::open(stream, reading.front)).await
        }
        (Form::Event(reading), Answer::Stream(stream), Waiting::AtMost(_) | Waiting::ForFunction) => {
            Box::pin(answer::collect(stream, reading)).await
        }
        (Form::Http(method), Answer::Http(HttpAnswer { status, headers, body }), waiting) => {
            let head = answer::Passed::read(status, headers, method)?;
            match (body, waiting) {
                (HttpBody::Whole(body), Waiting::ForStream) => head.whole(body, STREAM_SIZE),
                (HttpBody::Whole(body), _) => head.whole(body, PAYLOAD_SIZE as u64),
                (HttpBody::Parts(parts), Waiting::ForStream) => Box::pin(head.on(parts)).await,
                (HttpBody::Parts(parts), _) => Box::pin(head.gathered(parts)).await,
            }
        }
        // Nobody asked for it.
        (Form::Event(_), Answer::Http(_), _) | (Form::Http(_), Answer::Success(_) | Answer::Stream(_), _) => {
            Err(Malformed::NotFormatted)
        }
    }
}

fn refuse(error: &Error) -> Refusal {
    match error {
        Error::Throttled { retry_after, .. } => {
            Refusal::Throttled { retry_after: retry_after.as_millis().div_ceil(1_000).max(1) as u64 }
        }
        Error::PayloadTooLarge { .. } => Refusal::TooLarge,
        Error::Draining | Error::NotYet(_) => Refusal::Unavailable,
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
