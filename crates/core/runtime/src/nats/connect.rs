//! Connection options for NATS, and the errors of a connection.

use std::error::Error;
use std::io;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};

use crate::connect_error::{Cause, ConnectError, Place, Server};
use crate::error::chain;

/// How long a command waits for its connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one server may take to let us in. Another one of its cluster may be quicker.
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a server may be silent before it is asked. After three such times without a word it is given up: it hangs, or
/// its packets are lost.
const PING: Duration = Duration::from_secs(1);

/// An error of the connection to the broker, or of a request to it.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL cannot be parsed.
    #[error("NATS URL: {0}")]
    Url(String),
    /// There is no connection.
    #[error("{0}")]
    Connect(#[source] ConnectError),
    /// The client is closed.
    #[error("NATS: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// The stream or a consumer cannot be created as expected.
    #[error("NATS: {what}: {why}")]
    Provision {
        /// The stream or consumer.
        what: String,
        /// The server's error, or the difference between the configurations.
        why: String,
    },
}

/// Parses `nats://user:password@host:port,…`, or `nats://seed@host:port,…` with an NKey's seed. With `tls://` the
/// server's certificate is verified. The client library ignores credentials in a URL, so this reads them.
pub fn options(url: &str) -> Result<(Vec<ServerAddr>, ConnectOptions), BrokerError> {
    let servers = servers(url)?;
    let credentials = servers.iter().find_map(|server| Some((server.username()?, server.password())));
    let options = match credentials {
        Some((user, Some(password))) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        // The seed of an NKey proves the user's identity without being sent.
        Some((seed, None)) => ConnectOptions::with_nkey(seed.to_owned()),
        None => ConnectOptions::new(),
    };
    Ok((servers, options.ping_interval(PING).connection_timeout(SERVER_TIMEOUT)))
}

fn servers(url: &str) -> Result<Vec<ServerAddr>, BrokerError> {
    let servers = url.split(',').map(|server| server.trim().parse::<ServerAddr>());
    servers.collect::<Result<_, _>>().map_err(|error| BrokerError::Url(error.to_string()))
}

/// Connects at once or says why not: for commands, which do not wait for a server that is away.
pub(crate) async fn connect_once(
    url: &str,
    adapt: impl FnOnce(ConnectOptions) -> ConnectOptions,
) -> Result<Client, BrokerError> {
    let (servers, options) = options(url)?;
    match tokio::time::timeout(CONNECT_TIMEOUT, adapt(options).connect(servers)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(refused(url, &error)),
        Err(_) => Err(BrokerError::Connect(ConnectError {
            place: place(url),
            cause: Cause::TimedOut(CONNECT_TIMEOUT),
        })),
    }
}

/// Fails unless the servers of this URL let us in now.
pub(crate) async fn reach(url: &str) -> Result<(), BrokerError> {
    connect_once(url, |options| options.name("despatch")).await.map(drop)
}

/// Fails unless this server of a cluster lets us in now.
pub(crate) async fn reach_server(url: &str, server: &ServerAddr) -> Result<(), BrokerError> {
    let (_, options) = options(url)?;
    options.name("despatch").connect(server).await.map(drop).map_err(|error| refused(url, &error))
}

/// A failed attempt to connect to the servers of this URL.
pub(crate) fn refused(url: &str, error: &async_nats::ConnectError) -> BrokerError {
    BrokerError::Connect(ConnectError { place: place(url), cause: cause(error) })
}

/// Where the servers are, and who connects. An NKey's seed is not shown.
pub(crate) fn place(url: &str) -> Place {
    let servers = servers(url).unwrap_or_default();
    let addresses: Vec<String> =
        servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
    let user = servers.iter().find_map(|server| server.password().and(server.username()));
    Place { server: Server::Nats, address: addresses.join(","), user: user.unwrap_or_default().to_owned() }
}

fn cause(error: &async_nats::ConnectError) -> Cause {
    let why = || error.source().map_or_else(|| error.kind().to_string(), chain);
    match error.kind() {
        ConnectErrorKind::Dns => Cause::UnknownHost,
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            Cause::Credentials(error.kind().to_string())
        }
        ConnectErrorKind::TimedOut => Cause::TimedOut(CONNECT_TIMEOUT),
        ConnectErrorKind::Tls => Cause::Tls(why()),
        ConnectErrorKind::Io => {
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
            match source.map(io::Error::kind) {
                Some(io::ErrorKind::ConnectionRefused) => Cause::NobodyListens,
                // Errors of rustls come as one of these.
                Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Cause::Tls(why()),
                _ => Cause::Broken(why()),
            }
        }
        ConnectErrorKind::ServerParse | ConnectErrorKind::MaxReconnects => Cause::Broken(why()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_no_secret() {
        let shown = place("nats://ada:secret@a:4222,nats://b:4223");
        assert_eq!((shown.address.as_str(), shown.user.as_str()), ("a:4222,b:4223", "ada"));
        assert_eq!(place("nats://SUSEED@a:4222").user, "");
    }
}
