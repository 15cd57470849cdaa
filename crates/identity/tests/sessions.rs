//! A function's credentials: good for its own app until they expire, and for nothing else.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use proptest::prelude::*;
use sonagi_identity::{
    Access, Config, CredentialsFile, Error, FunctionSession, Identity, Keys, Principal,
    sigv4::{self, Body, Scope, SignedRequest},
};
use sonagi_model::{AccountId, AppName, LambdaName, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_769_847_330_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn identity(master: u8, credentials: Option<&str>) -> Identity {
    Identity::new(Config {
        account: AccountId::default(),
        credentials: credentials.map(|text| CredentialsFile::parse(text).unwrap()),
        master_key: [master; 32],
    })
}

fn required() -> Identity {
    identity(
        1,
        Some("[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = 0123456789abcdef0123\n"),
    )
}

fn session(app: &str, function: &str) -> FunctionSession {
    FunctionSession {
        app: AppName::new(app).unwrap(),
        function: LambdaName::new(function).unwrap(),
        role: "arn:aws:iam::000000000000:role/service/pets".into(),
    }
}

fn ask(identity: &Identity, keys: &Keys, now: Timestamp) -> Result<Principal, Error> {
    let headers: Vec<(&str, &[u8])> = vec![("host", b"localhost:4566")];
    let request = SignedRequest {
        method: "GET",
        path: "/x",
        query: "a=b",
        headers: &headers,
        body: Body::Whole(b"hi"),
    };
    let added = sigv4::sign(&request, keys, Scope { region: "us-east-1", service: "lambda" }, now);
    let mut whole = headers.clone();
    whole.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let request = SignedRequest { headers: &whole, ..request };
    let screened = identity.screen(&request);
    let authenticated = identity.authenticate(&request, &["lambda"], now).map(|known| known.principal);
    if screened.is_err() {
        assert!(authenticated.is_err());
    }
    authenticated
}

#[test]
fn a_function_is_known_by_its_session_in_both_modes() {
    for identity in [required(), identity(1, None)] {
        let credentials = identity.function_session(&session("petshop", "petshop-search"), NOW, HOUR);
        assert_eq!(credentials.access_key_id.len(), 20);
        assert_eq!(credentials.secret_access_key.len(), 40);
        assert_eq!(credentials.expires, NOW + HOUR);
        assert!(!format!("{credentials:?}").contains(&credentials.secret_access_key));
        let principal = ask(&identity, &credentials.keys(), NOW).unwrap();
        assert_eq!(
            principal,
            Principal::Function {
                app: AppName::new("petshop").unwrap(),
                function: LambdaName::new("petshop-search").unwrap(),
                role: "pets".into(),
            }
        );
        assert_eq!(
            principal.arn(identity.account()),
            "arn:aws:sts::000000000000:assumed-role/pets/petshop-search"
        );
        let own = AppName::new("petshop").unwrap();
        let other = AppName::new("bank").unwrap();
        let may =
            |action, owner| identity.may(&Access::new(&principal, action, "arn:x", NOW).owned_by(owner));
        assert_eq!(may("lambda:InvokeFunction", Some(&own)), Ok(()));
        assert_eq!(may("lambda:InvokeFunctionUrl", Some(&own)), Ok(()));
        assert_eq!(may("sts:GetCallerIdentity", None), Ok(()));
        for (action, owner) in [
            ("lambda:InvokeFunction", Some(&other)),
            ("lambda:InvokeFunction", None),
            ("lambda:DeleteFunction", Some(&own)),
            ("lambda:ListFunctions", None),
            ("sonagi:Deploy", Some(&own)),
        ] {
            assert_eq!(
                may(action, owner).unwrap_err().to_string(),
                format!(
                    "User: arn:aws:sts::000000000000:assumed-role/pets/petshop-search is not authorized to perform: \
                     {action} on resource: arn:x because no identity-based policy allows the {action} action"
                )
            );
        }
    }
}

#[test]
fn a_session_ends() {
    let identity = required();
    let credentials = identity.function_session(&session("a", "f"), NOW, HOUR);
    assert!(ask(&identity, &credentials.keys(), NOW + HOUR / 2).is_ok());
    let late = ask(&identity, &credentials.keys(), NOW + HOUR).unwrap_err();
    assert_eq!(late, Error::ExpiredToken);
    assert_eq!(late.to_string(), "The security token included in the request is expired");
}

#[test]
fn a_session_of_another_platform_is_nobodys() {
    let elsewhere = identity(2, None).function_session(&session("a", "f"), NOW, HOUR);
    assert_eq!(ask(&required(), &elsewhere.keys(), NOW), Err(Error::UnknownKey));
    // An open platform does not take it for a function of its own either.
    assert_eq!(ask(&identity(1, None), &elsewhere.keys(), NOW), Err(Error::UnknownKey));
}

#[test]
fn the_platforms_own_links_are_no_credentials_for_anything_else() {
    let identity = required();
    assert_eq!(ask(&identity, identity.platform_keys(), NOW), Err(Error::UnknownKey));
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,20}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever byte of a token is changed, cut off or added, it is nobody's.
    #[test]
    fn a_token_cannot_be_changed(app in name(), function in name(), at in 0_usize..400, byte in any::<u8>(), cut in any::<bool>()) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let identity = required();
        let mut keys = identity.function_session(&session(&app, &function), NOW, HOUR).keys();
        let mut token = STANDARD.decode(keys.session_token.unwrap()).unwrap();
        let at = at % token.len();
        prop_assume!(cut || token[at] != byte);
        if cut { token.truncate(at) } else { token[at] = byte }
        keys.session_token = Some(STANDARD.encode(token));
        prop_assert_eq!(ask(&identity, &keys, NOW), Err(Error::UnknownKey));
    }

    /// A key id, a secret and a token of different sessions never fit together.
    #[test]
    fn a_session_cannot_be_moved_to_another_function(app in name(), one in name(), other in name(), longer in 1_u64..100) {
        let identity = required();
        let first = identity.function_session(&session(&app, &one), NOW, HOUR).keys();
        let seconds = if one == other { longer } else { 0 };
        let second = identity.function_session(&session(&app, &other), NOW, HOUR + Duration::from_secs(seconds)).keys();
        for which in 1_u8..7 {
            let pick = |bit: u8| if which & bit == 0 { &first } else { &second };
            let mixed = Keys {
                access_key_id: pick(1).access_key_id.clone(),
                secret_access_key: pick(2).secret_access_key.clone(),
                session_token: pick(4).session_token.clone(),
            };
            prop_assert!(ask(&identity, &mixed, NOW).is_err());
        }
    }

    /// Nothing that a stranger sends makes it panic, and nothing of it passes.
    #[test]
    fn nonsense_is_refused(header in "\\PC{0,200}", query in "\\PC{0,200}", path in "\\PC{0,50}") {
        let identity = required();
        let headers: Vec<(&str, &[u8])> = vec![("host", b"h"), ("x-amz-date", b"20260131T081530Z"), ("authorization", header.as_bytes())];
        let request = SignedRequest { method: "GET", path: &path, query: &query, headers: &headers, body: Body::Whole(b"") };
        prop_assert!(identity.authenticate(&request, &["lambda"], NOW).is_err());
        let with_scheme = format!("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260131/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature={header}");
        let headers: Vec<(&str, &[u8])> = vec![("host", b"h"), ("x-amz-date", b"20260131T081530Z"), ("authorization", with_scheme.as_bytes())];
        let request = SignedRequest { headers: &headers, ..request };
        prop_assert!(identity.authenticate(&request, &["lambda"], NOW).is_err());
    }
}
