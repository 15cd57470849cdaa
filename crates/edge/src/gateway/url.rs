//! A request to a function URL: signature, CORS, function.

use std::sync::Arc;

use http::{HeaderMap, Response, header};
use sonagi_control::LiveFunction;
use sonagi_model::{
    api::PayloadFormat,
    function::{FunctionUrl, InvokeMode, UrlAuth},
};

use super::{
    Arrived, Compression, Inner, Line,
    answer::Reading,
    authorize::authorize,
    call::{Call, Waiting},
    compress::Offer,
    cors,
    event::Caller,
    finish::finish,
    front::{Front, Refusal},
    ids::Ids,
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
        let ids = Ids::new(&arrived.headers, self.clock.now(), &*self.entropy);
        let method = arrived.line.method.clone();
        let offer = match self.config.compression {
            Compression::Never => None,
            Compression::From(minimum) => Some(Offer::new(minimum, &method, &arrived.headers)),
        };
        let response = match &url.cors {
            Some(rules) => {
                let origin = arrived.headers.get(header::ORIGIN).cloned();
                // A browser never signs a preflight, so it is answered before anyone is asked who they are.
                if cors::is_preflight(&method, &arrived.headers) {
                    cors::preflight(FRONT, rules, origin.as_ref())
                } else {
                    let mut response = self.answer_url(function, url, &ids, arrived).await;
                    cors::apply(rules, origin.as_ref(), response.headers_mut());
                    response
                }
            }
            None => self.answer_url(function, url, &ids, arrived).await,
        };
        finish(response, FRONT, &ids, &method, offer.as_ref()).await
    }

    async fn answer_url(
        &self,
        function: &Arc<LiveFunction>,
        url: &FunctionUrl,
        ids: &Ids,
        arrived: Arrived,
    ) -> Response<ResponseBody> {
        let Arrived { line, headers, body } = arrived;
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
        let body = match body.read(limit).await {
            Ok(body) => body,
            Err(error) => return super::call::refuse_body(error).answer(FRONT),
        };
        let caller = match url.auth {
            UrlAuth::None => None,
            UrlAuth::AwsIam => match self.caller(function, &line, &headers, &body) {
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
            line: &line,
            headers,
            route_path: line.path(),
            body,
            api: &url.id.0,
            account,
            stage: "$default",
            stage_variables: None,
            route_method: None,
            resource: "$default",
            variables: &[],
            values: &[],
            told: None,
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
        line: &Line,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Caller>, sonagi_identity::Error> {
        let mut signed: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        if !headers.contains_key(header::HOST) {
            signed.push(("host", line.authority(headers).as_bytes()));
        }
        authorize(&self.identity, function, &line.method, &line.uri, &signed, body, self.clock.now())
    }
}
