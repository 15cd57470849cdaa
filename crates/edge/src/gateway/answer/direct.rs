//! Answers that are HTTP already: checked, and passed on.
//!
//! Always true here: what frames the response is ours to say. A function's `Content-Length` counts only where the
//! body comes in parts (and is held to it), or where there is no body by nature, in an answer to `HEAD`.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header};
use sonagi_model::limits::{ANSWER_HEADERS, ANSWER_HEADERS_SIZE, PAYLOAD_SIZE, STREAM_SIZE};

use super::{
    Malformed,
    stream::{Parts, Rest, gather},
};
use crate::{
    gateway::request::{Keep, keep_end_to_end},
    serve::ResponseBody,
};

/// The first part that has bytes; none if the body has none.
async fn first(parts: &mut Rest) -> Result<Option<Bytes>, Malformed> {
    while let Some(part) = parts.recv().await {
        let part = part.map_err(|failure| Malformed::Broken(failure.error_type))?;
        if !part.is_empty() {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

/// An answer whose head is sound, and whose body comes.
pub(in crate::gateway) struct Passed<'a> {
    status: StatusCode,
    headers: HeaderMap,
    /// The length that the function announced.
    announced: Option<u64>,
    /// What was asked.
    method: &'a Method,
}

impl<'a> Passed<'a> {
    pub(in crate::gateway) fn read(
        status: StatusCode,
        mut headers: HeaderMap,
        method: &'a Method,
    ) -> Result<Self, Malformed> {
        // 1xx is never final, 101 would hand the connection over, and above 599 is nothing (RFC 9110 §15).
        if !(200..=599).contains(&status.as_u16()) {
            return Err(Malformed::Status(status.as_str().to_owned()));
        }
        if headers.len() > ANSWER_HEADERS {
            return Err(Malformed::TooManyHeaders { limit: ANSWER_HEADERS });
        }
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > ANSWER_HEADERS_SIZE {
            return Err(Malformed::HeadersTooLarge { limit: ANSWER_HEADERS_SIZE });
        }
        let announced = content_length(&headers);
        keep_end_to_end(&mut headers, |name| {
            let ours = *name == header::CONTENT_LENGTH || *name == header::PROXY_AUTHENTICATE;
            if ours { Keep::No } else { Keep::Yes }
        });
        Ok(Self { status, headers, announced, method })
    }

    /// With a body that is there already.
    pub(in crate::gateway) fn whole(
        mut self,
        body: Bytes,
        limit: u64,
    ) -> Result<Response<ResponseBody>, Malformed> {
        if body.len() as u64 > limit {
            return Err(Malformed::TooLarge { limit });
        }
        if *self.method == Method::HEAD
            && body.is_empty()
            && !self.is_bodiless()
            && let Some(announced) = self.announced
        {
            // What `GET` would be answered with.
            self.headers.insert(header::CONTENT_LENGTH, announced.into());
        }
        Ok(self.with(ResponseBody::whole(body)))
    }

    /// Waits for the whole body, which must fit where an event's must.
    pub(in crate::gateway) async fn gathered(self, parts: Rest) -> Result<Response<ResponseBody>, Malformed> {
        let body = gather(Bytes::new(), parts).await?;
        self.whole(body, PAYLOAD_SIZE as u64)
    }

    /// Waits for the body's first part, so that a failure before it can be told, and leaves the rest to come as the
    /// client takes it.
    pub(in crate::gateway) async fn on(self, mut parts: Rest) -> Result<Response<ResponseBody>, Malformed> {
        match first(&mut parts).await? {
            Some(first) => self.with_parts(first, parts),
            None => match self.announced {
                Some(announced @ 1..) if *self.method != Method::HEAD && !self.is_bodiless() => {
                    Err(Malformed::Length { announced })
                }
                Some(_) | None => self.whole(Bytes::new(), STREAM_SIZE),
            },
        }
    }

    fn with_parts(self, first: Bytes, rest: Rest) -> Result<Response<ResponseBody>, Malformed> {
        let parts = match self.announced {
            Some(announced) if first.len() as u64 > announced => return Err(Malformed::Length { announced }),
            Some(announced) => Parts::announced(first, rest, announced),
            None => Parts::new(first, rest),
        };
        Ok(self.with(ResponseBody::boxed(parts)))
    }

    fn with(self, body: ResponseBody) -> Response<ResponseBody> {
        let mut response = Response::new(if self.is_bodiless() { ResponseBody::empty() } else { body });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// Has no body, whatever the function says (RFC 9110 §6.4.1 and §15.3.6).
    fn is_bodiless(&self) -> bool {
        matches!(self.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

/// What is announced, if it is said once and is a number.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut said = headers.get_all(header::CONTENT_LENGTH).iter();
    let (Some(only), None) = (said.next(), said.next()) else { return None };
    let digits = only.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}
