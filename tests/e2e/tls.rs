//! PostgreSQL, NATS and the mail server over TLS: only servers that prove who they are.

use std::path::PathBuf;
use std::sync::Arc;

use despatch_contracts::order::OrderAccepted;
use despatch_sandbox::Sandbox;
use despatch_stack::Stack;
use despatch_testkit::TestEnv;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::child::{Despatch, Ended, despatch};
use crate::until::until;

/// A client's request for TLS (<https://www.postgresql.org/docs/current/protocol-message-formats.html>, SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_over_tls_has_to_prove_who_it_is() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = TestEnv::new().await;
    let (login, server) = env.settings().database_url.split_once('@').unwrap();
    let (address, database) = server.split_once('/').unwrap();
    let authority = Authority::new();
    let guard = guard(&authority, Opening::SslRequest, address.to_owned()).await;
    let migrate = |host: &str, trusted: bool| {
        let mut command = despatch(["migrate"]);
        let url = format!("{login}@{host}/{database}?sslmode=require");
        command.env("DESPATCH_DATABASE_URL", url).env("DESPATCH_NATS_URL", &env.settings().nats_url);
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
    let env = TestEnv::new().await;
    let authority = Authority::new();
    let (certificate, key) = authority.vouch();
    let [certificate_file, key_file] =
        ["server.pem", "server.key"].map(|name| authority.dir.path().join(name));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let servers = tempfile::tempdir().unwrap();
    let mut options = despatch_stack::Options::new(servers.path());
    options.database_url = Some(env.settings().database_url.clone());
    options.nats_permissions =
        Some(format!("tls {{ cert_file: {certificate_file:?}, key_file: {key_file:?} }}"));
    let guarded = Stack::start(options).await.unwrap();
    let address = guarded.nats_url().strip_prefix("nats://").unwrap();
    let ask = |command: &str, address: &str, trusted: bool| {
        let mut command = despatch([command]);
        command.env("DESPATCH_NATS_URL", format!("tls://{address}"));
        command.env("DESPATCH_DATABASE_URL", &env.settings().database_url);
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
    let plain_server = env.settings().nats_url.split_once("://").unwrap().1;
    let plain = ask("doctor", plain_server, true).await;
    assert!(refused(&plain, "InvalidContentType"), "a server without TLS will not do: {plain:?}");
    // A command says what keeps them apart.
    let stranger = ask("provision", address, false).await;
    assert!(
        !stranger.status.success()
            && stranger.stderr.contains("is not trusted: invalid peer certificate: UnknownIssuer"),
        "{stranger:?}"
    );
    let known = ask("provision", address, true).await;
    assert!(known.status.success(), "{known:?}");
    guarded.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_over_tls_has_to_prove_who_it_is() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = TestEnv::new().await;
    let mail = Sandbox::start(despatch_sandbox::Options::default()).await.unwrap();
    let server = mail.smtp_url().strip_prefix("smtp://").unwrap().to_owned();
    let authority = Authority::new();
    let implicit = guard(&authority, Opening::None, server.clone()).await;
    let starttls = guard(&authority, Opening::StartTls, server.clone()).await;
    let run = |url: &str, trusted: bool| {
        let mut command = despatch(["run", "notifications"]);
        command.envs([
            ("DESPATCH_NATS_URL", env.settings().nats_url.as_str()),
            ("DESPATCH_DATABASE_URL", &env.settings().database_url),
            ("DESPATCH_RUNTIME_NAMESPACE", &env.settings().namespace),
            ("DESPATCH_HEALTH_LISTEN", ""),
            ("DESPATCH_LINKS_SECRET", "the secret of the links, at least 32 bytes"),
            ("DESPATCH_SHOP_PUBLIC_URL", "http://shop.invalid"),
            ("DESPATCH_SHOP_NAME", "Quay Street Supplies"),
            ("DESPATCH_SHOP_FROM", "Quay Street Supplies <orders@shop.invalid>"),
            ("DESPATCH_SHOP_MESSAGE_ID_DOMAIN", "shop.invalid"),
            ("DESPATCH_SMTP_URL", url),
        ]);
        if trusted {
            command.env("SSL_CERT_FILE", authority.file());
        }
        Despatch::start(&mut command)
    };

    let ways = [format!("smtps://{implicit}"), format!("smtp://{starttls}?tls=required")];
    for (way, mails) in ways.iter().zip(1..) {
        let stranger = run(way, false);
        until("it consumes", async || stranger.stderr().contains("process ready").then_some(())).await;
        let order = despatch_testkit::order(&format!("o-{mails}"));
        env.deliver(&OrderAccepted { order: Some(order) }).await;
        until("the certificate is refused", async || {
            stranger.stderr().contains("UnknownIssuer").then_some(())
        })
        .await;
        assert_eq!(mail.counts().mails, mails - 1, "nothing was said to a stranger");
        stranger.terminate();
        assert!(stranger.ended().await.status.success());
        let known = run(way, true);
        until("the mail is there", async || (mail.counts().mails == mails).then_some(())).await;
        known.terminate();
        assert!(known.ended().await.status.success());
    }
    let order = despatch_testkit::order("o-plain");
    env.deliver(&OrderAccepted { order: Some(order) }).await;
    let downgraded = run(&format!("smtp://{server}?tls=required"), true);
    until("a server without TLS will not do", async || {
        downgraded.stderr().contains("STARTTLS").then_some(())
    })
    .await;
    assert_eq!(mail.counts().mails, 2);
}

/// The authority that vouches for servers at 127.0.0.1, and the file with its certificate.
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

/// The bytes before TLS begins.
#[derive(Clone, Copy)]
enum Opening {
    /// Nothing.
    None,
    /// PostgreSQL's.
    SslRequest,
    /// A mail server's (RFC 3207).
    StartTls,
}

impl Opening {
    async fn say(self, client: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Opening::None => {}
            Opening::SslRequest => {
                let mut request = [0; 8];
                client.read_exact(&mut request).await?;
                assert_eq!(request, SSL_REQUEST);
                client.write_all(b"S").await?;
            }
            Opening::StartTls => {
                let mut client = BufReader::new(client);
                for (says, expects) in
                    [("220 ready\r\n", "EHLO"), ("250-mail\r\n250 STARTTLS\r\n", "STARTTLS")]
                {
                    client.write_all(says.as_bytes()).await?;
                    let mut line = String::new();
                    client.read_line(&mut line).await?;
                    assert!(line.starts_with(expects), "{line}");
                }
                client.write_all(b"220 go ahead\r\n").await?;
            }
        }
        Ok(())
    }
}

/// TLS in front of a server.
async fn guard(authority: &Authority, opening: Opening, server: String) -> String {
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
                opening.say(&mut client).await?;
                let mut client = acceptor.accept(client).await?;
                let mut server = BufReader::new(TcpStream::connect(server).await?);
                if matches!(opening, Opening::StartTls) {
                    // The client has been greeted.
                    server.read_line(&mut String::new()).await?;
                }
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address
}
