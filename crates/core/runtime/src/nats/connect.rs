//! What it takes to connect to NATS, and why it may fail.

use async_nats::{ConnectOptions, ServerAddr};

/// The broker does not answer requests of ours, or not with what they need.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL cannot be read.
    #[error("NATS URL: {0}")]
    Url(String),
    /// The connection failed in a way that waiting does not fix.
    #[error("NATS: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// The client is closed.
    #[error("NATS: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// The stream or a consumer cannot be created as it has to be.
    #[error("NATS: {what}: {why}")]
    Provision {
        /// The stream or consumer.
        what: String,
        /// What the server said, or how its configuration differs.
        why: String,
    },
}

/// Reads `nats://user:password@ctx:port,…`, or `nats://seed@ctx:port,…` with an NKey's; `tls://` where the server's
/// certificate is to be verified. The client library leaves the credentials in the URL unused.
pub fn options(url: &str) -> Result<(Vec<ServerAddr>, ConnectOptions), BrokerError> {
    let servers = url.split(',').map(|server| server.trim().parse::<ServerAddr>());
    let servers =
        servers.collect::<Result<Vec<_>, _>>().map_err(|error| BrokerError::Url(error.to_string()))?;
    let credentials = servers.iter().find_map(|server| Some((server.username()?, server.password())));
    let options = match credentials {
        Some((user, Some(password))) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        // The seed of an NKey, which proves who one is without being sent.
        Some((seed, None)) => ConnectOptions::with_nkey(seed.to_owned()),
        None => ConnectOptions::new(),
    };
    Ok((servers, options))
}
