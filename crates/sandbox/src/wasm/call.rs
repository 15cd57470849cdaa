//! One call of a guest, from the request to its return.

use std::{future, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::oneshot;
use wasmtime::{AsContextMut as _, Error, Result, Store};
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView as _,
    handler::{Prepared, Proxy},
    p2::bindings::http::types::Scheme,
    p3,
};

use super::{events, failure::Failed, host::Host, loaded::Loaded, memory::Peak, output::Output};

/// An instance, and all that belongs to it.
pub(super) struct Instance {
    store: Store<Host>,
    /// None, until it is instantiated.
    proxy: Option<Proxy>,
}

/// Where the guest's answer goes; sent once, if at all.
pub(super) type Responder = oneshot::Sender<Result<Response<WasiBody>, Failed>>;

/// A guest has returned, or has failed to.
pub(super) struct Ended {
    /// Kept until the answer has been looked at: dropping it would end the answer as if it were whole.
    pub(super) instance: Instance,
    pub(super) result: Result<()>,
}

impl Instance {
    pub(super) fn new(
        loaded: &Loaded,
        variables: &[(String, String)],
        out: &Output,
        err: &Output,
        peak: &Peak,
    ) -> Self {
        let mut store = Host::store(loaded.engine(), loaded.setting(), variables, out, err);
        store.data_mut().memory.watched_by(peak);
        Self { store, proxy: None }
    }

    /// Bytes.
    pub(super) fn memory(&self) -> usize {
        self.store.data().memory.used()
    }

    pub(super) fn failed(&self, error: Error) -> Failed {
        Failed::of(error, self.store.data().memory.lack())
    }
}

/// Runs `request` in `instance` to the end of the guest's own work.
pub(super) async fn serve(
    loaded: Arc<Loaded>,
    mut instance: Instance,
    request: Request<Bytes>,
    responder: Responder,
) -> Ended {
    let result = instance.serve(&loaded, addressed(request), responder).await;
    Ended { instance, result }
}

impl Instance {
    async fn serve(&mut self, loaded: &Loaded, request: Request<Bytes>, responder: Responder) -> Result<()> {
        let Self { store, proxy } = self;
        let proxy = match proxy {
            Some(proxy) => proxy,
            None => proxy.insert(loaded.proxy().instantiate_async(&mut *store).await?),
        };
        match proxy {
            Proxy::P2(guest) => {
                let request = request.map(whole);
                let mut http = store.data_mut().http();
                let request = http.new_incoming_request(Scheme::Http, request)?;
                let out = http.new_response_outparam_from_callback(move |answer| {
                    // Nobody waits for it any more, if this fails.
                    let _ = responder.send(answer.map_err(|code| declined(&code)));
                })?;
                guest.wasi_http_incoming_handler().call_handle(store, request, out).await
            }
            proxy @ Proxy::P3(_) => serve_p3(store, proxy, request, responder).await,
        }
    }
}

/// With a host that a component can be told, which HTTP/1.0 need not have.
fn addressed(mut request: Request<Bytes>) -> Request<Bytes> {
    let host = request.headers().get(header::HOST);
    if request.uri().authority().is_none() && host.is_none_or(|host| host.to_str().is_err()) {
        request.headers_mut().insert(header::HOST, events::HOST);
    }
    request
}

/// A body that is there already.
fn whole(
    body: Bytes,
) -> impl http_body::Body<Data = Bytes, Error = wasmtime_wasi_http::Error> + Send + 'static {
    Full::new(body).map_err(|never| match never {})
}

async fn serve_p3(
    store: &mut Store<Host>,
    proxy: &Proxy,
    request: Request<Bytes>,
    responder: Responder,
) -> Result<()> {
    let request = request.map(|body| whole(body).boxed_unsync());
    store
        .run_concurrent(async |accessor| {
            let (answer, mut answered) = futures::channel::oneshot::channel();
            let prepared = accessor.with(|mut store| {
                Prepared::new(store.as_context_mut(), proxy, request, Host::http, answer)
            })?;
            prepared.run(accessor, future::pending()).await?;
            match answered.try_recv() {
                Ok(Some(Ok(response))) => {
                    let _ = responder.send(Ok(response));
                }
                Ok(Some(Err(error))) => match error.downcast::<p3::bindings::http::types::ErrorCode>() {
                    Ok(code) => {
                        let _ = responder.send(Err(declined(&code)));
                    }
                    Err(error) => return Err(error),
                },
                Ok(None) | Err(_) => {}
            }
            // The answer's body, and what the guest still does behind it.
            future::poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
            Ok(())
        })
        .await?
}

/// `ErrorCode::InternalError(Some("…"))` is named `Http.InternalError`.
fn declined(code: &impl std::fmt::Debug) -> Failed {
    let message = format!("{code:?}");
    let message = message.strip_prefix("ErrorCode::").unwrap_or(&message);
    let name = message.split(['(', ' ', '{']).next().unwrap_or_default();
    Failed::Declined { name: format!("Http.{name}"), message: message.to_owned() }
}
