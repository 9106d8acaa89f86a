//! Starts, controls and stops all providers together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::{fmt, io};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::control;
use crate::counts::{Counts, OrderCounts};
use crate::error::SandboxError;
use crate::fault_injector::{FaultInjector, Request};
use crate::faults::{Faults, Target};
use crate::options::Options;
use crate::providers::Providers;
use crate::serve::serve;
use crate::shippo::{self, Shippo, WebhookTarget};
use crate::smtp::{self, Mailbox};
use crate::stripe::{self, EventTarget, Stripe};

/// The running providers. Dropping it ends them, without waiting until they are gone.
pub struct Sandbox {
    providers: Arc<Providers>,
    stripe_url: String,
    shippo_url: String,
    smtp_url: String,
    control_url: String,
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// Reads the state, opens the ports and serves, on the current tokio runtime.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let dir = options.state_dir.as_deref();
        let injector = Arc::new(FaultInjector::open(dir, options.faults)?);
        let stripe = Stripe::open(dir, options.seed, options.key_window, Arc::clone(&injector))?;
        let shippo = Shippo::open(dir, options.seed, options.tracking, Arc::clone(&injector))?;
        let mailbox = Arc::new(Mailbox::open(dir)?);
        if let Some(url) = &options.gateway_url {
            shippo.set_webhook_target(WebhookTarget::new(url, options.webhook_token.as_deref())?);
            if let Some(secret) = &options.stripe_webhook_secret {
                stripe.set_event_target(EventTarget::new(url, secret)?);
            }
        }
        let providers = Arc::new(Providers { stripe, shippo, mailbox, injector });

        let Options { listen: ip, host, ports, .. } = options;
        let listen = async |scheme, port| listen(scheme, SocketAddr::new(ip, port), host.as_deref()).await;
        let (stripe_port, stripe_url) = listen("http", ports.stripe).await?;
        let (shippo_port, shippo_url) = listen("http", ports.shippo).await?;
        let (smtp_port, smtp_url) = listen("smtp", ports.smtp).await?;
        let (control_port, control_url) = listen("http", ports.control).await?;
        let mut tasks = JoinSet::new();
        let (stop, stopped) = watch::channel(());
        tasks.spawn(serve(stripe_port, Arc::clone(&providers.stripe).router(), stopped.clone()));
        tasks.spawn(stripe::send_events(Arc::clone(&providers.stripe), stopped.clone()));
        let shippo = Arc::clone(&providers.shippo);
        tasks.spawn(serve(shippo_port, Arc::clone(&shippo).router(shippo_url.clone()), stopped.clone()));
        tasks.spawn(shippo::send_webhooks(shippo, stopped.clone()));
        tasks.spawn(serve(control_port, control::router(Arc::clone(&providers)), stopped.clone()));
        let (mailbox, injector) = (Arc::clone(&providers.mailbox), Arc::clone(&providers.injector));
        tasks.spawn(smtp::serve(smtp_port, mailbox, injector, stopped));
        Ok(Self { providers, stripe_url, shippo_url, smtp_url, control_url, stop, tasks })
    }

    /// Returns Stripe's base URL, without `/v1`.
    pub fn stripe_url(&self) -> String {
        self.stripe_url.clone()
    }

    /// Returns Shippo's base URL.
    pub fn shippo_url(&self) -> String {
        self.shippo_url.clone()
    }

    /// Returns the mail server's URL: `smtp://127.0.0.1:port`.
    pub fn smtp_url(&self) -> String {
        self.smtp_url.clone()
    }

    /// Returns the environment that makes a `despatch` process use these in place of its providers.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        [
            ("DESPATCH_STRIPE_BASE_URL", self.stripe_url()),
            ("DESPATCH_STRIPE_SECRET_KEY", "sk_test_sandbox".to_owned()),
            ("DESPATCH_SHIPPO_BASE_URL", self.shippo_url()),
            ("DESPATCH_SHIPPO_TOKEN", "shippo_test_sandbox".to_owned()),
            ("DESPATCH_SHIPPO_SETTLE_SECONDS", "1".to_owned()),
            ("DESPATCH_SMTP_URL", self.smtp_url()),
        ]
    }

    /// Returns the base URL of counts, mail and faults; the crate's page lists the paths.
    pub fn control_url(&self) -> String {
        self.control_url.clone()
    }

    /// Sends tracking webhooks, waiting ones included, to `<gateway_url>/webhooks/shippo?token=<token>`.
    pub fn set_webhook_target(&self, gateway_url: &str, token: Option<&str>) -> Result<(), SandboxError> {
        self.providers.shippo.set_webhook_target(WebhookTarget::new(gateway_url, token)?);
        Ok(())
    }

    /// Sends Stripe's events from now on to `<gateway_url>/webhooks/stripe`, signed with this secret.
    pub fn set_event_target(&self, gateway_url: &str, secret: &str) -> Result<(), SandboxError> {
        self.providers.stripe.set_event_target(EventTarget::new(gateway_url, secret)?);
        Ok(())
    }

    /// Replaces the active faults.
    pub fn set_faults(&self, faults: Faults) -> Result<(), SandboxError> {
        self.providers.injector.set(faults)
    }

    /// Makes the next requests about one order, or of all, meet a fault.
    pub fn fault_next(&self, target: Target) {
        self.providers.injector.target(target);
    }

    /// Records every request from now on, with its time.
    pub fn record_requests(&self) {
        self.providers.injector.record();
    }

    /// Returns the recorded requests, oldest first.
    pub fn recorded_requests(&self) -> Vec<Request> {
        self.providers.injector.recorded()
    }

    /// Returns the effects so far, over all orders and all runs on this state directory.
    pub fn counts(&self) -> Counts {
        self.providers.counts()
    }

    /// Returns the effects so far for one order; nothing if no provider knows it.
    pub fn order_counts(&self, order: &str) -> io::Result<OrderCounts> {
        self.providers.order_counts(order)
    }

    /// Returns the effects so far for every order that a provider knows. Effects without an order are under the empty
    /// name.
    pub fn counts_by_order(&self) -> io::Result<BTreeMap<String, OrderCounts>> {
        self.providers.counts_by_order()
    }

    /// Ends all connections and waits until they are gone and the state directory is free. Every answered effect is
    /// kept.
    pub async fn stop(self) {
        let Self { providers, stop, tasks, .. } = self;
        drop(stop);
        tasks.join_all().await;
        drop(providers);
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("control_url", &self.control_url).finish_non_exhaustive()
    }
}

/// Opens a port and returns it with its URL under the name that others know.
async fn listen(
    scheme: &str,
    address: SocketAddr,
    host: Option<&str>,
) -> Result<(TcpListener, String), SandboxError> {
    let failed = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let url = match host {
        Some(host) => format!("{scheme}://{host}:{}", bound.port()),
        None => format!("{scheme}://{bound}"),
    };
    Ok((listener, url))
}
