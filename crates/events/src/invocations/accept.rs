//! Accepting: what was accepted is on the disk.

use std::sync::Arc;

use bytes::Bytes;
use sonagi_backend::Error as BackendError;
use sonagi_control::Target;
use sonagi_data::queues::{Draft, Outbox, QueueName};
use sonagi_model::{LambdaName, RequestId, limits};

use super::{KIND, note::Note};
use crate::{Destination, Error, Events, Parcel, Result, Undeliverable};

/// An asynchronous invocation, as its caller asks for it.
#[derive(Debug, Clone)]
pub struct Asynchronous {
    pub target: Arc<Target>,
    /// As it was named: a version, an alias or nothing.
    pub qualifier: Option<String>,
    pub request: RequestId,
    /// JSON, of at most [`ASYNC_PAYLOAD_SIZE`](limits::ASYNC_PAYLOAD_SIZE) bytes.
    pub payload: Bytes,
    /// The caller's `X-Amzn-Trace-Id`.
    pub trace: Option<String>,
    /// JSON.
    pub client_context: Option<String>,
}

impl Events {
    /// Accepts an invocation, in a transaction of its own: it will run, or be told as a failure, whatever happens.
    pub async fn invoke(&self, invocation: Asynchronous) -> Result<()> {
        let size = invocation.payload.len();
        if size > limits::ASYNC_PAYLOAD_SIZE {
            let limit = limits::ASYNC_PAYLOAD_SIZE;
            return Err(sonagi_invoke::Error::PayloadTooLarge { size, limit }.into());
        }
        let events = self.clone();
        let body = move |outbox: &mut Outbox<'_>| accept(&events, outbox, &invocation);
        self.queues().transact(body).await.map_err(Error::from)
    }

    /// The same for whatever else sends to functions.
    pub(crate) fn deliver_to_function(
        &self,
        outbox: &mut Outbox<'_>,
        to: &Destination,
        (name, qualifier): (&LambdaName, Option<&str>),
        parcel: &Parcel,
    ) -> std::result::Result<std::result::Result<(), Undeliverable>, BackendError> {
        let live = self.control().live();
        let Some(function) = live.function(name.as_str()) else {
            return Ok(Err(Undeliverable::absent(to, self)));
        };
        let Ok(target) = function.resolve(qualifier, &**self.entropy()) else {
            return Ok(Err(Undeliverable::absent(to, self)));
        };
        if parcel.body.len() > limits::ASYNC_PAYLOAD_SIZE {
            let text = format!(
                "The event has {} bytes; a function takes {} at most.",
                parcel.body.len(),
                limits::ASYNC_PAYLOAD_SIZE
            );
            return Ok(Err(Undeliverable::invalid(text)));
        }
        let invocation = Asynchronous {
            target,
            qualifier: qualifier.map(str::to_owned),
            request: RequestId::random(&**self.entropy()),
            payload: parcel.body.clone(),
            trace: parcel.trace.clone(),
            client_context: None,
        };
        accept(self, outbox, &invocation).map(Ok)
    }
}

fn accept(
    events: &Events,
    outbox: &mut Outbox<'_>,
    invocation: &Asynchronous,
) -> std::result::Result<(), BackendError> {
    let target = &invocation.target;
    let function = &target.function.lambda_name;
    let note = Note {
        app: target.app.clone(),
        release: target.release,
        function: function.clone(),
        version: target.version,
        qualifier: invocation.qualifier.clone(),
        request: invocation.request.to_string(),
        client_context: invocation.client_context.clone(),
        failed: 0,
    };
    let damaged = |_| BackendError::Damaged { what: "an invocation's note".into() };
    let draft = Draft {
        body: invocation.payload.clone(),
        trace: invocation.trace.clone(),
        note: Some(serde_json::to_string(&note).map_err(damaged)?),
        ..Draft::default()
    };
    let message = events.queues().prepare_own(draft);
    let queue = QueueName::own(KIND, function.as_str());
    match outbox.send_own(&queue, limits::EVENT_LEASE, &message)? {
        Ok(_) => Ok(()),
        Err(refusal) => Err(BackendError::Damaged { what: format!("the queue of {function}: {refusal}") }),
    }
}
