//! PostgreSQL and NATS over TLS: only servers that prove who they are.

use std::path::PathBuf;
use std::sync::Arc;

use despatch_stack::Stack;
use despatch_testkit::Bed;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::child::{Despatch, Ended, despatch};

/// What a client asks for TLS with (<https://www.postgresql.org/docs/current/protocol-message-formats.html>, SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_over_tls_has_to_prove_who_it_is() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bed = Bed::new().await;
    let (login, server) = bed.settings().database_url.split_once('@').unwrap();
    let (address, database) = server.split_once('/').unwrap();
    let authority = Authority::new();
    let guard = guard(&authority, address.to_owned()).await;
    let migrate = |host: &str, trusted: bool| {
        let mut command = despatch(["migrate"]);
        let url = format!("{login}@{host}/{database}?sslmode=require");
        command.env("DESPATCH_DATABASE_URL", url).env("DESPATCH_NATS_URL", &bed.settings().nats_url);
        if trusted {
            command.env("SSL_CERT_FILE", authority.file());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_over_tls_has_to_prove_who_it_is() {
    let bed = Bed::new().await;
    let authority = Authority::new();
    let (certificate, key) = authority.vouch();
    let [certificate_file, key_file] =
        ["server.pem", "server.key"].map(|name| authority.dir.path().join(name));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let servers = tempfile::tempdir().unwrap();
    let mut options = despatch_stack::Options::new(servers.path());
    options.database_url = Some(bed.settings().database_url.clone());
    options.nats_door = Some(format!("tls {{ cert_file: {certificate_file:?}, key_file: {key_file:?} }}"));
    let guarded = Stack::start(options).await.unwrap();
    let address = guarded.nats_url().strip_prefix("nats://").unwrap();
    let ask = |command: &str, address: &str, trusted: bool| {
        let mut command = despatch([command]);
        command.env("DESPATCH_NATS_URL", format!("tls://{address}"));
        command.env("DESPATCH_DATABASE_URL", &bed.settings().database_url);
        if trusted {
            command.env("SSL_CERT_FILE", authority.file());
        }
        async move { Despatch::run(&mut command).await }
    };
    let refused = |ended: &Ended, why: &str| !ended.status.success() && ended.stdout.contains(why);

    let stranger = ask("doctor", address, false).await;
    assert!(refused(&stranger, "UnknownIssuer"), "{stranger:?}");
    let misnamed = ask("doctor", &address.replace("127.0.0.1", "localhost"), true).await;
    assert!(refused(&misnamed, "not valid for name"), "{misnamed:?}");
    let plain_server = bed.settings().nats_url.split_once("://").unwrap().1;
    let plain = ask("doctor", plain_server, true).await;
    assert!(refused(&plain, "InvalidContentType"), "a server without TLS will not do: {plain:?}");
    // What waits for its server says who knows what keeps them apart.
    let stranger = ask("provision", address, false).await;
    assert!(
        !stranger.status.success() && stranger.stderr.contains("`despatch doctor` says why"),
        "{stranger:?}"
    );
    let known = ask("provision", address, true).await;
    assert!(known.status.success(), "{known:?}");
    guarded.stop().await.unwrap();
}

/// Who vouches for servers at 127.0.0.1, and the file that says so.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    fn vouch(&self) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// TLS in front of a server.
async fn guard(authority: &Authority, server: String) -> String {
    let (certificate, key) = authority.vouch();
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
    address
}
