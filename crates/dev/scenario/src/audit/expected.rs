//! The end of an order that its shop's words ask for.

use std::collections::BTreeMap;

use despatch_order_files::FileOrder;

use crate::shopify::History;

/// Units and money of an order.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Units by SKU.
    pub(super) units: BTreeMap<String, i64>,
    /// The money to keep at Stripe, in minor units, before refunds that are no change of the order.
    pub(super) minor: i64,
    /// Set if the shop went on to change the order.
    pub(super) changing: Option<Changing>,
}

/// The bounds of an order that its shop changes. A case may have kept it from the last word.
#[derive(Debug)]
pub(super) struct Changing {
    /// The most units that the order ever wanted, by SKU.
    pub(super) most_units: BTreeMap<String, i64>,
    /// The most money that it ever wanted from Stripe.
    pub(super) most_minor: i64,
    /// Whether the shop's last word is that the order is cancelled.
    pub(super) is_cancelled: bool,
}

impl Expected {
    /// Returns the expectation of an order of a file of which this much is due at Stripe.
    pub(super) fn of_file(order: &FileOrder, minor: i64) -> Self {
        let mut units = BTreeMap::<String, i64>::new();
        for (sku, wanted) in &order.units {
            *units.entry(sku.clone()).or_default() += wanted;
        }
        Expected { units, minor, changing: None }
    }

    /// Returns the expectation of an order that its shop changed. A cancellation that came too late changes nothing.
    pub(super) fn of_shop(history: &History) -> Self {
        let last = history.last_living().cloned().unwrap_or_default();
        Expected {
            units: last.units,
            minor: last.at_stripe_minor,
            changing: Some(Changing {
                most_units: history.most_units(),
                most_minor: history.most_at_stripe(),
                is_cancelled: history.last().is_cancelled,
            }),
        }
    }
}
