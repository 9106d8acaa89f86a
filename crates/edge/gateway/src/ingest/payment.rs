//! A shop's word of how one of its orders is paid by now.

use despatch_contracts::Emitted;
use despatch_contracts::order::{Order, PaymentReported};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::digest;

/// The payment of a known order. Shops repeat it with every other change, and then it is no news.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) shop: String,
    pub(crate) shop_order_id: String,
    pub(crate) order_id: Uuid,
    /// SHA-256 of the tenders, and of the order that they pay: a report is overtaken by a newer one, which must come then.
    pub(crate) digest: [u8; 32],
    pub(crate) event: Emitted,
}

impl Payment {
    /// Reads the payment of an order that has this id.
    pub(crate) fn of(order: &Order, order_id: Uuid) -> Self {
        let order = Order { order_id: order_id.to_string(), ..order.clone() };
        let tenders = PaymentReported { tenders: order.tenders.clone(), ..PaymentReported::default() };
        let (shop, shop_order_id) = (order.shop.clone(), order.shop_order_id.clone());
        let digest = Sha256::new().chain_update(tenders.encode_to_vec()).chain_update(digest::of(&order));
        let digest = digest.finalize().into();
        let report = PaymentReported { order_id: order.order_id.clone(), order: Some(order), ..tenders };
        Payment { shop, shop_order_id, order_id, digest, event: Emitted::from(&report) }
    }
}
