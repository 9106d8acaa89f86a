//! Where a database is, and why it is not connected to.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

use crate::connect_error::{Cause, Place, Server};
use crate::error::chain;

/// Where a database's server is, and who connects.
pub(crate) fn place(config: &Config) -> Place {
    let hosts = config.get_hosts().iter().enumerate().map(|(nth, host)| {
        let port = port(config, nth);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let address = hosts.collect::<Vec<_>>().join(",");
    Place { server: Server::Postgres, address, user: config.get_user().unwrap_or_default().to_owned() }
}

/// The port of the `nth` host. One port may be for all.
pub(crate) fn port(config: &Config, nth: usize) -> u16 {
    let ports = config.get_ports();
    ports.get(nth).or(ports.first()).copied().unwrap_or(5432)
}

/// Why the server did not let us in; `within` is how long it had.
pub(crate) fn cause(error: &Error, within: Duration) -> Cause {
    let Some(said) = error.as_db_error() else { return unanswered(error, within) };
    let message = said.message();
    match said.code() {
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            // The user is named by the text around it.
            Cause::Credentials(message.split(" for user ").next().unwrap_or(message).to_owned())
        }
        &SqlState::INVALID_CATALOG_NAME => {
            // database "shop" does not exist
            Cause::DatabaseMissing(message.split('"').nth(1).unwrap_or_default().to_owned())
        }
        &SqlState::READ_ONLY_SQL_TRANSACTION => Cause::TakesNoWrites(message.to_owned()),
        _ => Cause::Denied(message.to_owned()),
    }
}

/// Why there was no answer, or none that is PostgreSQL's.
fn unanswered(error: &Error, within: Duration) -> Cause {
    let text = chain(error);
    let Some(source) = error.source() else { return Cause::Broken(text) };
    if let Some(io) = source.downcast_ref::<io::Error>() {
        return match io.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Cause::NobodyListens,
            io::ErrorKind::TimedOut => Cause::TimedOut(within),
            io::ErrorKind::InvalidData => Cause::Tls(chain(io)),
            // The resolver's errors have no kind of their own.
            _ if io.to_string().contains("failed to lookup address") => Cause::UnknownHost,
            _ => Cause::Broken(text),
        };
    }
    if source.to_string().contains("password missing") {
        return Cause::Credentials("no password is given".to_owned());
    }
    if text.contains("TLS") { Cause::Tls(chain(source)) } else { Cause::Broken(text) }
}
