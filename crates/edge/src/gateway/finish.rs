//! What every answer of the gateway gets before it leaves.

use http::{HeaderName, HeaderValue, Method, Response, header};
use http_body::Body as _;

use super::{
    compress::{Offer, compress},
    front::Front,
    ids::{Ids, TRACE},
};
use crate::serve::ResponseBody;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const HTTP_API_ID: HeaderName = HeaderName::from_static("apigw-requestid");
const REST_API_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");

/// Adds the front's own headers and compresses what may be.
pub(super) async fn finish(
    mut response: Response<ResponseBody>,
    front: Front,
    ids: &Ids,
    method: &Method,
    offer: Option<&Offer>,
) -> Response<ResponseBody> {
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: Option<HeaderValue>| {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    };
    let request = || HeaderValue::from_bytes(&ids.request.text()).ok();
    let extended = || HeaderValue::from_str(ids.extended().as_str()).ok();
    match front {
        Front::HttpApi => say(HTTP_API_ID, extended()),
        Front::RestApi => {
            say(REQUEST_ID, request());
            say(REST_API_ID, extended());
            say(TRACE, ids.trace.to_header());
        }
        Front::FunctionUrl => {
            say(REQUEST_ID, request());
            say(TRACE, ids.trace.to_header());
        }
    }
    let response = match offer {
        Some(offer) => compress(response, offer).await,
        None => response,
    };
    if *method == Method::HEAD { without_body(response) } else { response }
}

/// The same head as with the body (RFC 9110 §9.3.2). In HTTP/2 nobody else takes the body away.
fn without_body(response: Response<ResponseBody>) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    let length = body.size_hint().exact().filter(|&length| length > 0);
    if let Some(length) = length {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, ResponseBody::empty())
}
