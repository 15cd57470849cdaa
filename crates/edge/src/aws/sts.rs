//! STS, as far as every tool asks it: who am I? (STS API Reference, "GetCallerIdentity")

use http::{Method, Response, StatusCode, request::Parts as Head};
use sonagi_identity::Access;
use sonagi_model::{RequestId, limits};

use super::{
    Query,
    admit::admit,
    error::{AwsError, XML, xml},
    service::Protocol,
};
use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};

pub(super) async fn handle(
    parts: &Parts,
    head: Head,
    body: Body,
    request: RequestId,
) -> Result<Response<ResponseBody>, AwsError> {
    let (principal, body) = admit(parts, &head, body, limits::API_BODY_SIZE, &["sts"])
        .await
        .map_err(|refusal| AwsError::refusal(refusal, Protocol::Query))?;
    let form = match head.method {
        Method::POST => Query::parse(&String::from_utf8_lossy(&body)),
        _ => Query::parse(head.uri.query().unwrap_or_default()),
    };
    let action = form.get("Action").unwrap_or_default();
    if action.is_empty() {
        return Err(AwsError::new(StatusCode::BAD_REQUEST, "MissingAction", "Action is missing"));
    }
    if action != "GetCallerIdentity" {
        return Err(AwsError::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            format!("Sonagi has no {action} of sts yet: GetCallerIdentity is all it speaks of that service."),
        ));
    }
    let access = Access::new(&principal, "sts:GetCallerIdentity", "*", parts.clock.now());
    parts.identity.may(&access).map_err(|error| AwsError::identity(&error, Protocol::Query))?;
    let account = parts.identity.account();
    let text = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{account}</Account>\n  \
         </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request}</RequestId>\n  \
         </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        xml(&principal.arn(account)),
        xml(&principal.user_id(account)),
    );
    let mut response = Response::new(ResponseBody::whole(text));
    response.headers_mut().insert(http::header::CONTENT_TYPE, XML);
    Ok(response)
}
