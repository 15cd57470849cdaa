//! The door between `wasi:http` and the client, for 0.2 and 0.3 alike.

use std::sync::Arc;

use http::{Request, Response};
use sonagi_model::limits;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::wasm::reach::Grants;

/// One store's way out, for `WasiHttpCtxView::hooks`. What it began ends with it, except for idle connections.
pub(crate) struct OutboundHooks {
    grants: Grants,
    /// The store's own requests; none before its first.
    under_way: Option<Arc<Semaphore>>,
}

impl OutboundHooks {
    pub(in crate::wasm::reach) fn new(grants: Grants) -> Self {
        Self { grants, under_way: None }
    }
}

type Finishing = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for OutboundHooks {
    /// Everything else stays as Wasmtime has it, the forbidden headers among it.
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Finishing,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Finishing), Error>> + Send> {
        let under_way = self
            .under_way
            .get_or_insert_with(|| Arc::new(Semaphore::new(limits::OUTBOUND_REQUESTS_INSTANCE)));
        let permit = Arc::clone(under_way).try_acquire_owned();
        let (grants, client) = (self.grants.clone(), self.grants.outbound().inner());
        Box::new(async move {
            let permit = permit.map_err(|_| Error::ConnectionLimitReached)?;
            let answer = client.send(grants, request, options, permit).await?;
            // The connection is driven elsewhere: there is nothing to finish here.
            let finishing: Finishing = Box::new(std::future::ready(Ok(())));
            Ok((answer, finishing))
        })
    }
}
