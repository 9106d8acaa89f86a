//! PostgreSQL over TLS: only a server that proves who it is.

use std::sync::Arc;

use despatch_testkit::Bed;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::child::{Despatch, despatch};

/// What a client asks for TLS with (<https://www.postgresql.org/docs/current/protocol-message-formats.html>, SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_over_tls_has_to_prove_who_it_is() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bed = Bed::new().await;
    let (login, server) = bed.settings().database_url.split_once('@').unwrap();
    let (address, database) = server.split_once('/').unwrap();
    let (authority, guard) = guard(address.to_owned()).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let migrate = |host: &str, trusted: bool| {
        let mut command = despatch(["migrate"]);
        let url = format!("{login}@{host}/{database}?sslmode=require");
        command.env("DESPATCH_DATABASE_URL", url).env("DESPATCH_NATS_URL", &bed.settings().nats_url);
        if trusted {
            command.env("SSL_CERT_FILE", &file);
        }
        async move { Despatch::run(&mut command).await }
    };

    let stranger = migrate(&guard, false).await;
    assert!(!stranger.status.success() && stranger.stderr.contains("UnknownIssuer"), "{stranger:?}");
    let misnamed = migrate(&guard.replace("127.0.0.1", "localhost"), true).await;
    assert!(!misnamed.status.success() && misnamed.stderr.contains("not valid for name"), "{misnamed:?}");
    let plain = migrate(address, true).await;
    assert!(!plain.status.success(), "a server without TLS will not do: {plain:?}");
    let known = migrate(&guard, true).await;
    assert!(known.status.success(), "{known:?}");
}

/// TLS in front of a server, and the authority that vouches for it.
async fn guard(server: String) -> (String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                let mut request = [0; 8];
                client.read_exact(&mut request).await?;
                assert_eq!(request, SSL_REQUEST);
                client.write_all(b"S").await?;
                let mut client = acceptor.accept(client).await?;
                let mut server = TcpStream::connect(server).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (authority, address)
}
