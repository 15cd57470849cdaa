//! A request to an API: stage, route, CORS, function.

use std::sync::Arc;

use http::{Method, Response};
use sonagi_control::LiveApp;
use sonagi_model::{
    api::{Api, ApiKind, PayloadFormat},
    limits::{HTTP_API_TIMEOUT, REST_API_TIMEOUT},
};

use super::{
    Arrived, Compression, Inner,
    answer::Reading,
    call::{Call, Waiting},
    cors,
    finish::{Ids, finish},
    front::{Front, Refusal},
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
        arrived: Arrived,
    ) -> Response<ResponseBody> {
        let api = &app.release.content.apis[index];
        let front = match api.kind {
            ApiKind::Http => Front::HttpApi,
            ApiKind::Rest => Front::RestApi,
        };
        let ids = Ids::new(&arrived.parts.headers, self.clock.now(), &*self.entropy);
        let method = arrived.parts.method.clone();
        // Kept for what is decided after the function has had its own.
        let origin_headers = cors::request_headers(&arrived.parts.headers);
        let mut response = self.answer_api(app, api, router, front, &ids, arrived).await;
        if let (ApiKind::Http, Some(rules)) = (api.kind, &api.cors)
            && !cors::is_preflight(&method, &origin_headers)
        {
            cors::apply(rules, &origin_headers, response.headers_mut());
        }
        let minimum = match (api.kind, self.config.compression) {
            (ApiKind::Rest, _) => api.minimum_compression_size,
            (ApiKind::Http, Compression::Never) => None,
            (ApiKind::Http, Compression::From(bytes)) => Some(bytes),
        };
        finish(response, front, &ids, &method, &origin_headers, minimum).await
    }

    async fn answer_api(
        &self,
        app: &Arc<LiveApp>,
        api: &Api,
        router: &Router,
        front: Front,
        ids: &Ids,
        arrived: Arrived,
    ) -> Response<ResponseBody> {
        let method = &arrived.parts.method;
        if let (ApiKind::Http, Some(rules)) = (api.kind, &api.cors)
            && cors::is_preflight(method, &arrived.parts.headers)
        {
            return cors::preflight(front, rules, &arrived.parts.headers);
        }
        let Located { path: route_path, routed } = locate(api, router, method.as_str(), &arrived.path);
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
        let accept = arrived.parts.headers.get(http::header::ACCEPT).cloned();
        let body = match arrived.body.read(self.config.body_size).await {
            Ok(body) => body,
            Err(error) => return super::call::refuse_body(error).answer(front),
        };
        let call = Call {
            front,
            format,
            ids,
            parts: arrived.parts,
            peer: arrived.peer,
            authority: &arrived.authority,
            path: &arrived.path,
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
