//! All providers' records together, without their protocols.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::counts::{Counts, OrderCounter, OrderCounts};
use crate::fault_injector::FaultInjector;
use crate::shippo::Shippo;
use crate::smtp::Mailbox;
use crate::stripe::Stripe;

/// The providers, and their counts.
pub(crate) struct Providers {
    pub(crate) stripe: Arc<Stripe>,
    pub(crate) shippo: Arc<Shippo>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) injector: Arc<FaultInjector>,
}

impl Providers {
    pub(crate) fn counts(&self) -> Counts {
        let mut counter = OrderCounter::of_all();
        self.stripe.count(&mut counter);
        self.shippo.count(&mut counter);
        let mails = self.mailbox.totals();
        Counts {
            mails: mails.total,
            distinct_mails: mails.distinct,
            resent_mails: mails.total - mails.distinct - mails.doubled,
            double_mails: mails.doubled,
            ..counter.total()
        }
    }

    pub(crate) fn order_counts(&self, order: &str) -> io::Result<OrderCounts> {
        let mut counter = OrderCounter::of(order);
        self.stripe.count(&mut counter);
        self.shippo.count(&mut counter);
        let mails = self.mailbox.of_order(order)?;
        Ok(OrderCounts { mails, ..counter.single().unwrap_or_default() })
    }

    pub(crate) fn counts_by_order(&self) -> io::Result<BTreeMap<String, OrderCounts>> {
        let mut counter = OrderCounter::of_all();
        self.stripe.count(&mut counter);
        self.shippo.count(&mut counter);
        let mut orders = counter.orders();
        for order in self.mailbox.orders() {
            let mails = self.mailbox.of_order(&order)?;
            orders.entry(order).or_default().mails = mails;
        }
        Ok(orders)
    }
}
