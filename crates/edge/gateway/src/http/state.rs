//! The shared state of all requests: the storage, the read model, the secrets and the limits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use despatch_read_model::ReadModel;

use super::limits::Limits;
use super::pages::Pages;
use super::storage::Storage;
use crate::auth::links::LinkSecrets;
use crate::auth::secret::Passwords;
use crate::auth::shop::Shops;
use crate::auth::stripe::StripeSigners;
use crate::config::Config;

/// Changes per minute that one customer may ask for. A person needs fewer.
const CHANGES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("above zero");

/// The shared state of all requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) storage: Storage,
    pub(crate) read_model: ReadModel,
    pub(crate) api_keys: Passwords,
    pub(crate) shippo_tokens: Passwords,
    pub(crate) stripe_signers: StripeSigners,
    pub(crate) links: LinkSecrets,
    pub(crate) pages: Pages,
    pub(crate) body_limit: usize,
    pub(crate) limits: Limits,
    /// Limits the views of each order's page.
    pub(crate) view_limits: Limits,
    /// Limits what each order's page is asked to change.
    pub(crate) change_limits: Limits,
    /// How long an order's page is shown after the order's end.
    pub(crate) page_life: Duration,
    pub(crate) shopify: Shops,
    pub(crate) woocommerce: Shops,
}

impl std::ops::Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AsRef<Pages> for Gateway {
    fn as_ref(&self) -> &Pages {
        &self.pages
    }
}

impl Gateway {
    pub(crate) fn new(config: &Config, storage: Storage, read_model: ReadModel) -> Self {
        Gateway(Arc::new(Parts {
            storage,
            read_model,
            api_keys: Passwords::new(&config.api_keys),
            shippo_tokens: Passwords::new(&config.shippo_tokens),
            stripe_signers: StripeSigners::new(&config.stripe_secrets),
            links: LinkSecrets::new(&config.link_secret, &config.former_link_secrets),
            pages: Pages::new(&config.shop_name),
            body_limit: config.body_limit_bytes,
            limits: Limits::new(config.requests_per_second),
            view_limits: Limits::new(config.requests_per_second),
            change_limits: Limits::per_minute(CHANGES_PER_MINUTE),
            page_life: Duration::from_secs(24 * 3600) * config.order_page_days,
            shopify: Shops::of_shopify(&config.shopify),
            woocommerce: Shops::of_woocommerce(&config.woocommerce),
        }))
    }
}
