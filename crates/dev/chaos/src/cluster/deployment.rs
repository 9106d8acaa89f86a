//! The cluster with everything around it: servers, providers, two processes of each worker, and a balancer before the
//! gateways.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use despatch::Registry;
use despatch_sandbox::Sandbox;
use despatch_scenario::{Auditor, Discrepancy};
use despatch_testkit::Proxy;

use super::broker::{self, Broker};
use super::database::{self, Databases};
use super::disks::{Disk, may_mount};
use super::fault::Fault;
use super::links::SERVERS;
use crate::deployment::{WEBHOOK_TOKEN, environment};
use crate::fleet::Fleet;
use crate::quiesce::Records;
use crate::result::Result;

/// Every process with its workers.
const PROCESSES: [&str; 4] = ["gateway", "gateway", WORKERS, WORKERS];
const WORKERS: &str = "orders inventory payments labels notifications reviews exceptions";

/// The gateways' places.
pub(crate) const GATEWAYS: [usize; 2] = [0, 1];

/// The places of the processes with all workers.
pub(crate) const WORKERS_AT: [usize; 2] = [2, 3];

/// The directory of the processes' logs, below that of the run.
const LOGS: &str = "logs";

/// Sizes of small disks. The servers' have room for a run's data.
const NATS_MEBIBYTES: u32 = 512;
const POSTGRES_MEBIBYTES: u32 = 1536;
const LOG_MEBIBYTES: u32 = 64;

/// How often a gateway is asked whether it is ready, and how long it may take to answer.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A running cluster.
pub(crate) struct Cluster {
    pub(crate) fleet: Fleet,
    pub(crate) broker: Broker,
    pub(crate) databases: Databases,
    pub(crate) sandbox: Sandbox,
    balancer: Balancer,
    pub(crate) disks: Disks,
    /// Violations so far.
    pub(crate) violations: Vec<Discrepancy>,
}

impl Cluster {
    /// Starts servers and providers. With `soon`, work of a lost process is taken over after seconds, in place of the
    /// defaults.
    pub(crate) async fn start(dir: &Path, disks: Disks, soon: bool) -> Result<Self> {
        let (broker, databases) = tokio::try_join!(Broker::start(dir), Databases::start(dir))?;
        let balancer = Balancer::start().await?;
        let sandbox = Sandbox::start(despatch_sandbox::Options {
            gateway_url: Some(balancer.url()),
            webhook_token: Some(WEBHOOK_TOKEN.to_owned()),
            ..despatch_sandbox::Options::default()
        })
        .await?;
        let mut environment = environment(broker.url(), databases.url(), balancer.url());
        environment.insert("DESPATCH_RUNTIME_STREAM_REPLICAS", "3".into());
        if soon {
            environment.insert("DESPATCH_RUNTIME_ACK_WAIT_SECONDS", "5".into());
            environment.insert("DESPATCH_RUNTIME_SWEEP_AFTER_SECONDS", "5".into());
        }
        environment.extend(sandbox.environment());
        let logs = dir.join(LOGS);
        std::fs::create_dir_all(&logs)?;
        let fleet = Fleet::new(&logs, environment, &PROCESSES);
        Ok(Cluster { fleet, broker, databases, sandbox, balancer, disks, violations: Vec::new() })
    }

    /// Starts every process.
    pub(crate) fn start_processes(&mut self) -> Result {
        (0..PROCESSES.len()).try_for_each(|place| self.fleet.start(place, 0))
    }

    /// Returns the address at which the shop and its customers reach a gateway.
    pub(crate) fn gateway_url(&self) -> String {
        self.balancer.url()
    }

    /// Tells the balancer where the gateways listen. Restarts a process that ended without being killed, which is a
    /// violation.
    pub(crate) fn tend(&mut self) -> Result {
        for (place, status) in self.fleet.ended()? {
            let about = format!("process {place} ({})", PROCESSES[place]);
            println!("          {about} ended by itself: {status}");
            self.violations.push(Discrepancy { about, wrong: format!("ended by itself: {status}") });
            self.fleet.start(place, 0)?;
        }
        let gateways = GATEWAYS.iter().filter_map(|place| self.fleet.gateway_address(*place));
        self.balancer.know(gateways.collect());
        Ok(())
    }

    /// Returns the records that say what is left to do, past the proxies.
    pub(crate) async fn records(&self) -> Result<Records> {
        let database = self.databases.database()?;
        let auditor = Auditor::new(database.clone(), Registry::default().names()).mixing_tenders();
        Ok(Records { database, auditor, jetstream: self.broker.jetstream().await? })
    }

    /// Copies the processes' logs to where they outlive their disk, if they have one.
    pub(crate) fn keep_logs(&self, dir: &Path) -> Result {
        if self.disks.logs.is_some() {
            let kept = dir.join("kept-logs");
            std::fs::create_dir_all(&kept)?;
            for log in std::fs::read_dir(dir.join(LOGS))? {
                let log = log?;
                std::fs::copy(log.path(), kept.join(log.file_name()))?;
            }
        }
        Ok(())
    }

    /// Ends everything. The processes end first, because they would only complain about servers that end.
    pub(crate) async fn end(self) -> Result {
        drop(self.fleet);
        self.sandbox.stop().await;
        self.broker.end()?;
        self.databases.end()
    }
}

/// Small disks under servers and logs; none where they cannot be had or are not needed.
#[derive(Default)]
pub(crate) struct Disks {
    pub(crate) nats: Vec<Disk>,
    pub(crate) postgres: Vec<Disk>,
    pub(crate) logs: Option<Disk>,
}

impl Disks {
    /// Mounts those that these faults fill.
    pub(crate) fn mount(dir: &Path, faults: &[Fault]) -> Result<Self> {
        let mut disks = Disks::default();
        if !may_mount() {
            return Ok(disks);
        }
        for server in 0..SERVERS {
            if faults.contains(&Fault::FullNats) {
                disks.nats.push(Disk::mount(&broker::dir(dir, server), NATS_MEBIBYTES)?);
            }
            if faults.contains(&Fault::FullPrimary) {
                disks.postgres.push(Disk::mount(&database::dir(dir, server), POSTGRES_MEBIBYTES)?);
            }
        }
        if faults.contains(&Fault::FullLog) {
            disks.logs = Some(Disk::mount(&dir.join(LOGS), LOG_MEBIBYTES)?);
        }
        Ok(disks)
    }
}

/// Stands before the gateways as Kubernetes does: a connection goes to one that is ready.
struct Balancer {
    address: SocketAddr,
    gateways: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    async fn start() -> Result<Self> {
        let proxy = Proxy::start((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let balancer = Balancer { address: proxy.address(), gateways: Arc::default() };
        let http = reqwest::Client::builder().timeout(PROBE_TIMEOUT).pool_max_idle_per_host(0).build()?;
        tokio::spawn(probe(http, proxy, balancer.gateways.clone()));
        Ok(balancer)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn know(&self, gateways: Vec<SocketAddr>) {
        *self.gateways.lock().unwrap_or_else(PoisonError::into_inner) = gateways;
    }
}

/// Keeps a balancer's proxy pointed to the gateways that are ready.
async fn probe(http: reqwest::Client, proxy: Proxy, gateways: Arc<Mutex<Vec<SocketAddr>>>) {
    loop {
        let known = gateways.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answers = known.into_iter().map(async |gateway| {
            let answer = http.get(format!("http://{gateway}/readyz")).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(gateway)
        });
        proxy.balance(futures_util::future::join_all(answers).await.into_iter().flatten().collect());
        tokio::time::sleep(PROBE_INTERVAL).await;
    }
}
