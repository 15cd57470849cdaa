//! Where requests go, and where they do not.

use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use wasmtime_wasi_http::Error;

use super::{World, begin, get, send, servers::Server, text};

#[tokio::test]
async fn a_request_reaches_the_server_that_was_granted() {
    let (world, mut server) = (World::new(), Server::start().await);
    let mut guest = world.guest_of(server.address);
    let uri = format!("http://{}/path?query", server.address);
    assert_eq!(text(get(&mut guest, &uri).await.unwrap()).await.unwrap(), "hello");
    let seen = server.seen.recv().await.unwrap();
    assert_eq!(seen.uri, "/path?query");
    assert_eq!(seen.headers["host"], server.address.to_string());

    let body = Full::new("a body".into()).map_err(|never| match never {}).boxed_unsync();
    let request = Request::post(format!("http://{}", server.address)).header("host", "evil.example");
    let answer = begin(&mut guest, request.body(body).unwrap(), None).await.unwrap();
    assert_eq!(text(answer).await.unwrap(), "a body");
    let seen = server.seen.recv().await.unwrap();
    assert_eq!((seen.method, seen.uri), (Method::POST, "/".parse().unwrap()));
    let hosts: Vec<_> = seen.headers.get_all("host").iter().collect();
    assert_eq!(hosts, [&server.address.to_string()], "whom a request is for is not the guest's to say");
    assert_eq!(world.names.asked(), 0);
}

#[tokio::test]
async fn what_no_rule_grants_is_neither_looked_up_nor_connected_to() {
    let (world, server) = (World::new(), Server::start().await);
    world.names.is("other.example", &[&["127.0.0.1"]]);
    let port = server.address.port();
    let mut guest = world.guest("shop", &[&format!("http://api.example:{port}")]);
    for uri in [
        format!("http://{}/", server.address),
        format!("http://other.example:{port}/"),
        format!("https://api.example:{port}/"),
        "http://api.example/".into(),
    ] {
        let refused = get(&mut guest, &uri).await.unwrap_err();
        assert!(matches!(refused, Error::HttpRequestDenied), "{uri}: {refused}");
    }
    let nobody = get(&mut world.guest("shop", &[]), &format!("http://{}/", server.address)).await;
    assert!(matches!(nobody, Err(Error::HttpRequestDenied)));
    let connect = Request::builder().method(Method::CONNECT).uri(format!("http://{}/", server.address));
    let tunnel = send(&mut world.guest_of(server.address), connect, None).await;
    assert!(matches!(tunnel, Err(Error::HttpRequestMethodInvalid)));
    assert_eq!((world.names.asked(), server.accepted()), (0, 0));
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    let (world, server) = (World::new(), Server::start().await);
    let port = server.address.port();
    let uri = format!("http://api.example:{port}/");
    let mut guest = world.guest("shop", &[&format!("http://api.example:{port}")]);
    for answer in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["10.0.0.1", "169.254.169.254", "0.0.0.0"],
        &["64:ff9b::7f00:1", "2002:7f00:1::"],
    ] {
        world.names.is("api.example", &[answer]);
        let refused = get(&mut guest, &uri).await.unwrap_err();
        assert!(matches!(refused, Error::DestinationIpProhibited), "{answer:?}: {refused}");
    }
    assert_eq!(server.accepted(), 0);
    let mut trusting = world.guest("shop", &[&format!("private:http://api.example:{port}")]);
    world.names.is("api.example", &[&["0.0.0.0", "127.0.0.1"]]);
    assert_eq!(text(get(&mut trusting, &uri).await.unwrap()).await.unwrap(), "hello");
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let (world, server) = (World::new(), Server::start().await);
    let port = server.address.port();
    let uri = format!("http://rebinding.example:{port}/");
    let mut guest = world.guest("shop", &[&format!("http://rebinding.example:{port}")]);
    // First an address that passes, and the guest's target to whoever asks again. Nobody does: the connection goes to
    // the address that was checked, which nobody here answers.
    world.names.is("rebinding.example", &[&["2001:200::1"], &["127.0.0.1"]]);
    {
        let sent = get(&mut guest, &uri);
        tokio::pin!(sent);
        tokio::select! {
            failed = &mut sent => assert!(failed.is_err(), "{failed:?}"),
            // Where packets to it are lost, time ends it.
            () = world.until(|world| world.clock.sleepers() > 0) => {}
        }
    }
    assert_eq!((world.names.asked(), server.accepted()), (1, 0));
    let refused = get(&mut guest, &uri).await.unwrap_err();
    assert!(matches!(refused, Error::DestinationIpProhibited), "{refused}");
    assert_eq!((world.names.asked(), server.accepted()), (2, 0));
}

#[tokio::test]
async fn a_redirect_is_the_guests_to_follow() {
    let (world, server) = (World::new(), Server::start().await);
    let mut guest = world.guest_of(server.address);
    let answer = get(&mut guest, &format!("http://{}/redirect", server.address)).await.unwrap();
    assert_eq!(answer.status(), 302);
    let followed = get(&mut guest, answer.headers()["location"].to_str().unwrap()).await;
    assert!(matches!(followed, Err(Error::HttpRequestDenied)));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let (world, server) = (World::new(), Server::start().await);
    let port = server.address.port();
    let mut guest = world.guest("shop", &[&format!("private:http://two.example:{port}")]);
    // The server listens on one of them only.
    world.names.is("two.example", &[&["127.0.0.9", "127.0.0.1"]]);
    let answer = get(&mut guest, &format!("http://two.example:{port}/")).await.unwrap();
    assert_eq!(text(answer).await.unwrap(), "hello");
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::new();
    let closed = Server::start().await.address;
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_ne!(closed, unused);
    let refused = get(&mut world.guest_of(unused), &format!("http://{unused}/")).await.unwrap_err();
    assert!(matches!(refused, Error::ConnectionRefused), "{refused}");
    let mut guest = world.guest("shop", &["nowhere.example", "empty.example"]);
    world.names.is("empty.example", &[&[]]);
    for uri in ["https://nowhere.example/", "https://empty.example/"] {
        let unknown = get(&mut guest, uri).await.unwrap_err();
        assert!(matches!(unknown, Error::DnsError { .. }), "{unknown}");
    }
}
