//! With credentials configured, a request is signed with one of them or refused.

use sonagi_harness::{Script, World, get};

const FILE: &str =
    "[default]\naws_access_key_id = AKIATESTTESTTEST0001\naws_secret_access_key = correct-horse-battery\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_signed_with_a_known_key_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    std::fs::write(&file, FILE).unwrap();
    let world = World::builder().credentials(file).start().await;
    let platform = world.platform();
    let host = platform.to_string();
    let bare = get(platform, &host, "/2015-03-31/functions/").await;
    assert_eq!(bare.status, 403);
    assert_eq!(bare.header("x-amzn-errortype"), "MissingAuthenticationTokenException");
    assert_eq!(get(platform, &host, "/_sonagi/v1/functions").await.status, 401);

    let list = async |id: &str, secret: &str| {
        Script::aws_as(platform, (id, secret), &["lambda", "list-functions"]).await
    };
    list("AKIATESTTESTTEST0001", "correct-horse-battery").await.passed();
    let wrong = list("AKIATESTTESTTEST0001", "wrong-horse-battery").await;
    assert!(!wrong.success && wrong.stderr.contains("InvalidSignatureException"), "{}", wrong.stderr);
    let unknown = list("AKIATESTTESTTEST0002", "correct-horse-battery").await;
    assert!(!unknown.success && unknown.stderr.contains("UnrecognizedClientException"), "{}", unknown.stderr);
}
