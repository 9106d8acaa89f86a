//! The shops whose webhooks are accepted: the name that each uses for itself, and its signing secrets.

use std::collections::HashMap;

use serde::Deserialize;

use super::secret::Secret;
use super::signature::Signers;

/// A shop whose webhooks are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    /// The name in despatch. With the shop's own order id it identifies an order.
    pub name: String,
    /// The name that the shop uses for itself: Shopify's `X-Shopify-Shop-Domain` (`north.myshopify.com`), or
    /// WooCommerce's `X-WC-Webhook-Source` (`https://south.example.com/`; a trailing slash makes no difference).
    pub source: String,
    /// The signing secrets: the old and the new one while a secret is being replaced.
    pub secrets: Vec<Secret>,
}

/// A shop and its signing secrets.
pub(crate) struct KnownShop {
    pub(crate) name: String,
    pub(crate) signers: Signers,
}

/// Shops by the name that each uses for itself.
pub(crate) struct Shops(HashMap<String, KnownShop>);

impl Shops {
    pub(crate) fn new(shops: &[Shop]) -> Self {
        let known = |shop: &Shop| KnownShop { name: shop.name.clone(), signers: Signers::new(&shop.secrets) };
        Shops(shops.iter().map(|shop| (normalised(&shop.source), known(shop))).collect())
    }

    /// Returns the shop with this name for itself.
    pub(crate) fn get(&self, source: &str) -> Option<&KnownShop> {
        self.0.get(&normalised(source))
    }
}

/// Returns the name as it is compared: domains have no case, and WordPress adds a slash to its own address or not.
pub(crate) fn normalised(source: &str) -> String {
    source.trim_end_matches('/').to_ascii_lowercase()
}
