//! Connection options for NATS, and the errors of a connection.

use async_nats::{ConnectOptions, ServerAddr};

/// An error of the connection to the broker, or of a request to it.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL cannot be parsed.
    #[error("NATS URL: {0}")]
    Url(String),
    /// The connection failed in a way that waiting does not fix.
    #[error("NATS: {0}")]
    Connect(#[from] async_nats::ConnectError),
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
    let servers = url.split(',').map(|server| server.trim().parse::<ServerAddr>());
    let servers =
        servers.collect::<Result<Vec<_>, _>>().map_err(|error| BrokerError::Url(error.to_string()))?;
    let credentials = servers.iter().find_map(|server| Some((server.username()?, server.password())));
    let options = match credentials {
        Some((user, Some(password))) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        // The seed of an NKey proves the user's identity without being sent.
        Some((seed, None)) => ConnectOptions::with_nkey(seed.to_owned()),
        None => ConnectOptions::new(),
    };
    Ok((servers, options))
}
