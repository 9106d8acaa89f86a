//! The configuration: the annotated default file, a file of the operator's, the environment, in that order. Everything
//! that is wrong is reported together, each with the key that it is about.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use despatch_gateway::{Secret, Shop};
use despatch_runtime::Settings;
use serde::Deserialize;

mod layers;

pub(crate) use layers::DEFAULTS;

/// The file's shape. ConcurrencyKeys, defaults and meanings are in `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) nats_url: String,
    pub(crate) nats_nkey_file: String,
    pub(crate) database_url: String,
    pub(crate) databases: BTreeMap<String, String>,
    pub(crate) runtime: Runtime,
    pub(crate) health: Health,
    pub(crate) log: Log,
    pub(crate) shop: ShopFront,
    pub(crate) links: Links,
    pub(crate) payments: Payments,
    pub(crate) stripe: Stripe,
    pub(crate) inventory: despatch_inventory::Config,
    pub(crate) shippo: Shippo,
    pub(crate) labels: Labels,
    pub(crate) smtp: Smtp,
    pub(crate) alerts: Alerts,
    pub(crate) reviews: Reviews,
    pub(crate) exceptions: despatch_exceptions::Config,
    pub(crate) gateway: Gateway,
}

#[derive(Debug, Clone, Deserialize)]
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShopFront {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) message_id_domain: String,
    pub(crate) public_url: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Links {
    pub(crate) secret: String,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stripe {
    pub(crate) base_url: String,
    pub(crate) secret_key: String,
    pub(crate) timeout_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
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
    pub(crate) locations: BTreeMap<String, despatch_labels::Sender>,
    pub(crate) parcel: despatch_labels::Carton,
    pub(crate) rules: Vec<despatch_routing::CarrierRule>,
}

#[derive(Debug, Clone, Deserialize)]
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

#[derive(Debug, Clone, Deserialize)]
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
    pub(crate) batch: usize,
    pub(crate) commit_wait_ms: u64,
    pub(crate) retry_after_seconds: u64,
    pub(crate) api_keys: Vec<String>,
    pub(crate) shopify: Vec<Shop>,
    pub(crate) woocommerce: Vec<Shop>,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used:\n{}", .0.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))]
pub(crate) struct Unusable(pub(crate) Vec<String>);

impl Unusable {
    /// Both, or everything that is wrong with either.
    pub(crate) fn together<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
            (Err(one), Err(other)) => Err(Unusable([one.0, other.0].concat())),
        }
    }
}

/// The servers with an NKey's seed in the place of a user.
fn with_seed(urls: &str, file: &Path) -> Result<String, Unusable> {
    let wrong = |what: String| Unusable(vec![format!("nats_nkey_file: {what}")]);
    let seed =
        std::fs::read_to_string(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
    let seed = seed.trim();
    if !seed.starts_with("SU") || !seed.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(wrong(format!("{}: expected a user's seed, which begins with SU", file.display())));
    }
    if urls.contains('@') {
        return Err(wrong("nats_url names a user already".to_owned()));
    }
    let with = |url: &str| match url.trim().split_once("://") {
        Some((scheme, server)) => format!("{scheme}://{seed}@{server}"),
        None => format!("nats://{seed}@{}", url.trim()),
    };
    Ok(urls.split(',').map(with).collect::<Vec<_>>().join(","))
}

impl Config {
    /// Reads the layers.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Unusable> {
        let mut config = Config::read(file)?;
        if !config.nats_nkey_file.is_empty() {
            config.nats_url = with_seed(&config.nats_url, Path::new(&config.nats_nkey_file))?;
        }
        Ok(config)
    }

    fn read(file: Option<&Path>) -> Result<Self, Unusable> {
        let file = file.map(|path| {
            let text = std::fs::read_to_string(path);
            text.map_err(|error| Unusable(vec![format!("{}: {error}", path.display())]))
        });
        layers::merge(file.transpose()?.as_deref(), std::env::vars())
    }

    /// What the runtime needs.
    pub(crate) fn settings(&self) -> Settings {
        let seconds = Duration::from_secs;
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        let runtime = &self.runtime;
        Settings {
            worker_database_urls: self.databases.clone(),
            namespace: runtime.namespace.clone(),
            connections: runtime.connections,
            ack_wait: seconds(runtime.ack_wait_seconds),
            drain_grace: seconds(runtime.drain_grace_seconds),
            sweep_after: seconds(runtime.sweep_after_seconds),
            clock_tick: Duration::from_millis(runtime.clock_tick_ms),
            journal_retention: days(runtime.journal_retention_days),
            stream_retention: days(runtime.stream_retention_days),
            stream_replicas: runtime.stream_replicas,
            provision: runtime.provision,
            migrate: runtime.migrate,
            ..Settings::new(self.nats_url.clone(), self.database_url.clone())
        }
    }

    /// Where a worker keeps its records.
    pub(crate) fn database_of(&self, worker: &str) -> &str {
        self.databases.get(worker).unwrap_or(&self.database_url)
    }

    /// What cannot stay empty where nothing stands in for it.
    pub(crate) fn check_servers(&self) -> Result<(), Unusable> {
        let empty = [("nats_url", &self.nats_url), ("database_url", &self.database_url)];
        let missing: Vec<String> = empty
            .iter()
            .filter(|(_, value)| value.is_empty())
            .map(|(key, _)| format!("{key}: expected a URL, found nothing ({})", layers::variable(key)))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(Unusable(missing)) }
    }

    pub(crate) fn payments(&self) -> despatch_payments::Config {
        despatch_payments::Config {
            provider: self.payments.provider,
            stripe: despatch_payments::stripe::StripeConfig {
                base_url: self.stripe.base_url.clone(),
                secret_key: self.stripe.secret_key.clone().into(),
                timeout_ms: self.stripe.timeout_ms,
            },
        }
    }

    pub(crate) fn labels(&self) -> despatch_labels::Config {
        despatch_labels::Config {
            sender: self.labels.sender.clone(),
            locations: self.labels.locations.clone(),
            parcel: self.labels.parcel,
            rules: self.labels.rules.clone(),
            shippo: despatch_labels::ShippoConfig {
                base_url: self.shippo.base_url.clone(),
                token: self.shippo.token.clone(),
                timeout_seconds: self.shippo.timeout_seconds,
                settle_seconds: self.shippo.settle_seconds,
            },
        }
    }

    pub(crate) fn notifications(&self) -> despatch_notifications::Config {
        despatch_notifications::Config {
            shop_name: self.shop.name.clone(),
            from: self.shop.from.clone(),
            message_id_domain: self.shop.message_id_domain.clone(),
            public_url: self.shop.public_url.clone(),
            smtp_url: self.smtp.url.clone(),
            smtp_timeout_seconds: self.smtp.timeout_seconds,
            link_secret: self.links.secret.clone(),
            alert_webhook: self.alerts.webhook.clone(),
        }
    }

    pub(crate) fn reviews(&self) -> despatch_reviews::Config {
        despatch_reviews::Config {
            ask_after_seconds: self.reviews.ask_after_seconds,
            reminders_seconds: self.reviews.reminders_seconds.clone(),
            lapse_after_seconds: self.reviews.lapse_after_seconds,
            public_url: self.shop.public_url.clone(),
            link_secret: self.links.secret.clone(),
        }
    }

    pub(crate) fn gateway(&self) -> despatch_gateway::Config {
        let secrets = |texts: &[String]| texts.iter().map(|text| Secret::new(text.as_str())).collect();
        despatch_gateway::Config {
            listen: self.gateway.listen,
            body_limit_bytes: self.gateway.body_limit_bytes,
            requests_per_second: self.gateway.requests_per_second,
            batch: self.gateway.batch,
            commit_wait_ms: self.gateway.commit_wait_ms,
            retry_after_seconds: self.gateway.retry_after_seconds,
            api_keys: secrets(&self.gateway.api_keys),
            link_secret: Secret::new(self.links.secret.as_str()),
            shopify: self.gateway.shopify.clone(),
            woocommerce: self.gateway.woocommerce.clone(),
            shippo_tokens: secrets(&self.shippo.webhook_tokens),
        }
    }
}
