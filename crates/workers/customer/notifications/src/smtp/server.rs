//! The mail server's address, and connections to it.

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use percent_encoding::percent_decode_str;
use reqwest::Url;

/// A mail server's address and its TLS mode.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    security: Security,
    hello: ClientId,
    credentials: Option<Credentials>,
}

enum Security {
    None,
    /// TLS from the first byte (RFC 8314).
    Implicit(TlsParameters),
    /// STARTTLS (RFC 3207), or no connection.
    Required(TlsParameters),
    /// STARTTLS where the server offers it.
    Opportunistic(TlsParameters),
}

/// A defect of a mail server's URL. The error does not repeat the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error("{0}")]
    Url(String),
    /// The URL names no host.
    #[error("expected a host, found none")]
    NoHost,
    /// The scheme is another one.
    #[error("expected the scheme smtp or smtps, found {0:?}")]
    Scheme(String),
    /// The value of `tls` is unknown.
    #[error("tls: expected required or opportunistic (or the scheme smtps), found {0:?}")]
    Tls(String),
    /// Percent signs that do not decode to text.
    #[error("expected a user and password in UTF-8, found other bytes")]
    Credentials,
    /// TLS cannot be set up.
    #[error(transparent)]
    Setup(#[from] smtp::Error),
}

impl Server {
    /// Parses `smtp://` or `smtps://`, with user, password and port, `?tls=required` or `?tls=opportunistic`. A path is
    /// the name to say hello with.
    pub(super) fn parse(url: &str) -> Result<Self, UrlError> {
        if url.is_empty() {
            let expected = "expected a URL such as smtps://user:password@host, found nothing";
            return Err(UrlError::Url(expected.to_owned()));
        }
        let url = Url::parse(url).map_err(|error| UrlError::Url(error.to_string()))?;
        let host = url.host_str().ok_or(UrlError::NoHost)?.trim_matches(['[', ']']).to_owned();
        let tls = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        let parameters = || TlsParameters::new(host.clone());
        let (security, port) = match (url.scheme(), tls.as_deref()) {
            ("smtps", _) => (Security::Implicit(parameters()?), SUBMISSIONS_PORT),
            ("smtp", None) => (Security::None, SMTP_PORT),
            ("smtp", Some("required")) => (Security::Required(parameters()?), SUBMISSION_PORT),
            ("smtp", Some("opportunistic")) => (Security::Opportunistic(parameters()?), SUBMISSION_PORT),
            ("smtp", Some(tls)) => return Err(UrlError::Tls(tls.to_owned())),
            (scheme, _) => return Err(UrlError::Scheme(scheme.to_owned())),
        };
        let name = url.path().trim_matches('/');
        let hello = if name.is_empty() { ClientId::default() } else { ClientId::Domain(name.to_owned()) };
        let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err(UrlError::Credentials),
        };
        let credentials = url.password().map(|password| {
            Ok::<_, UrlError>(Credentials::new(decoded(url.username())?, decoded(password)?))
        });
        Ok(Server {
            port: url.port().unwrap_or(port),
            security,
            hello,
            credentials: credentials.transpose()?,
            host,
        })
    }

    /// Opens a connection that is ready for mail. `timeout` limits the time to reach the server only.
    pub(super) async fn dial(&self, timeout: Duration) -> Result<AsyncSmtpConnection, smtp::Error> {
        let implicit = match &self.security {
            Security::Implicit(parameters) => Some(parameters.clone()),
            Security::None | Security::Required(_) | Security::Opportunistic(_) => None,
        };
        let address = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(timeout), &self.hello, implicit, None).await?;
        match &self.security {
            Security::Required(parameters) => connection.starttls(parameters.clone(), &self.hello).await?,
            Security::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &self.hello).await?;
            }
            Security::Opportunistic(_) | Security::None | Security::Implicit(_) => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}
