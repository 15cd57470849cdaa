//! `https`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::Request;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::mpsc};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};
use wasmtime_wasi_http::{Error, RequestOptions};

use super::{World, get, send, servers, text};

/// An authority that nobody knows but those who are told.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A server that proves to be `names`.
    async fn server(&self, names: &[&str]) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let certificate = params.unwrap().signed_by(&key, &self.0).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        servers::serve(stream, mpsc::unbounded_channel().0).await;
                    }
                });
            }
        });
        address
    }
}

#[tokio::test]
async fn a_server_that_proves_who_it_is_is_reached_over_tls() {
    let authority = Authority::new();
    let world = World::trusting(vec![authority.der()]);
    let server = authority.server(&["api.example", "127.0.0.1"]).await;
    world.names.is("api.example", &[&["127.0.0.1"]]);
    let port = server.port();
    let mut guest = world.guest("shop", &[&format!("private:api.example:{port}"), &server.to_string()]);
    for uri in [format!("https://api.example:{port}/"), format!("https://{server}/")] {
        assert_eq!(text(get(&mut guest, &uri).await.unwrap()).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_server_that_does_not_prove_who_it_is_is_not_spoken_to() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let world = World::trusting(vec![known.der()]);
    for server in [known.server(&["other.example"]).await, unknown.server(&["127.0.0.1"]).await] {
        let mut guest = world.guest("shop", &[&server.to_string()]);
        let refused = get(&mut guest, &format!("https://{server}/")).await.unwrap_err();
        assert!(matches!(refused, Error::TlsCertificateError), "{refused}");
    }
    assert!(world.outbound.0.pool.is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_a_protocol_error_and_a_silent_one_is_given_up() {
    let world = World::trusting(vec![Authority::new().der()]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    let mut guest = world.guest("shop", &[&plain.to_string()]);
    let uri = format!("https://{plain}/");
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let (refused, _stream) = tokio::join!(get(&mut guest, &uri), answer);
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::TlsProtocolError), "{refused}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    let mut guest = world.guest("shop", &[&silent.to_string()]);
    let options = RequestOptions { connect_timeout: Some(Duration::from_secs(2)), ..Default::default() };
    let uri = format!("https://{silent}/");
    let sent = send(&mut guest, Request::get(&uri), Some(options));
    let time = async {
        let connection = listener.accept().await.unwrap();
        world.advance_sleepers(Duration::from_secs(2)).await;
        drop(connection);
    };
    let (ended, ()) = tokio::join!(sent, time);
    assert!(matches!(ended, Err(Error::ConnectionTimeout)), "{ended:?}");
}

#[tokio::test]
async fn without_authorities_there_is_no_https() {
    let (world, server) = (World::new(), Authority::new().server(&["127.0.0.1"]).await);
    let refused = get(&mut world.guest("shop", &[&server.to_string()]), &format!("https://{server}/")).await;
    assert!(matches!(refused, Err(Error::ConfigurationError)), "{refused:?}");
}
