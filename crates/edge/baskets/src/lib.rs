//! Orders in files, read so that they can be placed.

pub mod superstore;

use serde_json::Value;

/// An order that is to be placed.
#[derive(Debug, Clone)]
pub struct Basket {
    /// What goes to `POST /v1/orders`.
    pub order: Value,
    /// The shop that it is of.
    pub shop: String,
    /// The shop's own id of it.
    pub shop_order_id: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units of the currency.
    pub total_minor: i64,
    /// SKU and units of each line.
    pub units: Vec<(String, i64)>,
}

impl Basket {
    /// The same once more, as another order of the shop's: its id ends in `/<round>`.
    #[must_use]
    pub fn again(&self, round: usize) -> Self {
        let mut again = self.clone();
        again.shop_order_id = format!("{}/{round}", self.shop_order_id);
        again.order["shop_order_id"] = again.shop_order_id.as_str().into();
        again
    }
}
