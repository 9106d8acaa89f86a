//! One of several PostgreSQL servers that replicate, for tests of a deployment whose database fails over.
//!
//! Nothing here decides who is the primary: the caller promotes, fences and lets the others follow.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::Signal;

use crate::binaries::PostgresBinaries;
use crate::cluster::Cluster;
use crate::error::{Program, StackError};
use crate::port::Wanted;
use crate::postgres::{
    DATABASE, USER, command, connect, create_database, find, forget_killed_postmaster, serves,
};
use crate::server_dir::ServerDir;
use crate::supervised::{ServerCommand, Supervised, kill_all};
use crate::{port, secret};

/// Settings in addition to a private server's: a connection between servers that says nothing is given up soon, and a
/// standby that was away finds the log that it lacks. The log does not fill a small disk.
const SETTINGS: [&str; 5] = [
    "wal_keep_size=256MB",
    "max_wal_size=512MB",
    "wal_sender_timeout=5s",
    "wal_receiver_timeout=5s",
    "wal_retrieve_retry_interval=500ms",
];

/// A primary or a standby. It ends with this process; its data stays.
pub struct PostgresNode {
    name: String,
    password: String,
    binaries: PostgresBinaries,
    cluster: Cluster,
    server_dir: Arc<ServerDir>,
    port: u16,
    process: Option<Supervised>,
}

impl PostgresNode {
    /// Prepares a server that has no data yet. All servers have the same password, and each has a name, by which the
    /// primary knows it as a standby, and a directory of its own.
    pub async fn prepare(dir: &Path, name: &str, password: &str) -> Result<Self, StackError> {
        let dir = std::path::absolute(dir).map_err(StackError::io("resolve", dir))?;
        let server_dir = Arc::new(ServerDir::enter(Program::Postgres, dir, |_| {}).await?);
        let cluster = Cluster::locate(&server_dir.dir)?;
        let binaries = find(&cluster, |_| {}).await?;
        let (name, password) = (name.to_owned(), password.to_owned());
        Ok(PostgresNode { name, password, binaries, cluster, server_dir, port: 0, process: None })
    }

    /// Creates the data of a primary, and starts it with an empty database. Its standbys confirm commits only once
    /// [`reload`](PostgresNode::reload) was called, because there are none yet.
    pub async fn create(&mut self, synchronous_standby_names: &str) -> Result<(), StackError> {
        self.cluster.make(&self.server_dir, &self.binaries, USER, &self.password).await?;
        self.start().await?;
        create_database(&self.url("postgres")).await.map_err(StackError::Database)?;
        self.run(&format!("alter system set synchronous_standby_names = '{synchronous_standby_names}'")).await
    }

    /// Lets the server read its settings again.
    pub async fn reload(&self) -> Result<(), StackError> {
        self.run("select pg_reload_conf()").await
    }

    /// Replaces the data by a copy of the server at `source`, which the started server then follows.
    pub async fn copy(&mut self, source: SocketAddr) -> Result<(), StackError> {
        let (data, unfinished) = (self.cluster.data(), self.cluster.home.join("cluster.new"));
        for dir in [&data, &unfinished] {
            match fs::remove_dir_all(dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StackError::io("remove", dir)(error));
                }
                _ => {}
            }
        }
        DirBuilder::new().mode(0o700).create(&unfinished).map_err(StackError::io("create", &unfinished))?;
        self.cluster.account.give(&unfinished)?;
        let passwords = self.passwords();
        secret::write_private(&passwords, &format!("*:*:*:{USER}:{}", self.password))?;
        self.cluster.account.give(&passwords)?;
        let program = self.binaries.postgres.with_file_name("pg_basebackup");
        let mut args: Vec<_> =
            ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"].map(Into::into).into();
        args.extend(["--dbname".into(), self.primary_conninfo(source).into()]);
        args.extend(["--pgdata".into(), unfinished.clone().into_os_string()]);
        let copy = ServerCommand {
            program,
            args,
            dir: self.cluster.home.clone(),
            account: self.cluster.account,
            stop: "TERM",
            kill: Signal::KILL,
        };
        Supervised::spawn(&self.server_dir, copy).await?.finish().await?;
        fs::rename(&unfinished, &data).map_err(StackError::io("rename", &unfinished))
    }

    /// Starts the server over its data and returns when it answers. A port that another program has taken meanwhile
    /// changes.
    pub async fn start(&mut self) -> Result<(), StackError> {
        forget_killed_postmaster(&self.cluster)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.port = port::choose(Program::Postgres, &self.server_dir.dir.join("port"), Wanted::Any)?;
            let mut command = command(&self.binaries, &self.cluster, self.port);
            command.args.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), setting.into()]));
            let mut process = Supervised::spawn(&self.server_dir, command).await?;
            let (url, passwords) = (self.url("postgres"), self.passwords());
            match process.until(|| serves(url.clone(), &passwords, &self.cluster)).await {
                Ok(()) => {
                    self.process = Some(process);
                    return Ok(());
                }
                Err(StackError::Exited { tail, .. })
                    if attempt < port::ATTEMPTS && port::was_taken(&tail) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets a running standby follow the server at `source` from now on.
    pub async fn follow(&self, source: SocketAddr) -> Result<(), StackError> {
        self.run(&format!("alter system set primary_conninfo = '{}'", self.primary_conninfo(source))).await?;
        self.reload().await
    }

    /// Makes a standby the primary and returns when it takes writes.
    pub async fn promote(&self) -> Result<(), StackError> {
        self.run("select pg_promote(true, 60)").await
    }

    async fn run(&self, sql: &str) -> Result<(), StackError> {
        let refused = |source| StackError::Refused { server: self.name.clone(), sql: sql.to_owned(), source };
        let client = connect(&self.url("postgres")).await.map_err(refused)?;
        client.batch_execute(sql).await.map_err(refused)
    }

    /// The password is in a file, because command lines and settings are public.
    fn primary_conninfo(&self, source: SocketAddr) -> String {
        format!(
            "host={} port={} user={USER} passfile={} application_name={} connect_timeout=5",
            source.ip(),
            source.port(),
            self.passwords().display(),
            self.name,
        )
    }

    fn passwords(&self) -> PathBuf {
        self.cluster.home.join("passwords")
    }

    /// Returns the server's name as a standby.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the server's address, as of the last start.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Returns a URL that leads to the database by way of these addresses, past which nothing is known of the servers.
    pub fn url_by(&self, addresses: &[SocketAddr]) -> String {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        format!("postgres://{USER}:{}@{}/{DATABASE}", self.password, addresses.join(","))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@{}/{database}", self.password, self.address())
    }

    /// Returns the directory of the data. Another file system may be mounted there.
    pub fn data(&self) -> PathBuf {
        self.cluster.data()
    }

    /// Returns the server's processes, while it runs.
    pub fn pids(&self) -> Vec<u32> {
        let Some(postmaster) = self.process.as_ref().and_then(Supervised::pid) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let children = children.unwrap_or_default();
        std::iter::once(postmaster)
            .chain(children.split_whitespace().filter_map(|pid| pid.parse().ok()))
            .collect()
    }

    /// Kills all of the server's processes with SIGKILL, also if they are stopped, and waits until they are gone.
    pub fn kill(&mut self) -> Result<(), StackError> {
        kill_all(&self.pids()).map_err(StackError::io("kill", &self.binaries.postgres))?;
        // Dropped only now, because that ends a server in order.
        self.process = None;
        Ok(())
    }
}
