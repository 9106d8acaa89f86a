//! The real effects, by the providers' own records. They show whether anything happened twice.
//!
//! An order is identified by what clients send: Stripe's `metadata[order_id]`, Shippo's `metadata =
//! "<order>/<parcel>"`, and a mail's `X-Order-Id` header or Message-ID.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Totals over all orders, and every effect that happened twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Orders with a payment intent or a label.
    pub orders: u64,
    /// Payment intents created, declined ones included.
    pub intents: u64,
    /// Payment intents captured.
    pub captures: u64,
    /// Minor units captured, whatever their currency.
    pub captured_minor: i64,
    /// Minor units authorised and neither captured nor cancelled.
    pub authorised_minor: i64,
    /// Payment intents cancelled.
    pub cancels: u64,
    /// Refunds made.
    pub refunds: u64,
    /// Minor units refunded, whatever their currency.
    pub refunded_minor: i64,
    /// Orders from which money was taken more than once.
    pub double_captures: Vec<DoubleCapture>,
    /// Labels bought, voided ones included.
    pub labels: u64,
    /// Labels voided.
    pub voided_labels: u64,
    /// Parcels with more than one label that is not voided.
    pub double_labels: Vec<DoubleLabel>,
    /// Mails accepted.
    pub mails: u64,
    /// Different Message-IDs. A mail without one counts as different from all others.
    pub distinct_mails: u64,
    /// Copies of mails whose answer was lost, as [`MailCount::resent`].
    pub resent_mails: u64,
    /// Copies of mails whose answer had arrived, as [`MailCount::doubled`].
    pub double_mails: u64,
}

/// An order that was charged more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubleCapture {
    /// The order.
    pub order: String,
    /// The number of captured intents.
    pub captures: u64,
}

/// A parcel that has more than one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubleLabel {
    /// The order.
    pub order: String,
    /// The parcel, as the label's metadata names it.
    pub parcel: String,
    /// The number of labels that are not voided.
    pub labels: u64,
}

/// The effects of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCounts {
    /// Payment intents created, declined ones included.
    pub intents: u64,
    /// Payment intents captured.
    pub captures: u64,
    /// Minor units captured.
    pub captured_minor: i64,
    /// Minor units authorised and neither captured nor cancelled.
    pub authorised_minor: i64,
    /// Payment intents cancelled.
    pub cancels: u64,
    /// Refunds made.
    pub refunds: u64,
    /// Minor units refunded.
    pub refunded_minor: i64,
    /// Labels by parcel.
    pub labels: BTreeMap<String, LabelCount>,
    /// Mails by Message-ID.
    pub mails: Vec<MailCount>,
}

/// The labels of one parcel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// Labels bought.
    pub bought: u64,
    /// Labels voided.
    pub voided: u64,
}

/// One mail, however often it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailCount {
    /// Its Message-ID without angle brackets; empty if it has none.
    pub message_id: String,
    /// The sequence number of its first copy.
    pub seq: u64,
    /// How many copies arrived.
    pub copies: u64,
    /// Copies that had to come, because the answer to the copy before was lost: the sandbox withheld it, the client did
    /// not speak again on that connection, or the sandbox was started again.
    pub resent: u64,
    /// Copies that came although the client had the answer to the copy before.
    pub doubled: u64,
}

/// Collects the counts of all orders, or of one.
pub(crate) struct OrderCounter {
    only: Option<String>,
    orders: BTreeMap<String, OrderCounts>,
}

impl OrderCounter {
    pub(crate) fn of_all() -> Self {
        Self { only: None, orders: BTreeMap::new() }
    }

    pub(crate) fn of(order: &str) -> Self {
        Self { only: Some(order.to_owned()), orders: BTreeMap::new() }
    }

    /// Returns the counts to add to, unless another order is asked for or the effect names none.
    ///
    /// An effect that names no order still counts in the totals, under the empty name.
    pub(crate) fn order(&mut self, order: &str) -> Option<&mut OrderCounts> {
        if self.only.as_deref().is_some_and(|only| only != order) {
            return None;
        }
        if !self.orders.contains_key(order) {
            self.orders.insert(order.to_owned(), OrderCounts::default());
        }
        self.orders.get_mut(order)
    }

    /// Returns the counts of the only order asked for, if anything happened to it.
    pub(crate) fn single(mut self) -> Option<OrderCounts> {
        self.orders.remove(self.only.as_deref()?)
    }

    /// Returns the counts of all orders. The mailbox counts mails.
    pub(crate) fn orders(self) -> BTreeMap<String, OrderCounts> {
        self.orders
    }

    /// Returns the sum over all orders. The mailbox counts mails.
    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for (order, counts) in &self.orders {
            total.orders += u64::from(!order.is_empty());
            total.intents += counts.intents;
            total.captures += counts.captures;
            total.captured_minor += counts.captured_minor;
            total.authorised_minor += counts.authorised_minor;
            total.cancels += counts.cancels;
            total.refunds += counts.refunds;
            total.refunded_minor += counts.refunded_minor;
            if counts.captures > 1 && !order.is_empty() {
                total.double_captures.push(DoubleCapture { order: order.clone(), captures: counts.captures });
            }
            for (parcel, labels) in &counts.labels {
                total.labels += labels.bought;
                total.voided_labels += labels.voided;
                let left = labels.bought - labels.voided;
                if left > 1 && !order.is_empty() {
                    let (order, parcel) = (order.clone(), parcel.clone());
                    total.double_labels.push(DoubleLabel { order, parcel, labels: left });
                }
            }
        }
        total
    }
}
