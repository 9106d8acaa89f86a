//! Three NATS servers with a stream of three replicas, and what they say about its leaders.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_nats::jetstream;
use despatch_stack::NatsNode;
use futures_util::future::{join_all, try_join_all};
use serde_json::Value;

use super::links::{Links, SERVERS};
use crate::deployment::STREAM;
use crate::frozen::Frozen;
use crate::result::Result;

/// How long a server may take to say which groups it leads. A dead one must not hold the others' answers up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Interval at which leaders are asked for.
const POLL: Duration = Duration::from_millis(50);

/// How long a leader that stepped down may take to be replaced before it is asked again.
const STEP_DOWN: Duration = Duration::from_secs(2);

/// How long the cluster may take to elect leaders, or a returned server to catch up.
const LIMIT: Duration = Duration::from_secs(120);

/// The group of the servers themselves, which decides where streams and consumers are.
const META: &str = "meta";

/// The cluster. Servers are named by their place.
pub(crate) struct Broker {
    nodes: Vec<NatsNode>,
    pub(crate) links: Links,
    frozen: Vec<Option<Frozen>>,
    monitor: Monitor,
}

impl Broker {
    /// Starts the servers and returns when they have elected a leader.
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        let links = Links::start().await?;
        let password = uuid::Uuid::new_v4().simple().to_string();
        let mut nodes = Vec::new();
        for server in 0..SERVERS {
            nodes.push(NatsNode::prepare(&self::dir(dir, server), &name_of(server), &password).await?);
        }
        let frozen = (0..SERVERS).map(|_| None).collect();
        let mut broker = Broker { nodes, links, frozen, monitor: Monitor::new()? };
        let Broker { nodes, links, .. } = &mut broker;
        let starts = nodes.iter_mut().enumerate().map(|(server, node)| start(node, links, server));
        try_join_all(starts).await?;
        broker.point();
        broker.monitor.until("a leader", async |groups| groups.led.contains_key(META)).await?;
        Ok(broker)
    }

    /// Returns the URL for clients, which leads through the proxies.
    pub(crate) fn url(&self) -> String {
        let login = self.nodes[0].login();
        let urls = self.links.for_clients().into_iter().map(|address| format!("nats://{login}@{address}"));
        urls.collect::<Vec<_>>().join(",")
    }

    /// Connects past the proxies.
    pub(crate) async fn jetstream(&self) -> Result<jetstream::Context> {
        let login = self.nodes[0].login();
        let urls = self.nodes.iter().map(|node| format!("nats://{login}@{}", node.client_address()));
        let (servers, options) = despatch_runtime::nats_options(&urls.collect::<Vec<_>>().join(","))?;
        // Advertised addresses lead through the proxies.
        Ok(jetstream::new(options.name("chaos").ignore_discovered_servers().connect(servers).await?))
    }

    /// Lets a server lead the stream, so that a fault of the stream's leader can be one of the server that most clients
    /// are connected to.
    pub(crate) async fn lead(&self, server: usize) -> Result {
        let jetstream = self.jetstream().await?;
        let started = std::time::Instant::now();
        loop {
            let led = self.monitor.groups(None).await.led;
            if led.get(STREAM) == Some(&server) {
                return Ok(());
            }
            if started.elapsed() > LIMIT {
                return Err(format!("{} does not lead the stream within {LIMIT:?}", self.name(server)).into());
            }
            let placement = serde_json::json!({ "placement": { "preferred": self.name(server) } });
            // Asked again below if it is refused, for instance while a leader is elected.
            let _: std::result::Result<Value, _> =
                jetstream.request(format!("STREAM.LEADER.STEPDOWN.{STREAM}"), &placement).await;
            tokio::time::sleep(STEP_DOWN).await;
        }
    }

    /// Returns who asks the servers about their leaders.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Returns the name of a server.
    pub(crate) fn name(&self, server: usize) -> &str {
        self.nodes[server].name()
    }

    /// Kills a server with SIGKILL.
    pub(crate) fn kill(&mut self, server: usize) -> Result {
        Ok(self.nodes[server].kill()?)
    }

    /// Starts a killed server.
    pub(crate) async fn restart(&mut self, server: usize) -> Result {
        start(&mut self.nodes[server], &self.links, server).await?;
        self.point();
        Ok(())
    }

    /// Stops a server by SIGSTOP.
    pub(crate) fn freeze(&mut self, server: usize) -> Result {
        let pids: Vec<u32> = self.nodes[server].pid().into_iter().collect();
        self.frozen[server] = Some(Frozen::new(&pids)?);
        Ok(())
    }

    /// Lets a stopped server continue.
    pub(crate) fn thaw(&mut self, server: usize) -> Result {
        self.frozen[server].take().map_or(Ok(()), Frozen::thaw)
    }

    /// Returns the processor time of all servers so far.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for pid in self.nodes.iter().filter_map(NatsNode::pid) {
            for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
                let spent = std::fs::read_to_string(thread?.path().join("schedstat"))?;
                nanoseconds += spent.split(' ').next().unwrap_or_default().parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Ends all servers.
    pub(crate) fn end(mut self) -> Result {
        (0..SERVERS).try_for_each(|server| self.kill(server))
    }

    fn point(&mut self) {
        for (server, node) in self.nodes.iter().enumerate() {
            self.links.point_to(server, node.client_address(), node.route_address());
        }
        self.monitor.servers =
            self.nodes.iter().map(|node| (node.name().to_owned(), node.monitor_address())).collect();
    }
}

/// Returns a server's directory below the run's.
pub(crate) fn dir(run: &Path, server: usize) -> PathBuf {
    run.join(name_of(server))
}

fn name_of(server: usize) -> String {
    format!("nats-{server}")
}

async fn start(node: &mut NatsNode, links: &Links, server: usize) -> Result {
    let peers: Vec<SocketAddr> =
        (0..SERVERS).filter(|peer| *peer != server).map(|peer| links.between(server, peer)).collect();
    Ok(node.start(links.for_clients()[server], &peers).await?)
}

/// When each group had a leader again.
pub(crate) type Elections = BTreeMap<String, SystemTime>;

/// Asks every server's monitoring endpoint, past the proxies.
#[derive(Clone)]
pub(crate) struct Monitor {
    http: reqwest::Client,
    /// Names and addresses.
    servers: Vec<(String, SocketAddr)>,
}

/// The groups of servers that replicate a stream or a consumer, as their leaders describe them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Groups {
    /// The place of each group's leader, by the group's name.
    pub(crate) led: BTreeMap<String, usize>,
    /// Groups of which a replica is away or behind.
    pub(crate) behind: BTreeSet<String>,
}

impl Monitor {
    fn new() -> Result<Self> {
        let http = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).build()?;
        Ok(Monitor { http, servers: Vec::new() })
    }

    /// Returns the groups that servers say they lead. A server that does not answer leads nothing, and `except` is
    /// not asked.
    pub(crate) async fn groups(&self, except: Option<usize>) -> Groups {
        let asked = self.servers.iter().enumerate().filter(|(server, _)| Some(*server) != except);
        let answers = asked.map(async |(server, (name, address))| {
            let url = format!("http://{address}/jsz?accounts=true&streams=true&consumers=true");
            let answer = self.http.get(&url).send().await.ok()?.text().await.ok()?;
            Some((server, name, serde_json::from_str::<Value>(&answer).ok()?))
        });
        let mut groups = Groups::default();
        for (server, name, answer) in join_all(answers).await.into_iter().flatten() {
            for (group, cluster) in clusters(&answer) {
                if cluster["leader"] == Value::String(name.clone()) {
                    let replicas = cluster["replicas"].as_array().map_or(&[][..], Vec::as_slice);
                    let current = replicas.iter().filter(|it| {
                        it["current"] == true
                            && it["offline"] != true
                            && it["lag"].as_u64().is_none_or(|lag| lag == 0)
                    });
                    if current.count() < SERVERS - 1 {
                        groups.behind.insert(group.clone());
                    }
                    groups.led.insert(group, server);
                }
            }
        }
        groups
    }

    /// Waits until each of these groups is led by another server than `lost`, and returns when each first was.
    pub(crate) async fn elected(&self, groups: Vec<String>, lost: usize) -> Result<Elections> {
        let started = std::time::Instant::now();
        let mut elections = Elections::new();
        loop {
            let led = self.groups(Some(lost)).await.led;
            let now = SystemTime::now();
            for group in groups.iter().filter(|group| led.contains_key(*group)) {
                elections.entry(group.clone()).or_insert(now);
            }
            if elections.len() == groups.len() {
                return Ok(elections);
            }
            if started.elapsed() > LIMIT {
                return Err(format!("no leader within {LIMIT:?}; found those of {elections:?}").into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns the server that most clients are connected to, leaving one out.
    pub(crate) async fn most_clients(&self, except: Option<usize>) -> Result<usize> {
        let mut most = None;
        for (server, (_, address)) in self.servers.iter().enumerate().filter(|(it, _)| Some(*it) != except) {
            let url = format!("http://{address}/connz");
            let answer: Value = serde_json::from_str(&self.http.get(&url).send().await?.text().await?)?;
            most = most.max(Some((answer["num_connections"].as_u64().unwrap_or_default(), server)));
        }
        Ok(most.ok_or("there is no server")?.1)
    }

    /// Waits until a condition of the groups holds.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn(&Groups) -> bool) -> Result<Groups> {
        let started = std::time::Instant::now();
        loop {
            let groups = self.groups(None).await;
            if holds(&groups).await {
                return Ok(groups);
            }
            if started.elapsed() > LIMIT {
                return Err(format!("NATS: not within {LIMIT:?}: {what}: {groups:?}").into());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Returns the groups of a server's answer, each with the server's view of it.
fn clusters(answer: &Value) -> Vec<(String, &Value)> {
    let mut clusters = vec![(META.to_owned(), &answer["meta_cluster"])];
    for account in answer["account_details"].as_array().into_iter().flatten() {
        for stream in account["stream_detail"].as_array().into_iter().flatten() {
            clusters.push((name(stream), &stream["cluster"]));
            for consumer in stream["consumer_detail"].as_array().into_iter().flatten() {
                clusters.push((name(consumer), &consumer["cluster"]));
            }
        }
    }
    clusters
}

fn name(detail: &Value) -> String {
    detail["name"].as_str().unwrap_or_default().to_owned()
}
