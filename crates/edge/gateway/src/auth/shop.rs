//! The shops whose webhooks are accepted: what each calls itself, and what it signs with.

use std::collections::HashMap;

use serde::Deserialize;

use super::secret::Secret;
use super::signature::Signers;

/// A shop whose webhooks are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// What we call it; with the shop's own order id it names an order.
    pub name: String,
    /// What it calls itself: Shopify's `X-Shopify-Shop-Domain` (`north.myshopify.com`), or WooCommerce's
    /// `X-WC-Webhook-Source` (`https://south.example.com/`; a slash at the end makes no difference).
    pub source: String,
    /// What it signs with. The old and the new one while a secret is being replaced.
    pub secrets: Vec<Secret>,
}

/// A shop and what it signs with.
pub(crate) struct KnownShop {
    pub(crate) name: String,
    pub(crate) signers: Signers,
}

/// Shops by what they call themselves.
pub(crate) struct Shops(HashMap<String, KnownShop>);

impl Shops {
    pub(crate) fn new(shops: &[Shop]) -> Self {
        let known = |shop: &Shop| KnownShop { name: shop.name.clone(), signers: Signers::new(&shop.secrets) };
        Shops(shops.iter().map(|shop| (normalised(&shop.source), known(shop))).collect())
    }

    /// The shop that calls itself so.
    pub(crate) fn get(&self, source: &str) -> Option<&KnownShop> {
        self.0.get(&normalised(source))
    }
}

/// Domains have no case, and WordPress adds a slash to its own address or not.
fn normalised(source: &str) -> String {
    source.trim_end_matches('/').to_ascii_lowercase()
}
