//! A request's ids, and what every answer of the gateway gets before it leaves.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use sonagi_model::{Entropy, RequestId, Timestamp};

use super::{compress::compress, front::Front, request};
use crate::serve::ResponseBody;

/// The two ids of a request at API Gateway; the first is the invocation's too.
pub(super) struct Ids {
    pub(super) request: RequestId,
    /// 16 characters, as in `requestContext.requestId` of an HTTP API.
    pub(super) extended: String,
    /// The `X-Amzn-Trace-Id` header's value: the client's, or a new one.
    pub(super) trace: String,
}

impl Ids {
    pub(super) fn new(headers: &HeaderMap, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let request = RequestId::random(entropy);
        let extended = URL_SAFE.encode(&request.as_bytes()[5..]);
        Self { request, extended, trace: request::trace(headers, now, entropy) }
    }
}

/// Adds the front's own headers and compresses what may be.
pub(super) async fn finish(
    mut response: Response<ResponseBody>,
    front: Front,
    ids: &Ids,
    method: &Method,
    request: &HeaderMap,
    compress_from: Option<u64>,
) -> Response<ResponseBody> {
    let headers = response.headers_mut();
    let mut say = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match front {
        Front::HttpApi => say("apigw-requestid", &ids.extended),
        Front::RestApi => {
            say("x-amzn-requestid", &ids.request.to_string());
            say("x-amz-apigw-id", &ids.extended);
            say("x-amzn-trace-id", &ids.trace);
        }
        Front::FunctionUrl => {
            say("x-amzn-requestid", &ids.request.to_string());
            say("x-amzn-trace-id", &ids.trace);
        }
    }
    match compress_from {
        Some(minimum) => compress(response, method, request, minimum).await,
        None => response,
    }
}
