//! The file's shape. Keys, defaults and meanings are in `default.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use despatch_gateway::Shop;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::Key;
use super::origin::{Origin, Origins};
use super::problem::Problem;

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) nats_url: String,
    pub(crate) nats_nkey_file: String,
    pub(crate) database_url: String,
    pub(crate) databases: BTreeMap<String, String>,
    pub(crate) runtime: Runtime,
    pub(crate) retention: Retention,
    pub(crate) health: Health,
    pub(crate) log: Log,
    pub(crate) shop: ShopFront,
    pub(crate) links: Links,
    pub(crate) payments: Payments,
    pub(crate) stripe: Stripe,
    pub(crate) shippo: Shippo,
    pub(crate) labels: Labels,
    pub(crate) smtp: Smtp,
    pub(crate) alerts: Alerts,
    pub(crate) reviews: Reviews,
    pub(crate) exceptions: despatch_exceptions::Config,
    pub(crate) gateway: Gateway,
    /// The tables that workers bring with them, by the worker.
    #[serde(skip)]
    pub(crate) own: BTreeMap<&'static str, toml::Value>,
    /// Where the values come from.
    #[serde(skip)]
    pub(crate) origins: Origins,
    /// All of it as the layers left it.
    #[serde(skip)]
    pub(crate) table: toml::Table,
}

impl Config {
    /// A worker's own table.
    pub(crate) fn own<C: DeserializeOwned>(&self, worker: &str) -> Result<C, String> {
        let table = self.own.get(worker).cloned().unwrap_or_else(|| toml::Table::new().into());
        table.try_into().map_err(|error| error.message().to_owned())
    }

    /// Whether these are the settings of the deployment that runs in the data directory.
    pub(crate) fn is_running_here(&self) -> bool {
        self.origins.is_running()
    }

    /// A problem of a key's value, and the place to correct it.
    pub(crate) fn problem(&self, key: &Key, text: String) -> Problem {
        let at = self.origins.nearest(key);
        let key = match &at {
            Origin::Variable(name) => name.clone(),
            Origin::File(_) | Origin::Running => key.to_string(),
            Origin::Default => match key.variable() {
                Some(variable) => format!("{key} ({variable})"),
                None => key.to_string(),
            },
        };
        Problem { at, key, text }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runtime {
    pub(crate) namespace: String,
    pub(crate) connections: usize,
    pub(crate) ack_wait_seconds: u64,
    pub(crate) drain_grace_seconds: u64,
    pub(crate) sweep_after_seconds: u64,
    pub(crate) clock_tick_ms: u64,
    pub(crate) journal_retention_days: u64,
    pub(crate) stream_retention_days: u64,
    pub(crate) stream_replicas: usize,
    pub(crate) provision: bool,
    pub(crate) migrate: bool,
    /// The deployment's changes to policies of single handlers, by the handler's name.
    pub(crate) policies: BTreeMap<String, HandlerPolicy>,
}

/// Days for which rows are kept after they were last needed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "keys name their unit")]
pub(crate) struct Retention {
    pub(crate) orders_days: u32,
    pub(crate) labels_days: u32,
    pub(crate) mails_days: u32,
    pub(crate) cases_days: u32,
    pub(crate) dead_days: u32,
    pub(crate) effects_days: u32,
    pub(crate) repeats_days: u32,
    pub(crate) movements_days: u32,
}

/// Changes to a handler's policy. Values that are left out stay as they are in the code.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandlerPolicy {
    pub(crate) attempts: Option<u32>,
    pub(crate) first_retry_ms: Option<u64>,
    pub(crate) longest_retry_ms: Option<u64>,
    pub(crate) not_yet_ms: Option<u64>,
    pub(crate) defer_deadline_seconds: Option<u64>,
    pub(crate) batch: Option<usize>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) max_crashes: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    pub(crate) listen: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: despatch_telemetry::Format,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShopFront {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) message_id_domain: String,
    pub(crate) public_url: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Links {
    pub(crate) secret: String,
    pub(crate) former_secrets: Vec<String>,
    pub(crate) page_days: u32,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links(…)")
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payments {
    pub(crate) provider: despatch_payments::ProviderName,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stripe {
    pub(crate) base_url: String,
    pub(crate) secret_key: String,
    pub(crate) timeout_ms: u64,
    pub(crate) webhook_secrets: Vec<String>,
    pub(crate) order_keys: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shippo {
    pub(crate) base_url: String,
    pub(crate) token: String,
    pub(crate) timeout_seconds: u64,
    pub(crate) settle_seconds: u64,
    pub(crate) webhook_tokens: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Labels {
    pub(crate) sender: despatch_labels::Sender,
    pub(crate) parcel: despatch_labels::UsualCarton,
    pub(crate) cartons: Vec<despatch_routing::Carton>,
    pub(crate) rules: Vec<despatch_routing::CarrierRule>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Smtp {
    pub(crate) url: String,
    pub(crate) timeout_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alerts {
    pub(crate) webhook: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "keys of the file, which name their unit")]
pub(crate) struct Reviews {
    pub(crate) ask_after_seconds: u64,
    pub(crate) reminders_seconds: Vec<u64>,
    pub(crate) lapse_after_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) listen: SocketAddr,
    pub(crate) body_limit_bytes: usize,
    pub(crate) requests_per_second: u32,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) batch: usize,
    pub(crate) commit_wait_ms: u64,
    pub(crate) retry_after_seconds: u64,
    pub(crate) api_keys: Vec<String>,
    pub(crate) shopify: Vec<Shop>,
    pub(crate) woocommerce: Vec<Shop>,
}
