//! The settings that each part of despatch takes from the configuration.

use std::time::Duration;

use despatch_gateway::Secret;
use despatch_runtime::{Database, PolicyOverride, Settings};

use super::file::{Config, HandlerPolicy, Retention};
use super::key::Key;
use super::problem::ConfigError;
use crate::open_files;

impl From<HandlerPolicy> for PolicyOverride {
    fn from(policy: HandlerPolicy) -> Self {
        PolicyOverride {
            attempts: policy.attempts,
            first_retry: policy.first_retry_ms.map(Duration::from_millis),
            longest_retry: policy.longest_retry_ms.map(Duration::from_millis),
            not_yet: policy.not_yet_ms.map(Duration::from_millis),
            defer_deadline: policy.defer_deadline_seconds.map(Duration::from_secs),
            batch: policy.batch,
            concurrency: policy.concurrency,
            max_crashes: policy.max_crashes,
        }
    }
}

impl Retention {
    /// The days by the names that workers give them.
    fn days(&self) -> [(&'static str, u64); 8] {
        let Retention {
            orders_days,
            labels_days,
            mails_days,
            cases_days,
            dead_days,
            effects_days,
            repeats_days,
            movements_days,
        } = *self;
        [
            ("orders", orders_days),
            ("labels", labels_days),
            ("mails", mails_days),
            ("cases", cases_days),
            ("dead", dead_days),
            ("effects", effects_days),
            ("repeats", repeats_days),
            ("movements", movements_days),
        ]
        .map(|(key, kept)| (key, kept.into()))
    }
}

impl Config {
    /// The settings of the runtime.
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
            retentions: self
                .retention
                .days()
                .into_iter()
                .map(|(key, kept)| (key.to_owned(), days(kept)))
                .collect(),
            stream_retention: days(runtime.stream_retention_days),
            stream_replicas: runtime.stream_replicas,
            provision: runtime.provision,
            migrate: runtime.migrate,
            policies: runtime
                .policies
                .iter()
                .map(|(handler, policy)| (handler.clone(), (*policy).into()))
                .collect(),
            ..Settings::new(self.nats_url.clone(), self.database_url.clone())
        }
    }

    /// The URL of a worker's database.
    pub(crate) fn database_of(&self, worker: &str) -> &str {
        self.databases.get(worker).unwrap_or(&self.database_url)
    }

    /// Checks the values that may be empty only where a stand-in takes their place.
    pub(crate) fn check_servers(&self) -> Result<(), ConfigError> {
        let empty = [("nats_url", &self.nats_url), ("database_url", &self.database_url)];
        let missing = empty.iter().filter(|(_, value)| value.is_empty());
        let problems: Vec<_> = missing
            .map(|(key, _)| self.problem(&Key::parse(key), "expected a URL, found nothing".to_owned()))
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ConfigError { file: self.origins.file.clone(), problems })
    }

    /// The problems of the servers' URLs. Empty ones are not looked at.
    pub(crate) fn server_problems(&self) -> Vec<(Key, String)> {
        let nats = Some(&self.nats_url).filter(|url| !url.is_empty());
        let nats = nats.and_then(|url| despatch_runtime::nats_options(url).err());
        let nats = nats.map(|_| {
            (Key::parse("nats_url"), "expected a URL such as nats://user:password@host:port".to_owned())
        });
        let databases = Key::default().name("databases");
        let common = (Key::parse("database_url"), &self.database_url);
        let moved = self.databases.iter().map(|(worker, url)| (databases.name(worker), url));
        let wrong = std::iter::once(common).chain(moved).filter(|(_, url)| !url.is_empty());
        let wrong = wrong.filter_map(|(key, url)| {
            // The URL may hold a password, so it is not repeated.
            let expected = "expected a URL such as postgres://user:password@host:port/database";
            Database::new(url, 1).is_err().then(|| (key, expected.to_owned()))
        });
        nats.into_iter().chain(wrong).collect()
    }

    /// That the shop is not the demo's, where customers could see it.
    pub(crate) fn check_identity(&self) -> Result<(), ConfigError> {
        let found = if self.has_only_stand_ins() { Vec::new() } else { self.identity_problems() };
        let problems: Vec<_> =
            found.into_iter().map(|(key, text)| self.problem(&Key::parse(key), text)).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(ConfigError { file: self.origins.file.clone(), problems })
    }

    pub(crate) fn payments(&self) -> despatch_payments::Config {
        despatch_payments::Config {
            provider: self.payments.provider,
            stripe: despatch_payments::stripe::StripeConfig {
                base_url: self.stripe.base_url.clone(),
                secret_key: self.stripe.secret_key.clone().into(),
                timeout_ms: self.stripe.timeout_ms,
                order_keys: self.stripe.order_keys.clone(),
            },
        }
    }

    pub(crate) fn labels(&self) -> despatch_labels::Config {
        despatch_labels::Config {
            sender: self.labels.sender.clone(),
            parcel: self.labels.parcel,
            cartons: self.labels.cartons.clone(),
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
            connections: match self.gateway.connections {
                0 => open_files::for_connections(),
                connections => connections,
            },
            connections_per_address: self.gateway.connections_per_address,
            trusted_proxies: self.gateway.trusted_proxies.clone(),
            batch: self.gateway.batch,
            commit_wait_ms: self.gateway.commit_wait_ms,
            retry_after_seconds: self.gateway.retry_after_seconds,
            api_keys: secrets(&self.gateway.api_keys),
            shop_name: self.shop.name.clone(),
            link_secret: Secret::new(self.links.secret.as_str()),
            former_link_secrets: secrets(&self.links.former_secrets),
            order_page_days: self.links.page_days,
            shopify: self.gateway.shopify.clone(),
            woocommerce: self.gateway.woocommerce.clone(),
            shippo_tokens: secrets(&self.shippo.webhook_tokens),
            stripe_secrets: secrets(&self.stripe.webhook_secrets),
        }
    }
}
