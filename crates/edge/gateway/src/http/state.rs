//! What every request is served with: the desk, the workers' records, and who may ask for what.

use std::collections::HashMap;
use std::sync::Arc;

use despatch_runtime::{Database, DbError};
use uuid::Uuid;

use crate::auth::secret::{Passwords, Secret};
use crate::auth::signature::Signers;
use crate::config::{Config, Shop};
use crate::http::error::Refusal;
use crate::http::limits::Limits;
use crate::ingest::queue::Desk;
use crate::ingest::store;
use crate::read_model::Records;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) desk: Desk,
    pub(crate) database: Database,
    pub(crate) records: Records,
    pub(crate) api_keys: Passwords,
    pub(crate) shippo_tokens: Passwords,
    pub(crate) link_secret: Secret,
    pub(crate) body_limit: usize,
    pub(crate) limits: Limits,
    shopify: Shops,
    woocommerce: Shops,
}

impl std::ops::Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Gateway {
    pub(crate) fn new(config: &Config, desk: Desk, database: Database, records: Records) -> Self {
        Gateway(Arc::new(Parts {
            desk,
            database,
            records,
            api_keys: Passwords::new(&config.api_keys),
            shippo_tokens: Passwords::new(&config.shippo_tokens),
            link_secret: config.link_secret.clone(),
            body_limit: config.body_limit_bytes,
            limits: Limits::new(config.requests_per_second),
            shopify: Shops::new(&config.shopify),
            woocommerce: Shops::new(&config.woocommerce),
        }))
    }

    /// The Shopify shop that calls itself so.
    pub(crate) fn shopify_shop(&self, domain: &str) -> Option<&KnownShop> {
        self.shopify.get(domain)
    }

    /// The WooCommerce shop that calls itself so.
    pub(crate) fn woocommerce_shop(&self, source: &str) -> Option<&KnownShop> {
        self.woocommerce.get(source)
    }

    /// The natural key of an order; `None` when it was never let in.
    pub(crate) async fn natural_key(&self, order_id: Uuid) -> Result<Option<(String, String)>, Refusal> {
        self.read(async { store::natural_key(&self.database.client().await?, order_id).await }).await
    }

    /// Reads from a database, for no longer than a sender would wait for a commit.
    pub(crate) async fn read<T>(&self, read: impl Future<Output = Result<T, DbError>>) -> Result<T, Refusal> {
        match tokio::time::timeout(self.desk.patience(), read).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "a database could not be read"),
            Err(_) => tracing::warn!("a database did not answer in time"),
        }
        Err(self.desk.unavailable())
    }
}

/// A shop and what it signs with.
pub(crate) struct KnownShop {
    pub(crate) name: String,
    pub(crate) signers: Signers,
}

/// Shops by what they call themselves.
struct Shops(HashMap<String, KnownShop>);

impl Shops {
    fn new(shops: &[Shop]) -> Self {
        let known = |shop: &Shop| KnownShop { name: shop.name.clone(), signers: Signers::new(&shop.secrets) };
        Shops(shops.iter().map(|shop| (plain(&shop.source), known(shop))).collect())
    }

    fn get(&self, source: &str) -> Option<&KnownShop> {
        self.0.get(&plain(source))
    }
}

/// Domains have no case, and WordPress adds a slash to its own address or not.
fn plain(source: &str) -> String {
    source.trim_end_matches('/').to_ascii_lowercase()
}
