//! Why a server cannot be connected to, and what to do about it: the texts of every command, of the log and of the doctor. A
//! server that refuses is not one that is away, and a password is never repeated.

use std::fmt;
use std::time::Duration;

/// Which kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The broker.
    Nats,
    /// The database.
    Postgres,
}

/// Where a server is, and as whom it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) server: Server,
    /// `host:port`, several separated by commas.
    pub(crate) address: String,
    /// Empty where none is named, or where it would be a secret.
    pub(crate) user: String,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No host has this name.
    UnknownHost,
    /// Nobody listens there.
    NobodyListens,
    /// No answer in time.
    TimedOut(Duration),
    /// The user or its password is refused, in the server's words.
    Credentials(String),
    /// The server has no database of this name.
    DatabaseMissing(String),
    /// The server answers and lets nobody in, or not now, in its words.
    Denied(String),
    /// The server answers, but only reads are allowed there, in its words.
    TakesNoWrites(String),
    /// One of the two cannot prove who it is.
    Tls(String),
    /// All of our own connections are in use.
    AllInUse(Duration),
    /// The connection ended, or something else answers there.
    Broken(String),
}

/// A server that is not connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    pub(crate) place: Place,
    pub(crate) cause: Cause,
}

impl std::error::Error for ConnectError {}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.place.server {
            Server::Nats => "NATS",
            Server::Postgres => "PostgreSQL",
        };
        write!(f, "{name} at {} {}", self.place.address, self.what())
    }
}

impl ConnectError {
    /// The cause, without the place.
    pub(crate) fn what(&self) -> String {
        match &self.cause {
            Cause::UnknownHost => "is not found: there is no host of this name".to_owned(),
            Cause::NobodyListens => "is not reachable: connection refused".to_owned(),
            Cause::TimedOut(within) => format!("did not answer within {within:?}"),
            Cause::Credentials(why) if self.place.user.is_empty() => format!("refused the user: {why}"),
            Cause::Credentials(why) => format!("refused user {:?}: {why}", self.place.user),
            Cause::DatabaseMissing(name) => format!("has no database {name:?}"),
            Cause::Denied(why) => format!("answers, but lets nobody in: {why}"),
            Cause::TakesNoWrites(why) => format!("takes no writes: {why}"),
            Cause::Tls(why) => format!("is not trusted: {why}"),
            Cause::AllInUse(within) => format!("has no connection left: all were in use for {within:?}"),
            Cause::Broken(why) => format!("broke the connection: {why}"),
        }
    }

    /// The remedy, with the key and the variable of the configuration.
    pub fn hint(&self) -> String {
        self.hint_about(match self.place.server {
            Server::Nats => "nats_url (DESPATCH_NATS_URL)",
            Server::Postgres => "database_url (DESPATCH_DATABASE_URL)",
        })
    }

    /// The same where another key names the server.
    pub(crate) fn hint_about(&self, key: &str) -> String {
        match &self.cause {
            Cause::UnknownHost => format!("correct the host in {key}"),
            Cause::NobodyListens => format!("start the server, or correct host and port in {key}"),
            Cause::TimedOut(_) => format!(
                "see that no firewall is in between and that the server is not overloaded, or correct host and port in {key}"
            ),
            Cause::Credentials(_) => format!("correct the user or its password in {key}"),
            Cause::DatabaseMissing(name) => {
                format!("create the database (createdb {name}), or correct its name in {key}")
            }
            Cause::Denied(_) => "wait, or look at the server's log".to_owned(),
            Cause::TakesNoWrites(_) => {
                format!("name all servers of the database in {key}, or see why none of them is the primary")
            }
            Cause::Tls(_) => format!(
                "name the authority of the server's certificate in SSL_CERT_FILE, or correct the host in {key}"
            ),
            Cause::AllInUse(_) => "raise runtime.connections (DESPATCH_RUNTIME_CONNECTIONS)".to_owned(),
            Cause::Broken(_) => format!("see what answers there, and correct host and port in {key}"),
        }
    }

    /// Whether the server answered. Then it is there, and starting it would not help.
    pub(crate) fn answered(&self) -> bool {
        matches!(
            self.cause,
            Cause::Credentials(_)
                | Cause::DatabaseMissing(_)
                | Cause::Denied(_)
                | Cause::TakesNoWrites(_)
                | Cause::Tls(_)
        )
    }
}

/// The remedy for an error, if a server that cannot be connected to caused it.
pub fn connect_hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(here) = cause {
        if let Some(error) = here.downcast_ref::<ConnectError>() {
            return Some(error.hint());
        }
        cause = here.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_its_own_text_and_advice() {
        let error = |server, user: &str, cause| ConnectError {
            place: Place { server, address: "db:5432".into(), user: user.into() },
            cause,
        };
        let refused = "password authentication failed".to_owned();
        let five = Duration::from_secs(5);
        for (error, text, hint) in [
            (
                error(Server::Postgres, "despatch", Cause::Credentials(refused)),
                "PostgreSQL at db:5432 refused user \"despatch\": password authentication failed",
                "correct the user or its password in database_url (DESPATCH_DATABASE_URL)",
            ),
            (
                error(Server::Postgres, "", Cause::DatabaseMissing("shop".into())),
                "PostgreSQL at db:5432 has no database \"shop\"",
                "create the database (createdb shop), or correct its name in database_url (DESPATCH_DATABASE_URL)",
            ),
            (
                error(Server::Nats, "ada", Cause::NobodyListens),
                "NATS at db:5432 is not reachable: connection refused",
                "start the server, or correct host and port in nats_url (DESPATCH_NATS_URL)",
            ),
            (
                error(Server::Nats, "", Cause::TimedOut(five)),
                "NATS at db:5432 did not answer within 5s",
                "see that no firewall is in between and that the server is not overloaded, or correct host and port in \
                 nats_url (DESPATCH_NATS_URL)",
            ),
        ] {
            assert_eq!((error.to_string().as_str(), error.hint().as_str()), (text, hint));
        }
    }
}
