//! The settings of a sandbox.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::faults::Faults;

/// The settings of a sandbox. The default has no faults, is in memory, and uses free ports.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory for effects across restarts. `None` keeps them in memory only.
    pub state_dir: Option<PathBuf>,
    /// The seed of ids, tracking numbers and the jitter of scans.
    pub seed: u64,
    /// The providers' faults.
    pub faults: Faults,
    /// The gateway's base URL: tracking webhooks go to `<gateway_url>/webhooks/shippo`. Without one they wait
    /// until [`set_webhook_target`](crate::Sandbox::set_webhook_target) is called.
    pub gateway_url: Option<String>,
    /// The token sent with each webhook as `?token=…`. Shippo signs nothing and offers a token in the URL instead.
    pub webhook_token: Option<String>,
    /// The secret that signs Stripe's events, which go to `<gateway_url>/webhooks/stripe`. Without one none are sent.
    pub stripe_webhook_secret: Option<String>,
    /// The pace of a bought label's scans.
    pub tracking: TrackingPace,
    /// How long Stripe keeps an idempotency key: 24 hours according to its documentation.
    pub key_window: Duration,
    /// The address to listen on.
    pub listen: IpAddr,
    /// The name under which others reach it, if it differs from the address.
    pub host: Option<String>,
    /// Which ports to listen on.
    pub ports: Ports,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            state_dir: None,
            seed: 0,
            faults: Faults::none(),
            gateway_url: None,
            webhook_token: None,
            stripe_webhook_secret: None,
            tracking: TrackingPace::default(),
            key_window: Duration::from_secs(24 * 3600),
            listen: Ipv4Addr::LOCALHOST.into(),
            host: None,
            ports: Ports::default(),
        }
    }
}

/// Ports; 0, the default, takes any free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// Stripe's API.
    pub stripe: u16,
    /// Shippo's API.
    pub shippo: u16,
    /// The mail server.
    pub smtp: u16,
    /// Counts, mail and faults over HTTP.
    pub control: u16,
}

/// How long a parcel takes. A seeded share of each wait is added or subtracted.
#[derive(Clone, Copy, Debug)]
pub struct TrackingPace {
    /// From the label's purchase to its first scan.
    pub to_transit: Duration,
    /// From one scan to the next.
    pub to_delivered: Duration,
    /// The largest share by which a wait changes, 0 to 1.
    pub jitter: f64,
}

impl Default for TrackingPace {
    /// Returns a demonstration's pace: delivered within a second.
    fn default() -> Self {
        Self { to_transit: Duration::from_millis(200), to_delivered: Duration::from_millis(300), jitter: 0.5 }
    }
}
