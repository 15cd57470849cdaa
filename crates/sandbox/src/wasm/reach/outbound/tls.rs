//! `https`.

use std::{net::IpAddr, sync::Arc};

use tokio::{net::TcpStream, sync::OnceCell};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        client::Resumption,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};
use wasmtime_wasi_http::Error;

use super::{failure, rules::Host};

/// The authorities that servers' certificates are checked against.
#[derive(Debug, Clone)]
pub enum Roots {
    /// The machine's, read at the first `https` request.
    System,
    /// These alone, each as DER: for tests, and for networks with an authority of their own.
    Only(Vec<Vec<u8>>),
}

/// Makes connections secret and servers prove who they are.
pub(super) struct Tls {
    roots: Roots,
    connector: OnceCell<TlsConnector>,
}

impl Tls {
    pub(super) fn new(roots: Roots) -> Self {
        Self { roots, connector: OnceCell::new() }
    }

    pub(super) async fn secure(&self, host: &Host, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
        let name = match host {
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)?
            }
            Host::Address(address) => ServerName::IpAddress(IpAddr::into(*address)),
        };
        let connector = self.connector.get_or_try_init(|| connector(self.roots.clone())).await?;
        connector.connect(name, stream).await.map_err(|error| failure::securing(&error))
    }
}

async fn connector(roots: Roots) -> Result<TlsConnector, Error> {
    let certificates = match roots {
        Roots::System => tokio::task::spawn_blocking(system).await.map_err(|_| Error::InternalError(None))?,
        Roots::Only(certificates) => certificates.into_iter().map(CertificateDer::from).collect(),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        tracing::error!(
            "no certificate authorities: install ca-certificates, so that functions can use https"
        );
        return Err(Error::ConfigurationError);
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::ConfigurationError)?;
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A session that one app began is not another's to go on with.
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn system() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("read the machine's certificate authorities: {error}");
    }
    found.certs
}
