//! A deployment in one process: servers, stand-ins for the providers that are not configured, every worker, the gateway.

use std::io::Write as _;
use std::time::Duration;

use despatch_gateway::GatewayError;
use despatch_runtime::{Database, Process};
use despatch_sandbox::{Faults, Sandbox, TrackingPace};
use despatch_stack::DataDirLock;
use rustix::fs::Mode;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::data_dir::{Address, DataDir};
use super::servers::Servers;
use crate::config::{Config, StandIns, running};
use crate::gateway;
use crate::registry::Registry;
use crate::result::Result;

/// How a deployment is run.
pub(crate) struct LaunchOptions {
    pub(crate) config: Config,
    pub(crate) data_dir: DataDir,
    /// The directory's, which is kept until everything has stopped.
    pub(crate) lock: DataDirLock,
    /// The command that is run.
    pub(crate) command: &'static str,
    /// The seed by which the stand-ins misbehave; without it they behave.
    pub(crate) faults: Option<u64>,
    /// Whether a directory that has lost its secrets gets new ones.
    pub(crate) new_secrets: bool,
}

/// A running deployment.
pub(crate) struct LocalDeployment {
    pub(crate) address: Address,
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) database: Database,
    pub(crate) process: Process,
    servers: Servers,
    gateway: JoinHandle<Result<(), GatewayError>>,
    shutdown: CancellationToken,
}

impl LocalDeployment {
    /// Starts everything and returns when every worker consumes.
    pub(crate) async fn start(registry: &Registry, options: LaunchOptions) -> Result<Self> {
        let LaunchOptions { mut config, data_dir, lock, command, faults, new_secrets } = options;
        // Everything that this process and its servers write is the owner's alone.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let secrets = if new_secrets { data_dir.new_secrets()? } else { data_dir.secrets()? };
        let options = stack_options(&config, &data_dir);
        let servers = Servers::start(lock, options, &data_dir, &config.runtime.namespace).await?;
        config.nats_url.clone_from(&servers.nats_url);
        config.database_url.clone_from(&servers.database_url);
        if config.links.secret.is_empty() {
            config.links.secret = secrets.link_secret;
        }
        config.gateway.api_keys.push(secrets.api_key.clone());
        let listener = gateway::bind(&config, command).await?;
        let gateway_url = format!("http://{}", listener.local_addr()?);
        if config.shop.public_url.is_empty() {
            config.shop.public_url.clone_from(&gateway_url);
        }
        let sandbox = if StandIns::are_needed(&config) {
            config.shippo.webhook_tokens.push(secrets.shippo_token.clone());
            config.stripe.webhook_secrets.push(secrets.stripe_secret.clone());
            let options = despatch_sandbox::Options {
                state_dir: Some(data_dir.path().join("sandbox")),
                faults: faults.map_or_else(Faults::none, Faults::seeded),
                tracking: fast_tracking(),
                gateway_url: Some(gateway_url.clone()),
                webhook_token: Some(secrets.shippo_token),
                stripe_webhook_secret: Some(secrets.stripe_secret),
                ..despatch_sandbox::Options::default()
            };
            let sandbox = Sandbox::start(options).await?;
            let stand_ins = StandIns {
                stripe: sandbox.stripe_url(),
                shippo: sandbox.shippo_url(),
                smtp: sandbox.smtp_url(),
            };
            stand_ins.fill_in(&mut config);
            Some(sandbox)
        } else {
            None
        };
        data_dir.keep_settings(&running(&config)?)?;
        let workers = registry.workers(&config, &registry.names())?;
        let database = Database::new(&config.database_url, 4)?;
        let process = Process::start(config.settings(), workers).await?;
        let shutdown = CancellationToken::new();
        let gateway = gateway::serve(&config, &process, listener, shutdown.clone())?;
        process.health().until_ready().await;
        let address = Address {
            gateway_url,
            api_key: secrets.api_key,
            nats_url: config.nats_url.clone(),
            database_url: config.database_url.clone(),
            sandbox_stripe_url: sandbox.as_ref().map(Sandbox::stripe_url),
        };
        data_dir.announce(&address)?;
        Ok(LocalDeployment { address, sandbox, database, process, servers, gateway, shutdown })
    }

    /// Finishes what is in flight and stops everything. Waiting events continue at the next start.
    pub(crate) async fn stop(self) -> Result {
        self.shutdown.cancel();
        let served = self.gateway.await;
        self.process.drain().await;
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        self.servers.stop().await?;
        served??;
        Ok(())
    }

    /// Ends when the gateway cannot serve any more, and says why.
    pub(crate) async fn failed(&mut self) -> String {
        match (&mut self.gateway).await {
            Ok(Ok(())) => "the gateway stopped".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

fn stack_options(config: &Config, data_dir: &DataDir) -> despatch_stack::Options {
    let given = |url: &str| (!url.is_empty()).then(|| url.to_owned());
    despatch_stack::Options {
        nats_url: given(&config.nats_url),
        database_url: given(&config.database_url),
        progress: |line| {
            // A terminal that has gone away must not keep the servers from starting.
            let _ = writeln!(std::io::stderr(), "{line}");
        },
        ..despatch_stack::Options::new(data_dir.path())
    }
}

/// The carrier's pace in a local deployment: parcels arrive while one watches.
pub(crate) fn fast_tracking() -> TrackingPace {
    TrackingPace {
        to_transit: Duration::from_millis(150),
        to_delivered: Duration::from_millis(250),
        jitter: 0.5,
    }
}
