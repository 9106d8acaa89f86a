//! The shop at work: it places an order by its webhooks, and goes on to change it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use despatch_order_files::FileOrder;

use super::history::{History, Payment};
use super::order::ShopifyOrder;
use super::sender::{ShopSender, WebhookError};
use crate::checkout::{CheckoutClient, CheckoutError};
use crate::rng::Rng;

/// The shop's id of its first order.
const FIRST_ORDER: u64 = 6_200_000_000_000;

/// The longest pause between two webhooks about an order. In this time its label is bought, and its parcel leaves.
const LONGEST_PAUSE_MS: u64 = 600;

/// A Shopify shop that places orders and changes them.
#[derive(Clone)]
pub struct EditingShop {
    sender: ShopSender,
    checkout: CheckoutClient,
    seed: u64,
}

/// An order of which the shop has said everything.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its id at despatch. None if the shop cancelled it before it was placed there.
    pub order_id: Option<String>,
    /// Everything that the shop said.
    pub history: History,
}

/// Why an order was not told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// The payment was not authorised.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The gateway refuses a webhook.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The order of the file is not a JSON object.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl EditingShop {
    /// Creates a shop whose webhooks go to this gateway, and whose customers pay at this checkout.
    pub fn new(gateway_url: &str, checkout: CheckoutClient, seed: u64) -> Result<Self, reqwest::Error> {
        Ok(EditingShop { sender: ShopSender::new(gateway_url)?, checkout, seed })
    }

    /// Returns whether the order at this place is this shop's: one in four.
    pub fn takes(place: usize) -> bool {
        place % 4 == 3
    }

    /// Places an order and changes it, as the shop's seed says.
    pub async fn tell(&self, place: usize, file_order: &FileOrder) -> Result<Told, TellError> {
        let mut rng = Rng::new(self.seed.wrapping_mul(0x9E37_79B9).wrapping_add(place as u64));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or_default();
        let mut order = ShopifyOrder::placed(file_order, FIRST_ORDER + place as u64, now)?;
        let payment = Payment::draw(&mut rng);
        if payment == Payment::AtStripe
            && let Some(intent) = self
                .checkout
                .authorise(&order.shop_order_id(), order.total_minor(), &file_order.currency)
                .await?
        {
            order = order.authorised(intent);
        }
        let history = History::draw(order, payment, &mut rng);
        let mut order_id = None;
        for word in history.arriving(&mut rng) {
            order_id = self.sender.send(&word).await?.or(order_id);
            let pause = rng.millis(0..=LONGEST_PAUSE_MS);
            tokio::time::sleep(if pause < SHORTEST_PAUSE { Duration::ZERO } else { pause }).await;
        }
        Ok(Told { order_id, history })
    }
}

/// Shorter ones are none, so that some webhooks come together.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
