//! The gateway's configuration: who may send what, and with which secrets.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use despatch_domain::link;
use ipnet::IpNet;
use serde::Deserialize;

use crate::auth::secret::Secret;
use crate::auth::shop::{Shop, Source};

/// The gateway's configuration. It has no defaults of its own, because the binary's annotated default file has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address to listen on; the caller binds it.
    pub listen: SocketAddr,
    /// The largest accepted body in bytes; a larger one is answered with 413.
    pub body_limit_bytes: usize,
    /// Requests per second of one sender, an API key or a shop; more are answered with 429. 0 for any number.
    pub requests_per_second: u32,
    /// The most connections; above 0.
    pub connections: usize,
    /// The most connections of one address, and the most requests in progress of one address behind a trusted proxy; 0 for
    /// any number. Without trusted proxies nothing is counted by address.
    pub connections_per_address: usize,
    /// The proxies whose `X-Forwarded-For` is believed: addresses, or networks in CIDR notation.
    pub trusted_proxies: Vec<String>,
    /// The most submissions that one transaction commits.
    pub batch: usize,
    /// How long a request waits for its commit before it is answered with 503.
    pub commit_wait_ms: u64,
    /// Seconds after which a sender that was answered with 503 should come back.
    pub retry_after_seconds: u64,
    /// Keys for `/v1` and `/labels`.
    pub api_keys: Vec<Secret>,
    /// The shop's name, for its customers: on the pages that they see.
    pub shop_name: String,
    /// The secret that signs the links in mails, for reviews and for unsubscribing; at least 32 bytes.
    pub link_secret: Secret,
    /// Former secrets. Links that they signed stay valid.
    pub former_link_secrets: Vec<Secret>,
    /// Days for which an order's page is shown after the order's end.
    pub order_page_days: u32,
    /// Shopify shops whose webhooks are accepted.
    pub shopify: Vec<Shop>,
    /// WooCommerce shops whose webhooks are accepted.
    pub woocommerce: Vec<Shop>,
    /// Tokens that Shippo's webhooks may carry in their URL (`?token=`), because Shippo signs nothing.
    pub shippo_tokens: Vec<Secret>,
    /// The secrets that sign Stripe's events, `whsec_…`: the old and the new one while a secret is rolled. Empty: events are
    /// refused.
    pub stripe_secrets: Vec<Secret>,
}

/// Parses an address, or a network in CIDR notation.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The problem of a shop without a name.
const NO_SHOP_NAME: &str = "expected the shop's name as its customers know it, found nothing";

/// A defect of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// The key, as `shopify[0].secrets`.
    pub key: String,
    /// The defect of the value.
    pub problem: String,
}

impl Config {
    /// Lists all defects, so that they can be fixed at once. An empty secret would admit every sender.
    pub fn problems(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        let mut check = |good: bool, key: String, problem: &str| {
            if !good {
                problems.push(ConfigError { key, problem: problem.to_owned() });
            }
        };
        check(self.body_limit_bytes > 0, "body_limit_bytes".into(), "expected a number above 0, found 0");
        check(self.connections > 0, "connections".into(), "expected a number above 0, found 0");
        check(self.batch > 0, "batch".into(), "expected a number above 0, found 0");
        check(self.commit_wait_ms > 0, "commit_wait_ms".into(), "expected a number above 0, found 0");
        check(!self.shop_name.trim().is_empty(), "shop_name".into(), NO_SHOP_NAME);
        for (key, secrets) in [
            ("api_keys", &self.api_keys),
            ("shippo_tokens", &self.shippo_tokens),
            ("stripe_secrets", &self.stripe_secrets),
        ] {
            for (at, secret) in secrets.iter().enumerate() {
                check(!secret.is_empty(), format!("{key}[{at}]"), "expected a secret, found nothing");
            }
        }
        for (at, proxy) in self.trusted_proxies.iter().enumerate() {
            let problem = "expected an address or a network such as 10.0.0.0/8";
            check(network(proxy).is_some(), format!("trusted_proxies[{at}]"), problem);
        }
        // An order is known by its shop's name and its number there, so shops of one name would share orders.
        let mut names = HashSet::new();
        for (key, shops) in [("shopify", &self.shopify), ("woocommerce", &self.woocommerce)] {
            let mut sources = HashSet::new();
            for (at, shop) in shops.iter().enumerate() {
                let is_other = shop.name.is_empty() || names.insert(&shop.name);
                check(
                    is_other,
                    format!("{key}[{at}].name"),
                    "expected another name, found that of another shop",
                );
                let is_other = shop.source.is_empty() || sources.insert(Source::of(&shop.source));
                check(
                    is_other,
                    format!("{key}[{at}].source"),
                    "expected another source, found that of another shop",
                );
                let signs = !shop.secrets.is_empty() && shop.secrets.iter().all(|secret| !secret.is_empty());
                check(!shop.name.is_empty(), format!("{key}[{at}].name"), "expected a name, found nothing");
                check(
                    !shop.source.is_empty(),
                    format!("{key}[{at}].source"),
                    "expected the shop's domain or URL, found nothing",
                );
                check(
                    signs,
                    format!("{key}[{at}].secrets"),
                    "expected at least one secret, none of them empty",
                );
            }
        }
        let former = self.former_link_secrets.iter().enumerate();
        let former = former.map(|(at, secret)| (format!("former_link_secrets[{at}]"), secret));
        for (key, secret) in std::iter::once(("link_secret".to_owned(), &self.link_secret)).chain(former) {
            if let Err(short) = link::check_secret(secret.bytes()) {
                problems.push(ConfigError { key, problem: short.to_string() });
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_read_and_a_misspelt_key_is_not() {
        let mut config = serde_json::json!({
            "listen": "127.0.0.1:8080", "body_limit_bytes": 1_048_576, "requests_per_second": 0, "connections": 100,
            "connections_per_address": 10, "trusted_proxies": ["10.0.0.0/8", "::1"], "batch": 256, "commit_wait_ms": 2000,
            "retry_after_seconds": 5, "api_keys": ["key"], "shop_name": "North", "woocommerce": [],
            "link_secret": "a link secret of thirty-two bytes", "former_link_secrets": [], "order_page_days": 90,
            "shopify": [{"name": "north", "source": "north.myshopify.com", "secrets": ["old", "new"]}],
            "shippo_tokens": ["token"],
            "stripe_secrets": ["whsec_1"]
        });
        let read = serde_json::from_value::<Config>(config.clone()).unwrap();
        assert!(read.problems().is_empty());
        assert!(!format!("{read:?}").contains("token\""));
        config["api_key"] = "key".into();
        assert!(serde_json::from_value::<Config>(config).is_err());
    }

    #[test]
    fn every_problem_is_named_by_its_key() {
        let shop =
            Shop { name: "north".into(), source: String::new(), secrets: vec![Secret::new("")], test: false };
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            body_limit_bytes: 1,
            requests_per_second: 0,
            connections: 1,
            connections_per_address: 1,
            trusted_proxies: vec!["10.0.0.1".into(), "10.0.0.0/33".into()],
            batch: 0,
            commit_wait_ms: 1,
            retry_after_seconds: 1,
            api_keys: vec![Secret::new("key"), Secret::new("")],
            shop_name: " ".into(),
            link_secret: Secret::new("a link secret of thirty-two bytes"),
            former_link_secrets: vec![Secret::new("x".repeat(32)), Secret::new("x".repeat(31))],
            order_page_days: 90,
            shopify: vec![shop],
            woocommerce: Vec::new(),
            shippo_tokens: Vec::new(),
            stripe_secrets: Vec::new(),
        };
        let keys: Vec<_> = config.problems().into_iter().map(|problem| problem.key).collect();
        let expected = [
            "batch",
            "shop_name",
            "api_keys[1]",
            "trusted_proxies[1]",
            "shopify[0].source",
            "shopify[0].secrets",
            "former_link_secrets[1]",
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn shops_are_told_apart_by_name_and_by_source() {
        let shop = |name: &str, source: &str| Shop {
            name: name.into(),
            source: source.into(),
            secrets: vec![Secret::new("secret")],
            test: false,
        };
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            body_limit_bytes: 1,
            requests_per_second: 0,
            connections: 1,
            connections_per_address: 1,
            trusted_proxies: Vec::new(),
            batch: 1,
            commit_wait_ms: 1,
            retry_after_seconds: 1,
            api_keys: Vec::new(),
            shop_name: "North".into(),
            link_secret: Secret::new("x".repeat(32)),
            former_link_secrets: Vec::new(),
            order_page_days: 90,
            shopify: vec![
                shop("north", "north.myshopify.com"),
                shop("east", "https://east.myshopify.com"),
                shop("west", "https://www.North.MyShopify.com/"),
            ],
            woocommerce: vec![
                shop("south", "https://south.example.com"),
                shop("north", "https://n.example.com/"),
            ],
            shippo_tokens: Vec::new(),
            stripe_secrets: Vec::new(),
        };
        let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
        let expected = [
            "shopify[2].source: expected another source, found that of another shop",
            "woocommerce[1].name: expected another name, found that of another shop",
        ];
        assert_eq!(problems, expected);
    }
}
