//! Signatures against botocore's own, against our own, and against everything that could be changed on the way.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use serde::Deserialize;
use sonagi_identity::{
    Access, Config, CredentialsFile, Error, Identity, Keys, Mode, Principal, Skew,
    sigv4::{self, Body, PayloadPromise, Scope, SignedRequest, Trailer},
};
use sonagi_model::{AccountId, Fault, FaultKind, Timestamp};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2026-01-31T08:15:30Z
const NOW: Timestamp = Timestamp::from_millis(1_769_847_330_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A request that botocore signed at [`NOW`].
#[derive(Debug, Clone, Deserialize)]
struct Vector {
    name: String,
    service: String,
    region: String,
    token: Option<String>,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("botocore_vectors.json")).unwrap()
}

impl Vector {
    fn with<T>(&self, then: impl FnOnce(&SignedRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        then(&SignedRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: Body::Whole(self.body.as_bytes()),
        })
    }

    fn verify(&self, now: Timestamp) -> Result<PayloadPromise, Error> {
        self.with(|request| {
            let claim = sigv4::claim(request)?.ok_or(Error::Missing)?;
            assert_eq!((claim.key_id(), claim.session_token()), (ID, self.token.as_deref()), "{}", self.name);
            claim.verify(request, SECRET, &[&self.service], now)
        })
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.headers.iter_mut().find(|(key, _)| key == name).unwrap().1
    }
}

fn identity() -> Identity {
    let file = format!("[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n");
    Identity::new(Config {
        account: AccountId::default(),
        credentials: Some(CredentialsFile::parse(&file).unwrap()),
        master_key: [7; 32],
    })
}

fn keys() -> Keys {
    Keys { access_key_id: ID.into(), secret_access_key: SECRET.into(), session_token: None }
}

#[test]
fn what_botocore_signs_is_accepted() {
    let vectors = vectors();
    assert!(vectors.len() > 70);
    let refused: Vec<_> = vectors
        .iter()
        .map(|vector| (&vector.name, vector.verify(NOW)))
        .filter(|(_, verified)| !matches!(verified, Ok(PayloadPromise::Checked | PayloadPromise::Unsigned)))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    for vector in vectors() {
        let refused = |change: &dyn Fn(&mut Vector)| {
            let mut changed = vector.clone();
            change(&mut changed);
            let refusal = changed.verify(NOW).expect_err(&vector.name);
            assert_eq!(refusal.kind(), FaultKind::Unauthenticated);
        };
        refused(&|vector| vector.method = "DELETE".into());
        refused(&|vector| vector.path.push_str("/x"));
        refused(&|vector| vector.query.push_str("&injected=1"));
        refused(&|vector| vector.header("host").push('0'));
        let presigned_s3 = vector.name.starts_with("presigned") && vector.service == "s3";
        if !presigned_s3 {
            refused(&|vector| vector.body.push('!'));
        }
    }
}

#[test]
fn our_own_signatures_are_accepted_by_our_own_check() {
    for mut vector in vectors() {
        vector.headers.retain(|(name, _)| {
            !matches!(name.as_str(), "authorization" | "x-amz-date" | "x-amz-security-token")
        });
        if vector.query.contains("X-Amz-") {
            continue;
        }
        let keys = Keys { session_token: vector.token.clone(), ..keys() };
        let scope = Scope { region: &vector.region, service: &vector.service };
        let added = vector.with(|request| sigv4::sign(request, &keys, scope, NOW));
        let mut signed = vector.clone();
        signed.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(signed.verify(NOW), Ok(PayloadPromise::Checked), "{}", vector.name);

        vector.headers.retain(|(name, _)| name == "host");
        vector.body.clear();
        let query = vector.with(|request| sigv4::presign(request, &keys, scope, MINUTE, NOW));
        let link = Vector { query, ..vector.clone() };
        assert!(link.verify(NOW).is_ok(), "{}", vector.name);
        assert!(matches!(link.verify(NOW + MINUTE * 2), Err(Error::Time { skew: Skew::Past, .. })));
    }
}

fn one(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name.starts_with(name)).unwrap()
}

#[test]
fn a_signature_is_good_for_five_minutes_both_ways_and_s3_s_for_fifteen() {
    let lambda = one("path 1 ");
    assert!(lambda.verify(NOW + MINUTE * 5).is_ok());
    let late = lambda.verify(NOW + MINUTE * 6).unwrap_err();
    assert_eq!(
        late.to_string(),
        "Signature expired: 20260131T081530Z is now earlier than 20260131T081630Z (20260131T082130Z - 5 min.)"
    );
    let before = |minutes: u64| Timestamp(NOW.micros() - minutes * 60_000_000);
    assert!(lambda.verify(before(5)).is_ok());
    let early = lambda.verify(before(6)).unwrap_err();
    assert_eq!(
        early.to_string(),
        "Signature not yet current: 20260131T081530Z is still later than 20260131T081430Z (20260131T080930Z + 5 min.)"
    );
    let s3 = one("s3 body");
    assert!(s3.verify(NOW + MINUTE * 15).is_ok());
    assert!(s3.verify(NOW + MINUTE * 16).is_err());
}

#[test]
fn a_presigned_link_is_good_for_as_long_as_it_says() {
    let link = one("presigned 0");
    assert!(link.verify(NOW + MINUTE * 15).is_ok());
    assert!(matches!(link.verify(NOW + MINUTE * 15 + Duration::from_secs(1)), Err(Error::Time { .. })));
    for wrong in ["0", "604801", "-1", "x"] {
        let mut link = link.clone();
        link.query = link.query.replace("X-Amz-Expires=900", &format!("X-Amz-Expires={wrong}"));
        assert!(matches!(link.verify(NOW), Err(Error::Incomplete(_))), "{wrong}");
    }
}

#[test]
fn the_host_and_every_amazon_header_must_be_signed() {
    let mut extra = one("path 1 ");
    extra.headers.push(("x-amz-client-context".into(), "e30=".into()));
    assert!(matches!(extra.verify(NOW), Err(Error::Scope(text)) if text.contains("x-amz-client-context")));
    let mut no_host = one("path 1 ");
    let authorization = no_host.header("authorization");
    *authorization = authorization.replace("host;", "");
    assert!(matches!(no_host.verify(NOW), Err(Error::Scope(text)) if text.contains("'Host'")));
}

#[test]
fn an_incomplete_authorization_says_what_it_lacks() {
    let whole = one("path 1 ").headers.into_iter().find(|(name, _)| name == "authorization").unwrap().1;
    let cases = [
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", "requires 'Signature' parameter"),
        ("AWS4-HMAC-SHA256 Signature=aa, SignedHeaders=host", "requires 'Credential' parameter"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=aa", "5 slash-delimited"),
        ("AWS4-HMAC-SHA256 nonsense", "not a valid key=value pair"),
        ("Bearer abc", "Unsupported Authorization scheme"),
        ("", "Unsupported Authorization scheme"),
        (&format!("{whole}, Signature=00"), "two Signature"),
    ];
    for (value, text) in cases {
        let mut vector = one("path 1 ");
        *vector.header("authorization") = value.into();
        let error = vector.verify(NOW).unwrap_err();
        assert!(matches!(&error, Error::Incomplete(message) if message.contains(text)), "{value}: {error}");
    }
    let mut undated = one("path 1 ");
    undated.headers.retain(|(name, _)| name != "x-amz-date");
    assert!(undated.verify(NOW).unwrap_err().to_string().contains("'X-Amz-Date' or a 'Date'"));
    undated.headers.push(("date".into(), "yesterday".into()));
    assert!(matches!(undated.verify(NOW), Err(Error::Incomplete(_))));
    let mut both = one("presigned 0");
    both.headers.push(("authorization".into(), whole));
    assert!(both.verify(NOW).unwrap_err().to_string().contains("Only one auth mechanism"));
}

#[test]
fn a_signature_over_a_date_header_is_accepted() {
    let headers: Vec<(&str, &[u8])> = vec![("host", b"h"), ("date", b"Sat, 31 Jan 2026 08:15:30 GMT")];
    let request =
        SignedRequest { method: "GET", path: "/", query: "", headers: &headers, body: Body::Whole(b"") };
    let scope = Scope { region: "us-east-1", service: "lambda" };
    // `sign` signs its own date too; what is left out here is checked by botocore's vectors above.
    let added = sigv4::sign(&request, &keys(), scope, NOW);
    let mut whole = headers.clone();
    whole.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let request = SignedRequest { headers: &whole, ..request };
    assert_eq!(identity().authenticate(&request, &["lambda"], NOW).unwrap().payload, PayloadPromise::Checked);
}

#[test]
fn a_scope_for_another_service_or_day_is_refused() {
    let vector = one("path 1 ");
    let error = vector
        .with(|request| sigv4::claim(request).unwrap().unwrap().verify(request, SECRET, &["sts"], NOW))
        .unwrap_err();
    assert_eq!(error.to_string(), "Credential should be scoped to correct service: 'sts'. ");
    let mut vector = vector;
    let authorization = vector.header("authorization");
    *authorization = authorization.replace("/20260131/", "/20260130/");
    let error = vector.verify(NOW).unwrap_err();
    assert!(error.to_string().starts_with("Date in Credential scope does not match"), "{error}");
}

#[test]
fn a_signature_has_one_spelling() {
    let mut vector = one("path 1 ");
    let authorization = vector.header("authorization").clone();
    let (head, signature) = authorization.rsplit_once('=').unwrap();
    for wrong in
        [signature.to_ascii_uppercase(), format!("{signature}00"), signature[..62].into(), String::new()]
    {
        *vector.header("authorization") = format!("{head}={wrong}");
        assert!(matches!(vector.verify(NOW), Err(Error::Mismatch { .. })), "{wrong}");
    }
}

/// What a promise should be.
type Fits<'a> = &'a dyn Fn(&PayloadPromise) -> bool;

#[test]
fn what_the_signature_says_of_the_body_is_passed_on() {
    let digest = sonagi_model::Digest::of(b"hello");
    let cases: [(&str, Fits<'_>); 6] = [
        ("UNSIGNED-PAYLOAD", &|promise| *promise == PayloadPromise::Unsigned),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &|promise| {
            matches!(promise, PayloadPromise::Chunked { trailer: Trailer::None, .. })
        }),
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            &|promise| matches!(promise, PayloadPromise::Chunked { trailer: Trailer::Signed, seed } if seed.signature.len() == 64),
        ),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", &|promise| *promise == PayloadPromise::UnsignedChunked),
        (&digest.to_string(), &|promise| *promise == PayloadPromise::Digest(digest)),
        ("nonsense", &|_| false),
    ];
    for (value, fits) in cases {
        let headers: Vec<(&str, &[u8])> = vec![("host", b"h"), ("x-amz-content-sha256", value.as_bytes())];
        let request =
            SignedRequest { method: "PUT", path: "/b/k", query: "", headers: &headers, body: Body::Later };
        let scope = Scope { region: "us-east-1", service: "s3" };
        let added = sigv4::sign(&request, &keys(), scope, NOW);
        let mut whole = headers.clone();
        whole.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = SignedRequest { headers: &whole, ..request };
        match identity().authenticate(&request, &["s3"], NOW) {
            Ok(authenticated) => assert!(fits(&authenticated.payload), "{value}"),
            Err(error) => assert!(value == "nonsense" && matches!(error, Error::Incomplete(_)), "{error}"),
        }
    }
}

#[test]
fn a_body_that_the_path_names_is_signed_by_its_name() {
    let named = sonagi_model::Digest::of(b"hello");
    let other = sonagi_model::Digest::of(b"other");
    let scope = Scope { region: "us-east-1", service: "sonagi" };
    let text = other.to_string();
    let cases: [(Body<'_>, Option<&str>); 4] = [
        (Body::Whole(b"hello"), None),
        (Body::Named(named), None),
        (Body::Whole(b"other"), None),
        (Body::Named(other), Some(&text)),
    ];
    for (signed, header) in cases {
        let mut headers: Vec<(&str, &[u8])> = vec![("host", b"h")];
        headers.extend(header.map(|text| ("x-amz-content-sha256", text.as_bytes())));
        let request = SignedRequest { method: "PUT", path: "/p", query: "", headers: &headers, body: signed };
        let added = sigv4::sign(&request, &keys(), scope, NOW);
        let mut whole = headers.clone();
        whole.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = SignedRequest { headers: &whole, body: Body::Named(named), ..request };
        let found = identity().authenticate(&request, &["sonagi"], NOW);
        match (signed, header) {
            (Body::Whole(b"other"), _) => assert!(matches!(found, Err(Error::Mismatch { .. })), "{found:?}"),
            (_, Some(_)) => assert_eq!(found, Err(Error::PayloadDigest)),
            (_, None) => assert_eq!(found.unwrap().payload, PayloadPromise::Digest(named)),
        }
    }
}

#[test]
fn strangers_are_told_apart_from_wrong_signatures() {
    let identity = identity();
    assert_eq!(identity.mode(), Mode::Required);
    let vector = one("path 1 ");
    let principal =
        vector.with(|request| identity.authenticate(request, &["lambda"], NOW)).unwrap().principal;
    assert_eq!(principal, Principal::Operator { key_id: ID.into() });
    assert!(identity.may(&Access::new(&principal, "lambda:DeleteFunction", "*", NOW)).is_ok());

    let mut unsigned = vector.clone();
    unsigned.headers.retain(|(name, _)| name != "authorization");
    let refused = |vector: &Vector| {
        vector.with(|request| identity.authenticate(request, &["lambda"], NOW)).unwrap_err()
    };
    let screened = |vector: &Vector| vector.with(|request| identity.screen(request));
    assert_eq!(refused(&unsigned), Error::Missing);
    assert_eq!(screened(&unsigned), Err(Error::Missing));

    let mut stranger = vector.clone();
    let authorization = stranger.header("authorization");
    *authorization = authorization.replace(ID, "AKIAUNKNOWNUNKNOWN00");
    assert_eq!(refused(&stranger), Error::UnknownKey);
    assert_eq!(screened(&stranger), Err(Error::UnknownKey));
    assert_eq!(screened(&vector), Ok(()));

    // A static key does not come with a token.
    assert_eq!(refused(&one("token")), Error::UnknownKey);
}

#[test]
fn an_open_platform_lets_everyone_in() {
    let open =
        Identity::new(Config { account: AccountId::default(), credentials: None, master_key: [7; 32] });
    assert_eq!(open.mode(), Mode::Open);
    for mut vector in [one("path 1 "), one("token"), one("presigned 0")] {
        let who = |vector: &Vector| {
            vector.with(|request| open.authenticate(request, &["lambda"], NOW)).unwrap().principal
        };
        assert_eq!(who(&vector), Principal::Anonymous);
        vector.headers.push(("authorization".into(), "Bearer x".into()));
        assert_eq!(who(&vector), Principal::Anonymous);
        assert!(open.may(&Access::new(&Principal::Anonymous, "lambda:CreateFunction", "*", NOW)).is_ok());
    }
}
