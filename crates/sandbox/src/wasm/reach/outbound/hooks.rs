//! The door between `wasi:http` and the client.

use http::{Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::wasm::reach::Grants;

/// One store's way out, for `WasiHttpCtxView::hooks`.
pub(crate) struct OutboundHooks {
    grants: Grants,
}

impl OutboundHooks {
    pub(in crate::wasm::reach) fn new(grants: Grants) -> Self {
        Self { grants }
    }
}

type Finishing = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for OutboundHooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Finishing,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Finishing), Error>> + Send> {
        drop((request, options));
        let denied = self.grants.wasm().outbound.is_empty();
        Box::new(
            async move { Err(if denied { Error::HttpRequestDenied } else { Error::ConfigurationError }) },
        )
    }
}
