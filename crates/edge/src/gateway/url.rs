//! A request to a function URL: signature, CORS, function.

use std::sync::Arc;

use http::Response;
use sonagi_control::LiveFunction;
use sonagi_model::{
    api::PayloadFormat,
    function::{FunctionUrl, InvokeMode, UrlAuth},
};

use super::{
    Arrived, Compression, Inner,
    answer::Reading,
    authorize::authorize,
    call::{Call, Waiting},
    cors,
    event::Caller,
    finish::{Ids, finish},
    front::{Front, Refusal},
};
use crate::serve::ResponseBody;

const FRONT: Front = Front::FunctionUrl;

impl Inner {
    pub(super) async fn call_url(
        &self,
        function: &Arc<LiveFunction>,
        url: &FunctionUrl,
        arrived: Arrived,
    ) -> Response<ResponseBody> {
        let ids = Ids::new(&arrived.parts.headers, self.clock.now(), &*self.entropy);
        let method = arrived.parts.method.clone();
        let origin_headers = cors::request_headers(&arrived.parts.headers);
        let preflight = cors::is_preflight(&method, &arrived.parts.headers);
        let mut response = match &url.cors {
            // A browser never signs a preflight, so it is answered before anyone is asked who they are.
            Some(rules) if preflight => cors::preflight(FRONT, rules, &origin_headers),
            Some(_) | None => self.answer_url(function, url, &ids, arrived).await,
        };
        if let Some(rules) = url.cors.as_ref().filter(|_| !preflight) {
            cors::apply(rules, &origin_headers, response.headers_mut());
        }
        let minimum = match self.config.compression {
            Compression::Never => None,
            Compression::From(bytes) => Some(bytes),
        };
        finish(response, FRONT, &ids, &method, &origin_headers, minimum).await
    }

    async fn answer_url(
        &self,
        function: &Arc<LiveFunction>,
        url: &FunctionUrl,
        ids: &Ids,
        arrived: Arrived,
    ) -> Response<ResponseBody> {
        let target =
            match function.resolve(url.qualifier.as_ref().map(|alias| alias.as_str()), &*self.entropy) {
                Ok(target) => target,
                Err(cause) => {
                    tracing::error!(%cause, "resolve the function of a URL");
                    return Refusal::Internal.answer(FRONT);
                }
            };
        // The payload's own limit is what holds here; a function URL has no larger one.
        let limit = self.config.body_size.min(sonagi_model::limits::PAYLOAD_SIZE);
        let body = match arrived.body.read(limit).await {
            Ok(body) => body,
            Err(error) => return super::call::refuse_body(error).answer(FRONT),
        };
        let caller = match url.auth {
            UrlAuth::None => None,
            UrlAuth::AwsIam => match self.caller(function, &arrived.parts, &arrived.authority, &body) {
                Ok(caller) => caller,
                Err(cause) => {
                    tracing::debug!(%cause, "a request to a function URL was refused");
                    return Refusal::Forbidden.answer(FRONT);
                }
            },
        };
        let account = match url.auth {
            UrlAuth::None => "anonymous",
            UrlAuth::AwsIam => self.identity.account().as_str(),
        };
        let call = Call {
            front: FRONT,
            format: PayloadFormat::V2,
            ids,
            parts: arrived.parts,
            peer: arrived.peer,
            authority: &arrived.authority,
            path: &arrived.path,
            route_path: &arrived.path,
            body,
            api: &url.id.0,
            account,
            stage: "$default",
            stage_variables: None,
            route_method: None,
            resource: "$default",
            variables: &[],
            values: &[],
            binary_media_types: &[],
            caller: caller.as_ref(),
            target,
            alias: url.qualifier.as_ref(),
            waiting: match url.mode {
                InvokeMode::Buffered => Waiting::ForFunction,
                InvokeMode::ResponseStream => Waiting::ForStream,
            },
        };
        let reading =
            Reading { front: FRONT, format: PayloadFormat::V2, binary_media_types: &[], accept: None };
        self.call(call, reading).await
    }

    fn caller(
        &self,
        function: &LiveFunction,
        parts: &http::request::Parts,
        authority: &str,
        body: &[u8],
    ) -> Result<Option<Caller>, sonagi_identity::Error> {
        let mut headers: Vec<(&str, &[u8])> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        if !parts.headers.contains_key(http::header::HOST) {
            headers.push(("host", authority.as_bytes()));
        }
        authorize(&self.identity, function, &parts.method, &parts.uri, &headers, body, self.clock.now())
    }
}
