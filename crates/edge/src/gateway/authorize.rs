//! Who may call a function URL of auth type `AWS_IAM` ("Control access to Lambda function URLs").

use http::{Method, Uri};
use sonagi_control::LiveFunction;
use sonagi_identity::{
    Access, Identity, Mode, Principal,
    sigv4::{Body, SignedRequest},
};
use sonagi_model::Timestamp;

use super::event::Caller;

/// Checks the signature and the right to `lambda:InvokeFunctionUrl`; `headers` are as the client sent them.
pub(super) fn authorize(
    identity: &Identity,
    function: &LiveFunction,
    method: &Method,
    uri: &Uri,
    headers: &[(&str, &[u8])],
    body: &[u8],
    now: Timestamp,
) -> Result<Option<Caller>, sonagi_identity::Error> {
    let request = SignedRequest {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers,
        body: Body::Whole(body),
    };
    let principal = identity.authenticate(&request, &["lambda"], now)?.principal;
    let context = [("lambda:FunctionUrlAuthType", "AWS_IAM".into())];
    let access = Access::new(&principal, "lambda:InvokeFunctionUrl", function.arn(), now);
    identity.may(&access.owned_by(Some(&function.app)).with(&context))?;
    let account = identity.account();
    let access_key = match &principal {
        Principal::Operator { key_id } => key_id.clone(),
        Principal::Function { function, .. } => function.to_string(),
        Principal::Service { name } => name.clone(),
        // Whoever reaches an open platform's socket may do anything; there is nobody to name.
        Principal::Anonymous => {
            debug_assert_eq!(identity.mode(), Mode::Open);
            return Ok(None);
        }
    };
    let user_id = principal.user_id(account);
    Ok(Some(Caller {
        access_key,
        account_id: account.to_string(),
        caller_id: user_id.clone(),
        cognito_identity: None,
        principal_org_id: None,
        user_arn: principal.arn(account),
        user_id,
    }))
}
