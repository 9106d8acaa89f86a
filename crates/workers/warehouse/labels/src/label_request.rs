//! Requests for labels: a picked parcel of an order.

use std::collections::HashMap;

use despatch_contracts::order::{Address, Order, ServiceLevel};
use despatch_contracts::stock::Parcel;
use despatch_routing::{Cartons, Level, Measures, NoCarton, Package, Units, package};

/// A parcel that needs a label.
pub(crate) struct LabelRequest {
    pub(crate) order: Order,
    pub(crate) parcel: Parcel,
    /// The order's address.
    pub(crate) to: Address,
    /// The sender's address.
    pub(crate) from: Address,
    /// The measures of the articles in it, by SKU; of unknown articles there are none.
    pub(crate) measures: HashMap<String, Measures>,
    /// Whether the order is cancelled, or the units are in another parcel. Then it gets no label, unless an earlier try
    /// bought it.
    pub(crate) is_not_sent: bool,
}

impl LabelRequest {
    /// Returns the parcel's reference at the carrier: `<order id>/<parcel>`.
    pub(crate) fn reference(&self) -> String {
        format!("{}/{}", self.order.order_id, self.parcel.number)
    }

    /// Decides in which carton the parcel goes, by what is known of its articles now.
    pub(crate) fn package(&self, cartons: Cartons<'_>) -> Result<Package, NoCarton> {
        // Lines may share an article, and quantities are positive.
        let contents: Vec<Units<'_>> = self
            .parcel
            .contents
            .iter()
            .map(|allocation| Units {
                sku: &allocation.sku,
                quantity: u64::try_from(allocation.quantity).unwrap_or(0),
                measures: self.measures.get(&allocation.sku).copied().unwrap_or_default(),
            })
            .collect();
        package(&contents, cartons)
    }

    /// Returns the order's service level; standard if the order names none.
    pub(crate) fn level(&self) -> Level {
        match self.order.service_level() {
            ServiceLevel::Unspecified | ServiceLevel::Standard => Level::Standard,
            ServiceLevel::SecondClass => Level::SecondClass,
            ServiceLevel::FirstClass => Level::FirstClass,
            ServiceLevel::SameDay => Level::SameDay,
        }
    }
}
