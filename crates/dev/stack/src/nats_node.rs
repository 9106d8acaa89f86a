//! One server of a NATS cluster, for tests of a deployment whose broker has replicas.
//!
//! The caller says under which addresses clients and the other servers reach it, so that it can put proxies between.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Program, StackError};
use crate::nats::{USER, answers, command, find};
use crate::port::Wanted;
use crate::server_dir::ServerDir;
use crate::supervised::{Supervised, kill_all};
use crate::{port, secret};

/// A server of a cluster. It ends with this process; its data stays.
pub struct NatsNode {
    name: String,
    password: String,
    program: PathBuf,
    server_dir: Arc<ServerDir>,
    clients: u16,
    routes: u16,
    monitor: u16,
    process: Option<Supervised>,
}

impl NatsNode {
    /// Prepares a server that does not run yet. All servers of a cluster have the same password, and each has a name
    /// and a directory of its own.
    pub async fn prepare(dir: &Path, name: &str, password: &str) -> Result<Self, StackError> {
        let dir = std::path::absolute(dir).map_err(StackError::io("resolve", dir))?;
        let server_dir = Arc::new(ServerDir::enter(Program::Nats, dir, |_| {}).await?);
        let program = find(|_| {}).await?;
        Ok(NatsNode {
            name: name.to_owned(),
            password: password.to_owned(),
            program,
            server_dir,
            clients: 0,
            routes: 0,
            monitor: 0,
            process: None,
        })
    }

    /// Starts the server and returns when it greets. It tells clients of `advertised`, and reaches the other servers
    /// at `peers`. A port that another program has taken meanwhile changes.
    pub async fn start(&mut self, advertised: SocketAddr, peers: &[SocketAddr]) -> Result<(), StackError> {
        let dir = self.server_dir.dir.clone();
        let config = dir.join("nats.conf");
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.clients = port::choose(Program::Nats, &dir.join("port"), Wanted::Any)?;
            self.routes = port::choose(Program::Nats, &dir.join("route-port"), Wanted::Any)?;
            self.monitor = port::choose(Program::Nats, &dir.join("monitor-port"), Wanted::Any)?;
            secret::write_private(&config, &self.configuration(advertised, peers))?;
            let command = command(&self.program, &dir, &config, self.clients, &self.name);
            let mut process = Supervised::spawn(&self.server_dir, command).await?;
            let (clients, name) = (self.clients, self.name.clone());
            match process.until(async || Ok(answers(clients, name.clone()).await)).await {
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

    fn configuration(&self, advertised: SocketAddr, peers: &[SocketAddr]) -> String {
        let NatsNode { password, routes, monitor, .. } = self;
        let peers: Vec<String> = peers.iter().map(|peer| format!("\"nats://{peer}\"")).collect();
        let peers = peers.join(", ");
        format!(
            "authorization {{ user: \"{USER}\", password: \"{password}\" }}
             max_payload: 1048576
             http: \"127.0.0.1:{monitor}\"
             client_advertise: \"{advertised}\"
             # The others know every server by its own entry, so nobody connects where an advertisement leads.
             cluster {{
                 name: despatch, listen: \"127.0.0.1:{routes}\", advertise: \"127.0.0.1:1\", routes: [{peers}]
             }}"
        )
    }

    /// Returns the server's name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `user:password`.
    pub fn login(&self) -> String {
        format!("{USER}:{}", self.password)
    }

    /// Returns the address for clients, as of the last start.
    pub fn client_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.clients).into()
    }

    /// Returns the address for the other servers, as of the last start.
    pub fn route_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.routes).into()
    }

    /// Returns the address of the monitoring endpoint, as of the last start.
    pub fn monitor_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.monitor).into()
    }

    /// Returns the directory of the server's store. Another file system may be mounted there.
    pub fn store(&self) -> PathBuf {
        self.server_dir.dir.join("jetstream")
    }

    /// Returns the server's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Supervised::pid)
    }

    /// Kills the server with SIGKILL, also if it is stopped, and waits until it is gone.
    pub fn kill(&mut self) -> Result<(), StackError> {
        if let Some(pid) = self.pid() {
            kill_all(&[pid]).map_err(StackError::io("kill", &self.program))?;
        }
        // Dropped only now, because that ends a server in order.
        self.process = None;
        Ok(())
    }
}
