//! The three kinds of front that a function can have, and what each says when something is wrong.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::serve::ResponseBody;

/// Which AWS product's manners a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Front {
    /// API Gateway v2, "HTTP API".
    HttpApi,
    /// API Gateway v1, "REST API".
    RestApi,
    /// A Lambda function URL.
    FunctionUrl,
}

/// Why the gateway itself answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Refusal {
    NoRoute,
    Malformed,
    /// The function failed, or answered what is not an answer.
    Function,
    /// The same of a function that speaks HTTP: a bad gateway at every front (RFC 9110 §15.6.3).
    Upstream,
    TimedOut,
    Throttled {
        retry_after: u64,
    },
    TooLarge,
    /// The client did not send its body.
    Silent,
    Forbidden,
    /// The platform is stopping, or cannot run the function.
    Unavailable,
    /// Our own fault; the operator's log says more.
    Internal,
}

impl Refusal {
    /// The status and the body. The texts of HTTP APIs and REST APIs differ in case and spaces, as on AWS (API
    /// Gateway developer guide, "Gateway response types" for REST).
    fn words(self, front: Front) -> (StatusCode, &'static str) {
        use Front::{FunctionUrl, HttpApi, RestApi};
        match (self, front) {
            (Self::NoRoute, HttpApi) => (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#),
            (Self::NoRoute, RestApi) => {
                (StatusCode::FORBIDDEN, r#"{"message":"Missing Authentication Token"}"#)
            }
            (Self::NoRoute, FunctionUrl) => (StatusCode::NOT_FOUND, r#"{"Message":"Not Found"}"#),
            (Self::Malformed, HttpApi | RestApi) => (StatusCode::BAD_REQUEST, r#"{"message":"Bad Request"}"#),
            (Self::Malformed, FunctionUrl) => (StatusCode::BAD_REQUEST, r#"{"Message":"Bad Request"}"#),
            (Self::Function | Self::Internal, HttpApi) => {
                (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#)
            }
            (Self::Upstream, HttpApi) => (StatusCode::BAD_GATEWAY, r#"{"message":"Internal Server Error"}"#),
            (Self::Function | Self::Upstream, RestApi) => {
                (StatusCode::BAD_GATEWAY, r#"{"message": "Internal server error"}"#)
            }
            (Self::Internal, RestApi) => {
                (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message": "Internal server error"}"#)
            }
            (Self::Function | Self::Upstream, FunctionUrl) => {
                (StatusCode::BAD_GATEWAY, "Internal Server Error")
            }
            (Self::Internal, FunctionUrl) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            (Self::TimedOut, HttpApi) => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#)
            }
            (Self::TimedOut, RestApi) => {
                (StatusCode::GATEWAY_TIMEOUT, r#"{"message": "Endpoint request timed out"}"#)
            }
            (Self::TimedOut, FunctionUrl) => (StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"),
            (Self::Throttled { .. }, HttpApi | RestApi) => {
                (StatusCode::TOO_MANY_REQUESTS, r#"{"message":"Too Many Requests"}"#)
            }
            (Self::Throttled { .. }, FunctionUrl) => {
                (StatusCode::TOO_MANY_REQUESTS, r#"{"Message":"Rate Exceeded."}"#)
            }
            (Self::TooLarge, HttpApi | RestApi) => {
                (StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Entity Too Large"}"#)
            }
            (Self::TooLarge, FunctionUrl) => {
                (StatusCode::PAYLOAD_TOO_LARGE, r#"{"Message":"Request Entity Too Large"}"#)
            }
            (Self::Silent, HttpApi | RestApi) => {
                (StatusCode::REQUEST_TIMEOUT, r#"{"message":"Request Timeout"}"#)
            }
            (Self::Silent, FunctionUrl) => (StatusCode::REQUEST_TIMEOUT, r#"{"Message":"Request Timeout"}"#),
            (Self::Forbidden, HttpApi | RestApi) => (StatusCode::FORBIDDEN, r#"{"message":"Forbidden"}"#),
            (Self::Forbidden, FunctionUrl) => (StatusCode::FORBIDDEN, r#"{"Message":"Forbidden"}"#),
            (Self::Unavailable, HttpApi | RestApi) => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#)
            }
            (Self::Unavailable, FunctionUrl) => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"Message":"Service Unavailable"}"#)
            }
        }
    }

    pub(super) fn answer(self, front: Front) -> Response<ResponseBody> {
        let (status, body) = self.words(front);
        let mut response = json(status, Bytes::from_static(body.as_bytes()));
        if let Self::Throttled { retry_after } = self {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
        }
        // The names that REST APIs give to the same things, for clients that tell them apart by header.
        if front == Front::RestApi {
            let kind = match self {
                Self::NoRoute => Some("MissingAuthenticationTokenException"),
                Self::Function | Self::Upstream | Self::Internal | Self::TimedOut => {
                    Some("InternalServerErrorException")
                }
                Self::Throttled { .. } => Some("TooManyRequestsException"),
                Self::TooLarge => Some("RequestEntityTooLargeException"),
                Self::Forbidden => Some("ForbiddenException"),
                Self::Malformed => Some("BadRequestException"),
                Self::Silent | Self::Unavailable => None,
            };
            if let Some(kind) = kind {
                response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
            }
        }
        response
    }
}

pub(super) fn json(status: StatusCode, body: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
