//! The deployment to break: real servers, a proxy before each, stand-in providers, and the fleet that knows only the
//! proxies.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use despatch::Registry;
use despatch_runtime::Database;
use despatch_sandbox::{Faults, Sandbox, TrackingPace};
use despatch_scenario::Auditor;
use despatch_scenario::shopify::shop_configuration;
use despatch_stack::Stack;
use despatch_testkit::Proxy;

use crate::fault::Server;
use crate::fleet::{FLEET, Fleet, GATEWAY};
use crate::result::Result;

/// The API key of the shop.
pub(crate) const API_KEY: &str = "the shop's key";
pub(crate) const WEBHOOK_TOKEN: &str = "the carrier's token";

/// How long a running server may take to accept the harness's connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The stream of a deployment without a namespace.
pub(crate) const STREAM: &str = "DESPATCH";

/// A running deployment.
pub(crate) struct Deployment {
    pub(crate) fleet: Fleet,
    pub(crate) nats: Proxy,
    pub(crate) postgres: Proxy,
    gateway: Proxy,
    pub(crate) sandbox: Sandbox,
    pub(crate) stack: Stack,
    /// The number of the gateway's start whose address is known.
    gateway_known: usize,
}

impl Deployment {
    /// Starts servers, providers and the fleet.
    pub(crate) async fn start(dir: &Path, faults: Faults) -> Result<Self> {
        let options = despatch_stack::Options::new(dir);
        let stack = Stack::start(despatch_stack::Options { progress: |_| {}, ..options }).await?;
        let nats = Proxy::start(socket(stack.nats_url())?).await?;
        let postgres = Proxy::start(socket(stack.database_url())?).await?;
        // Nothing listens there until the first gateway does.
        let gateway = Proxy::start((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let gateway_url = format!("http://{}", gateway.address());
        let sandbox = Sandbox::start(despatch_sandbox::Options {
            seed: faults.seed,
            faults,
            gateway_url: Some(gateway_url.clone()),
            webhook_token: Some(WEBHOOK_TOKEN.to_owned()),
            tracking: TrackingPace::default(),
            ..despatch_sandbox::Options::default()
        })
        .await?;
        let nats_url = through(stack.nats_url(), &nats)?;
        let database_url = through(stack.database_url(), &postgres)?;
        let mut environment = environment(nats_url, database_url, gateway_url);
        environment.extend([
            // The work of a killed process is taken over in seconds.
            ("DESPATCH_RUNTIME_CONNECTIONS", "4".into()),
            ("DESPATCH_RUNTIME_ACK_WAIT_SECONDS", "5".into()),
            ("DESPATCH_RUNTIME_SWEEP_AFTER_SECONDS", "5".into()),
        ]);
        environment.extend(sandbox.environment());
        let configuration = dir.join("despatch.toml");
        std::fs::write(&configuration, shop_configuration())?;
        environment.insert("DESPATCH_CONFIG", configuration.display().to_string());
        let logs = dir.join("logs");
        std::fs::create_dir_all(&logs)?;
        let mut fleet = Fleet::new(&logs, environment, &FLEET);
        for place in 0..FLEET.len() {
            fleet.start(place, 0)?;
        }
        Ok(Deployment { fleet, nats, postgres, gateway, sandbox, stack, gateway_known: 0 })
    }

    /// Returns the gateway's address. It stays the same whichever process serves it.
    pub(crate) fn gateway_url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// Returns the proxy before a server.
    pub(crate) fn proxy(&self, server: Server) -> &Proxy {
        match server {
            Server::Nats => &self.nats,
            Server::Postgres => &self.postgres,
        }
    }

    /// Points a server's proxy to the server's current address.
    pub(crate) fn follow(&self, server: Server) -> Result {
        let url = match server {
            Server::Nats => self.stack.nats_url(),
            Server::Postgres => self.stack.database_url(),
        };
        self.proxy(server).point_to(socket(url)?);
        Ok(())
    }

    /// Points the gateway's proxy to the process that serves it now, once that listens. Returns whether it does.
    pub(crate) fn follow_gateway(&mut self) -> bool {
        let start = self.fleet.starts(GATEWAY);
        if self.gateway_known != start
            && let Some(address) = self.fleet.gateway_address(GATEWAY)
        {
            self.gateway.point_to(address);
            self.gateway_known = start;
        }
        self.gateway_known == start
    }

    /// Returns the database, past the proxy, for the audit.
    pub(crate) fn database(&self) -> Result<Database> {
        Ok(Database::new(self.stack.database_url(), 4)?)
    }

    /// Returns the auditor, past the proxy.
    pub(crate) fn auditor(&self) -> Result<Auditor> {
        Ok(Auditor::new(self.database()?, Registry::default().names()).mixing_tenders())
    }

    /// Returns the broker, past the proxy. It serves, but a busy machine may let it miss its own deadlines.
    pub(crate) async fn jetstream(&self) -> Result<jetstream::Context> {
        let started = Instant::now();
        loop {
            let (servers, options) = despatch_runtime::nats_options(self.stack.nats_url())?;
            match options.name("chaos").connect(servers).await {
                Ok(client) => return Ok(jetstream::new(client)),
                Err(error) if started.elapsed() > CONNECT_TIMEOUT => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Returns the environment of every process of a deployment.
pub(crate) fn environment(
    nats_url: String,
    database_url: String,
    gateway_url: String,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("DESPATCH_NATS_URL", nats_url),
        ("DESPATCH_DATABASE_URL", database_url),
        ("DESPATCH_HEALTH_LISTEN", String::new()),
        ("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0".into()),
        ("DESPATCH_GATEWAY_API_KEYS", API_KEY.into()),
        ("DESPATCH_LINKS_SECRET", "the secret of the links, at least 32 bytes".into()),
        ("DESPATCH_SHOP_PUBLIC_URL", gateway_url),
        ("DESPATCH_SHIPPO_WEBHOOK_TOKENS", WEBHOOK_TOKEN.into()),
        // Weeks become seconds.
        ("DESPATCH_REVIEWS_REMINDERS_SECONDS", "3".into()),
        ("DESPATCH_REVIEWS_LAPSE_AFTER_SECONDS", "5".into()),
        // The monitor would check again and again, and the deployment would never be quiescent.
        ("DESPATCH_EXCEPTIONS_MONITOR_SECONDS", "86400".into()),
        ("RUST_LOG", "info".into()),
        ("NO_COLOR", "1".into()),
    ])
}

/// Returns `127.0.0.1:port` of one of the stack's URLs.
fn socket(url: &str) -> Result<SocketAddr> {
    let (_, after) = url.rsplit_once('@').ok_or("a server's URL has no password")?;
    Ok(after.split('/').next().unwrap_or_default().parse()?)
}

/// Returns a server's URL by way of a proxy.
fn through(url: &str, proxy: &Proxy) -> Result<String> {
    Ok(url.replace(&socket(url)?.to_string(), &proxy.address().to_string()))
}
