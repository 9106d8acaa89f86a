//! One order of a file, in the form in which it is placed.

use serde_json::value::{RawValue, Value, to_raw_value};

/// An order of a file.
#[derive(Debug, Clone)]
pub struct FileOrder {
    /// The body of `POST /v1/orders`. It is text, because thousands of orders are held at once.
    pub order: Box<RawValue>,
    /// The shop.
    pub shop: String,
    /// The shop's own order id.
    pub shop_order_id: String,
    /// The ISO 4217 code.
    pub currency: String,
    /// The total in minor units of the currency.
    pub total_minor: i64,
    /// The SKU and units of each line.
    pub units: Vec<(String, i64)>,
}

impl FileOrder {
    /// Returns a copy as another order of the shop: its id ends in `/<round>`.
    pub fn again(&self, round: usize) -> Result<Self, serde_json::Error> {
        let mut again = self.clone();
        again.shop_order_id = format!("{}/{round}", self.shop_order_id);
        let mut order = self.order()?;
        order["shop_order_id"] = again.shop_order_id.as_str().into();
        again.order = to_raw_value(&order)?;
        Ok(again)
    }

    /// Returns the order as JSON, for additions.
    pub fn order(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(self.order.get())
    }
}
