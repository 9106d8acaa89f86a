//! Everything in one process: servers, stand-in providers where no real ones are configured, every worker, the gateway.

use std::path::PathBuf;
use std::time::Duration;

use despatch_read_model::ReadModel;
use despatch_runtime::{Database, Outbox, Process};
use despatch_sandbox::{Faults, Sandbox, TrackingPace};
use despatch_stack::Stack;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::home::{Address, Home};
use crate::{Outcome, registry};

/// How a site is to be run.
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) home: Home,
    /// How the sandbox misbehaves, where there is one.
    pub(crate) faults: Faults,
    /// How fast its carrier is.
    pub(crate) tracking: TrackingPace,
    /// What a person should see while waiting.
    pub(crate) progress: fn(&str),
}

/// A running site.
pub(crate) struct Site {
    pub(crate) address: Address,
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) database: Database,
    home: Home,
    process: Process,
    stack: Stack,
    gateway: JoinHandle<Result<(), despatch_gateway::GatewayError>>,
    shutdown: CancellationToken,
}

impl Site {
    /// Starts everything and returns when every worker consumes.
    pub(crate) async fn start(plan: Plan) -> Outcome<Self> {
        let Plan { mut config, home, faults, tracking, progress } = plan;
        let secrets = home.secrets()?;
        let stack = Stack::start(stack_options(&config, &home, progress)).await?;
        config.nats_url = stack.nats_url().to_owned();
        config.database_url = stack.database_url().to_owned();
        if config.links.secret.is_empty() {
            config.links.secret = secrets.link_secret;
        }
        config.gateway.api_keys.push(secrets.api_key.clone());
        let listener = TcpListener::bind(config.gateway.listen)
            .await
            .map_err(|error| format!("gateway.listen {}: {error}", config.gateway.listen))?;
        let gateway_url = format!("http://{}", listener.local_addr()?);
        if config.shop.public_url.is_empty() {
            config.shop.public_url.clone_from(&gateway_url);
        }
        let sandbox = if stands_in(&config) {
            config.shippo.webhook_tokens.push(secrets.shippo_token.clone());
            let options = despatch_sandbox::Options {
                state_dir: Some(home.path().join("sandbox")),
                faults,
                tracking,
                gateway_url: Some(gateway_url.clone()),
                webhook_token: Some(secrets.shippo_token),
                ..despatch_sandbox::Options::default()
            };
            let sandbox = Sandbox::start(options).await?;
            use_stand_ins(&mut config, &StandIns::of(&sandbox));
            Some(sandbox)
        } else {
            None
        };
        let workers = registry::workers(&config, registry::NAMES)?;
        let settings = config.settings();
        let read_model = ReadModel::new(&settings)?;
        let database = Database::new(&config.database_url, 4)?;
        let process = Process::start(settings, workers).await?;
        let intake = gateway_intake(&process)?;
        let shutdown = CancellationToken::new();
        let served =
            despatch_gateway::serve(config.gateway(), intake, read_model, listener, shutdown.clone());
        let gateway = tokio::spawn(served);
        process.health().until_ready().await;
        let address = Address {
            gateway_url,
            api_key: secrets.api_key,
            nats_url: config.nats_url.clone(),
            database_url: config.database_url.clone(),
            sandbox_stripe_url: sandbox.as_ref().map(Sandbox::stripe_url),
        };
        home.announce(&address)?;
        Ok(Site { address, sandbox, database, home, process, stack, gateway, shutdown })
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Finishes what is held and stops everything; what is in flight continues at the next start.
    pub(crate) async fn stop(self) -> Outcome {
        self.shutdown.cancel();
        let served = self.gateway.await;
        self.process.drain().await;
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        self.stack.stop().await?;
        served??;
        Ok(())
    }

    /// Ends when the gateway cannot serve any more.
    pub(crate) async fn failed(&mut self) -> String {
        match (&mut self.gateway).await {
            Ok(Ok(())) => "the gateway stopped".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

/// The gateway's way in, from a process that runs it.
pub(crate) fn gateway_intake(process: &Process) -> Outcome<Outbox> {
    process.outbox(despatch_gateway::NAME).ok_or_else(|| "the gateway's worker is not running".into())
}

fn stack_options(config: &Config, home: &Home, progress: fn(&str)) -> despatch_stack::Options {
    let given = |url: &str| (!url.is_empty()).then(|| url.to_owned());
    despatch_stack::Options {
        data_dir: PathBuf::from(home.path()),
        nats_url: given(&config.nats_url),
        database_url: given(&config.database_url),
        nats_door: None,
        progress,
    }
}

fn stands_in(config: &Config) -> bool {
    config.stripe.base_url.is_empty() || config.shippo.base_url.is_empty() || config.smtp.url.is_empty()
}

/// The URLs of what stands in for providers.
struct StandIns {
    stripe: String,
    shippo: String,
    smtp: String,
}

impl StandIns {
    fn of(sandbox: &Sandbox) -> Self {
        StandIns { stripe: sandbox.stripe_url(), shippo: sandbox.shippo_url(), smtp: sandbox.smtp_url() }
    }
}

/// Puts a stand-in in the place of each provider that is not configured.
fn use_stand_ins(config: &mut Config, stand_ins: &StandIns) {
    if config.stripe.base_url.is_empty() {
        config.stripe.base_url.clone_from(&stand_ins.stripe);
        "sk_test_sandbox".clone_into(&mut config.stripe.secret_key);
    }
    if config.shippo.base_url.is_empty() {
        config.shippo.base_url.clone_from(&stand_ins.shippo);
        "shippo_test_sandbox".clone_into(&mut config.shippo.token);
        // A sandbox on this machine is done with a request when its connection ends.
        config.shippo.settle_seconds = config.shippo.settle_seconds.min(1);
    }
    if config.smtp.url.is_empty() {
        config.smtp.url.clone_from(&stand_ins.smtp);
    }
}

/// Fills in whatever `up` would, for somebody who needs its workers but runs none: they would reach nobody.
pub(crate) fn fill_in(config: &mut Config) {
    let stand_ins = StandIns {
        stripe: "http://sandbox.invalid".into(),
        shippo: "http://sandbox.invalid".into(),
        smtp: "smtp://sandbox.invalid:25".into(),
    };
    use_stand_ins(config, &stand_ins);
    for (value, stand_in) in
        [(&mut config.links.secret, "signs nothing"), (&mut config.shop.public_url, "http://gateway.invalid")]
    {
        if value.is_empty() {
            stand_in.clone_into(value);
        }
    }
    config.gateway.api_keys.push("opens nothing".into());
}

/// The carrier's pace in a site of its own: parcels arrive while one watches.
pub(crate) fn brisk() -> TrackingPace {
    TrackingPace {
        to_transit: Duration::from_millis(150),
        to_delivered: Duration::from_millis(250),
        jitter: 0.5,
    }
}
