//! How a sandbox is set up.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::faults::Faults;

/// The settings of a sandbox. The default is well-behaved, in memory, on free ports.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where effects are kept across restarts. `None` keeps them in memory only.
    pub state_dir: Option<PathBuf>,
    /// Ids, tracking numbers and the jitter of scans derive from it.
    pub seed: u64,
    /// How the providers misbehave.
    pub faults: Faults,
    /// The gateway's base URL: tracking webhooks go to `<gateway_url>/webhooks/shippo`. Without one they wait
    /// until [`set_webhook_target`](crate::Sandbox::set_webhook_target) is called.
    pub gateway_url: Option<String>,
    /// Sent with each webhook as `?token=…`. Shippo signs nothing; a token in the URL is what it offers.
    pub webhook_token: Option<String>,
    /// When a bought label is scanned.
    pub tracking: TrackingPace,
    /// How long Stripe keeps an idempotency key: 24 hours, says its documentation.
    pub key_window: Duration,
    /// The address to listen on.
    pub listen: IpAddr,
    /// The name under which others reach it, where that is another than the address.
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

/// How long a parcel takes. Each wait is stretched or shortened by a seeded share of itself.
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
    /// A demonstration's pace: delivered within a second.
    fn default() -> Self {
        Self { to_transit: Duration::from_millis(200), to_delivered: Duration::from_millis(300), jitter: 0.5 }
    }
}
