//! A request to an API: stage, route, CORS, function.

use std::sync::Arc;

use http::{Method, Response, header};
use sonagi_control::LiveApp;
use sonagi_model::{
    api::{Api, ApiKind, PayloadFormat},
    limits::{HTTP_API_TIMEOUT, REST_API_TIMEOUT},
};

use super::{
    Arrived, Compression, Inner,
    answer::Reading,
    call::{Call, Waiting, read_whole},
    compress::Offer,
    cors,
    finish::finish,
    front::{Front, Refusal},
    ids::Ids,
    place::{Located, locate},
    routes::{Match, Routed, Router},
};
use crate::serve::ResponseBody;

impl Inner {
    pub(super) async fn call_api(
        &self,
        app: &Arc<LiveApp>,
        index: usize,
        router: &Router,
        arrived: &mut Arrived,
    ) -> Response<ResponseBody> {
        let api = &app.release.content.apis[index];
        let front = front_of(api.kind);
        let ids = Ids::new(&arrived.headers, self.clock.now(), &*self.entropy);
        // Kept for what is decided after the function has had its own.
        let minimum = match (api.kind, self.config.compression) {
            (ApiKind::Rest, _) => api.minimum_compression_size,
            (ApiKind::Http, Compression::Never) => None,
            (ApiKind::Http, Compression::From(bytes)) => Some(bytes),
        };
        let offer = minimum.map(|minimum| Offer::new(minimum, &arrived.line.method, &arrived.headers));
        let rules = match (api.kind, &api.cors) {
            (ApiKind::Http, Some(rules)) => Some((rules, arrived.headers.get(header::ORIGIN).cloned())),
            (ApiKind::Http, None) | (ApiKind::Rest, _) => None,
        };
        let response = match &rules {
            Some((rules, origin)) if cors::is_preflight(&arrived.line.method, &arrived.headers) => {
                cors::preflight(front, rules, origin.as_ref())
            }
            Some(_) | None => {
                let mut response = self.answer_api(app, api, router, &ids, arrived).await;
                if let Some((rules, origin)) = &rules {
                    cors::apply(rules, origin.as_ref(), response.headers_mut());
                }
                response
            }
        };
        finish(response, front, &ids, &arrived.line.method, offer.as_ref()).await
    }

    async fn answer_api(
        &self,
        app: &Arc<LiveApp>,
        api: &Api,
        router: &Router,
        ids: &Ids,
        arrived: &mut Arrived,
    ) -> Response<ResponseBody> {
        let Arrived { line, headers, body } = arrived;
        let front = front_of(api.kind);
        let method = &line.method;
        let Located { path: route_path, routed } = locate(api, router, method.as_str(), line.path());
        let Match { route, values } = match routed {
            Routed::Route(found) => found,
            Routed::NoMethod(methods) => {
                return match &api.cors {
                    Some(rules) if *method == Method::OPTIONS => cors::mock(rules, &methods),
                    Some(_) | None => Refusal::NoRoute.answer(front),
                };
            }
            Routed::NoRoute => return Refusal::NoRoute.answer(front),
        };
        let declared = &api.routes[route];
        let Some(function) = app.function(&declared.function) else {
            tracing::error!(app = %app.name(), function = %declared.function, "a route names no function of its release");
            return Refusal::Internal.answer(front);
        };
        let target =
            match function.resolve(declared.alias.as_ref().map(|alias| alias.as_str()), &*self.entropy) {
                Ok(target) => target,
                Err(cause) => {
                    tracing::error!(%cause, "resolve the function of a route");
                    return Refusal::Internal.answer(front);
                }
            };
        let longest = match api.kind {
            ApiKind::Http => HTTP_API_TIMEOUT,
            ApiKind::Rest => REST_API_TIMEOUT,
        };
        let asked = declared.timeout.map(|millis| std::time::Duration::from_millis(millis.into()));
        let format = match api.kind {
            ApiKind::Http => declared.payload,
            ApiKind::Rest => PayloadFormat::V1,
        };
        // Shares its bytes with the request.
        let accept = match front {
            Front::RestApi => headers.get(header::ACCEPT).cloned(),
            Front::HttpApi | Front::FunctionUrl => None,
        };
        let body = match read_whole(body, self.config.body_size).await {
            Ok(body) => body,
            Err(refusal) => return refusal.answer(front),
        };
        let call = Call {
            front,
            format,
            ids,
            line,
            headers: std::mem::take(headers),
            route_path,
            body,
            api: &api.id.0,
            account: self.identity.account().as_str(),
            stage: &api.stage,
            stage_variables: Some(&api.stage_variables),
            route_method: (declared.path != "$default").then_some(&*declared.method),
            resource: &declared.path,
            variables: router.variables(route),
            values: &values,
            told: Some((router.told(), route)),
            binary_media_types: &api.binary_media_types,
            caller: None,
            target,
            alias: declared.alias.as_ref(),
            waiting: Waiting::AtMost(asked.map_or(longest, |asked| asked.min(longest))),
        };
        let accept = accept.as_ref().and_then(|value| value.to_str().ok());
        let reading = Reading { front, format, binary_media_types: &api.binary_media_types, accept };
        self.call(call, reading).await
    }
}

fn front_of(kind: ApiKind) -> Front {
    match kind {
        ApiKind::Http => Front::HttpApi,
        ApiKind::Rest => Front::RestApi,
    }
}
