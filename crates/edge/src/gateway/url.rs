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
    call::{Call, Waiting, read_whole},
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
        arrived: &mut Arrived,
    ) -> Response<ResponseBody> {
        let ids = Ids::new(&arrived.headers, self.clock.now(), &*self.entropy);
        let offer = match self.config.compression {
            Compression::Never => None,
            Compression::From(minimum) => Some(Offer::new(minimum, &arrived.line.method, &arrived.headers)),
        };
        let rules = url.cors.as_ref().map(|rules| (rules, arrived.headers.get(header::ORIGIN).cloned()));
        let response = match &rules {
            // A browser never signs a preflight, so it is answered before anyone is asked who they are.
            Some((rules, origin)) if cors::is_preflight(&arrived.line.method, &arrived.headers) => {
                cors::preflight(FRONT, rules, origin.as_ref())
            }
            Some(_) | None => {
                let mut response = self.answer_url(function, url, &ids, arrived).await;
                if let Some((rules, origin)) = &rules {
                    cors::apply(rules, origin.as_ref(), response.headers_mut());
                }
                response
            }
        };
        finish(response, FRONT, &ids, &arrived.line.method, offer.as_ref()).await
    }

    async fn answer_url(
        &self,
        function: &Arc<LiveFunction>,
        url: &FunctionUrl,
        ids: &Ids,
        arrived: &mut Arrived,
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
        let body = match read_whole(body, limit).await {
            Ok(body) => body,
            Err(refusal) => return refusal.answer(FRONT),
        };
        let caller = match url.auth {
            UrlAuth::None => None,
            UrlAuth::AwsIam => match self.caller(function, line, headers, &body) {
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
            line,
            headers: std::mem::take(headers),
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
