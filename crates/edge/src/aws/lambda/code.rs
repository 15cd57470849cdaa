//! The link to a function's code that `GetFunction` gives: to ourselves, signed by ourselves.

use http::{HeaderValue, Method, Response, StatusCode, request::Parts as Head};
use sonagi_identity::sigv4::{self, Scope, SignedRequest};
use sonagi_model::{Digest, RequestId, function::Package, limits};

use crate::{
    aws::{admit::with_signed_request, error::AwsError, service::Protocol},
    platform::Parts,
    serve::ResponseBody,
};

/// What links to code begin with.
pub(crate) const CODE_PATH: &str = "/_sonagi/code/";

const SERVICE: &str = "sonagi-code";

pub(super) fn link(parts: &Parts, host: &str, package: &Package) -> String {
    let path = format!("{CODE_PATH}{}", package.digest);
    let query = format!("size={}", package.size);
    let headers: &[(&str, &[u8])] = &[("host", host.as_bytes())];
    let request =
        SignedRequest { method: "GET", path: &path, query: &query, headers, body: sigv4::Body::Whole(b"") };
    let scope = Scope { region: parts.config.region.as_str(), service: SERVICE };
    let query = sigv4::presign(
        &request,
        parts.identity.platform_keys(),
        scope,
        limits::CODE_LINK_LIFETIME,
        parts.clock.now(),
    );
    format!("http://{host}{path}?{query}")
}

pub(crate) async fn serve_code(parts: &Parts, head: &Head, request: RequestId) -> Response<ResponseBody> {
    match serve(parts, head).await {
        Ok(response) => response,
        Err(error) => error.respond(Protocol::RestXml, request),
    }
}

async fn serve(parts: &Parts, head: &Head) -> Result<Response<ResponseBody>, AwsError> {
    if head.method != Method::GET {
        let text = "The link to a function's code takes GET alone";
        return Err(AwsError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", text));
    }
    with_signed_request(head, |request| {
        let request = SignedRequest { body: sigv4::Body::Whole(b""), ..*request };
        parts.identity.check_link(&request, SERVICE, parts.clock.now())
    })
    .map_err(|error| AwsError::identity(&error, Protocol::RestXml))?;
    let absent = || AwsError::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    let digest: Digest =
        head.uri.path().strip_prefix(CODE_PATH).and_then(|text| text.parse().ok()).ok_or_else(absent)?;
    let query = crate::aws::query::Query::parse(head.uri.query().unwrap_or_default());
    let size = query.get("size").and_then(|size| size.parse().ok()).ok_or_else(absent)?;
    let bytes = parts.control.packages().get(&Package { digest, size }).await?;
    let mut response = Response::new(ResponseBody::whole(bytes));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    Ok(response)
}
