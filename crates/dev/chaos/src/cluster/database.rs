//! A PostgreSQL primary with two standbys, of which one confirms each commit. The harness is its cluster manager: it
//! fences a primary and promotes the standby that has most of the log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use despatch_runtime::Database;
use despatch_stack::PostgresNode;

use super::links::{Links, SERVERS};
use crate::frozen::Frozen;
use crate::result::Result;

const POLL: Duration = Duration::from_millis(100);

/// How long a primary may take to answer until it counts as failed.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// How long a standby may take to follow.
const LIMIT: Duration = Duration::from_secs(120);

/// The servers, by their place.
pub(crate) struct Databases {
    nodes: Vec<PostgresNode>,
    pub(crate) links: Links,
    frozen: Vec<Option<Frozen>>,
    primary: usize,
}

impl Databases {
    /// Starts the servers and returns when both standbys follow.
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        let links = Links::start().await?;
        let password = uuid::Uuid::new_v4().simple().to_string();
        let mut nodes = Vec::new();
        let names: Vec<String> = (0..SERVERS).map(name_of).collect();
        for (server, name) in names.iter().enumerate() {
            nodes.push(PostgresNode::prepare(&self::dir(dir, server), name, &password).await?);
        }
        nodes[0].create(&format!("ANY 1 ({})", names.join(", "))).await?;
        let frozen = (0..SERVERS).map(|_| None).collect();
        let mut databases = Databases { nodes, links, frozen, primary: 0 };
        databases.point(0);
        for standby in 1..SERVERS {
            databases.join(standby).await?;
        }
        databases.nodes[0].reload().await?;
        databases.until_all_follow().await?;
        Ok(databases)
    }

    /// Returns the URL for clients, which leads through the proxies to whichever server takes writes.
    pub(crate) fn url(&self) -> String {
        format!("{}?target_session_attrs=read-write", self.nodes[0].url_by(&self.links.for_clients()))
    }

    /// Returns the primary's place.
    pub(crate) fn primary(&self) -> usize {
        self.primary
    }

    /// Returns the name of a server.
    pub(crate) fn name(&self, server: usize) -> &str {
        self.nodes[server].name()
    }

    /// Returns the current primary, past the proxies.
    pub(crate) fn database(&self) -> Result<Database> {
        self.only(self.primary, 4)
    }

    fn only(&self, server: usize, connections: usize) -> Result<Database> {
        let address: [SocketAddr; 1] = [self.nodes[server].address()];
        Ok(Database::new(&self.nodes[server].url_by(&address), connections)?)
    }

    /// Kills a server with SIGKILL.
    pub(crate) fn kill(&mut self, server: usize) -> Result {
        Ok(self.nodes[server].kill()?)
    }

    /// Stops all processes of a server by SIGSTOP.
    pub(crate) fn freeze(&mut self, server: usize) -> Result {
        self.frozen[server] = Some(Frozen::new(&self.nodes[server].pids())?);
        Ok(())
    }

    /// Lets a stopped server continue.
    pub(crate) fn thaw(&mut self, server: usize) -> Result {
        self.frozen[server].take().map_or(Ok(()), Frozen::thaw)
    }

    /// Starts a killed standby over its data.
    pub(crate) async fn restart(&mut self, standby: usize) -> Result {
        self.nodes[standby].start().await?;
        self.point(standby);
        Ok(())
    }

    /// Replaces the primary by the standby that has most of the log, and returns when that takes writes. The old one
    /// is fenced first: nothing reaches it any more, and nothing that it says arrives. `gone` says that it was killed,
    /// and then its host still refuses connections.
    pub(crate) async fn fail_over(&mut self, gone: bool) -> Result<SystemTime> {
        let old = self.primary;
        if !gone {
            self.links.swallow(old);
        }
        let mut furthest = (i64::MIN, old);
        for standby in (0..SERVERS).filter(|server| *server != old) {
            let received = "select pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), '0/0'), '0/0')::int8";
            let row = self.only(standby, 1)?.client().await?.query_one(received, &[]).await?;
            furthest = furthest.max((row.get(0), standby));
        }
        let new = furthest.1;
        self.nodes[new].promote().await?;
        let promoted = SystemTime::now();
        self.primary = new;
        for standby in (0..SERVERS).filter(|server| ![old, new].contains(server)) {
            self.nodes[standby].follow(self.links.between(standby, new)).await?;
        }
        Ok(promoted)
    }

    /// Ends a fenced server, and brings it back as a standby with a copy of the primary's data.
    pub(crate) async fn rejoin(&mut self, server: usize) -> Result {
        self.nodes[server].kill()?;
        self.thaw(server)?;
        self.links.open(server, true);
        self.join(server).await
    }

    async fn join(&mut self, standby: usize) -> Result {
        self.nodes[standby].copy(self.links.between(standby, self.primary)).await?;
        self.restart(standby).await
    }

    /// Returns whether the primary can still begin another segment of its log.
    pub(crate) async fn switches_log(&self) -> bool {
        // A transaction of its own has something to log, without which there is no switch.
        let switch = "select pg_current_xact_id(); select pg_switch_wal()";
        let switched = async {
            self.only(self.primary, 1)?.client().await?.batch_execute(switch).await?;
            Result::Ok(())
        };
        matches!(tokio::time::timeout(ANSWER_LIMIT, switched).await, Ok(Ok(())))
    }

    /// Waits until both standbys follow the primary.
    pub(crate) async fn until_all_follow(&self) -> Result {
        let database = self.only(self.primary, 1)?;
        let started = Instant::now();
        loop {
            let following = "select count(*) from pg_stat_replication where state = 'streaming'";
            let row = database.client().await?.query_one(following, &[]).await?;
            if usize::try_from(row.get::<_, i64>(0))? == SERVERS - 1 {
                return Ok(());
            }
            if started.elapsed() > LIMIT {
                return Err(format!("PostgreSQL: not all standbys follow within {LIMIT:?}").into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends all servers.
    pub(crate) fn end(mut self) -> Result {
        (0..SERVERS).try_for_each(|server| self.kill(server))
    }

    fn point(&self, server: usize) {
        let address = self.nodes[server].address();
        self.links.point_to(server, address, address);
    }
}

/// Returns a server's directory below the run's.
pub(crate) fn dir(run: &Path, server: usize) -> PathBuf {
    run.join(name_of(server))
}

fn name_of(server: usize) -> String {
    format!("postgres_{server}")
}
