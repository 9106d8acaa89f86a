//! The history of an order at its shop, drawn from a seed: what becomes of it, and each webhook that says so.

use std::collections::BTreeMap;

use despatch_order_files::FileOrder;
use serde_json::Value;

use super::order::{ShopifyOrder, Wanted};
use crate::rng::Rng;

/// A webhook.
#[derive(Debug, Clone)]
pub struct ShopWord {
    /// Shopify's topic.
    pub topic: &'static str,
    /// The body.
    pub body: Value,
    /// The units and the money that the order wants by then, if the webhook has the whole order.
    pub wanted: Option<Wanted>,
}

/// Everything that a shop says of an order.
#[derive(Debug, Clone)]
pub struct History {
    /// The shop's id of the order.
    pub shop_order_id: String,
    /// The webhooks, oldest first.
    pub words: Vec<ShopWord>,
    /// The most units of each item that the order ever wanted, with its SKU.
    most_of_items: Vec<(String, i64)>,
}

/// The party that has the money of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// The checkout authorises it at Stripe, where despatch captures it.
    AtStripe,
    /// The shop.
    InShop,
    /// Nobody yet.
    Pending,
}

/// A change of an order.
#[derive(Debug, Clone, Copy)]
enum Change {
    TakeOff,
    Drop,
    Raise,
    AddItem,
    Move,
    Ship,
    Refund,
    Goodwill,
    Cancel,
    Pay,
}

/// The changes that are drawn. Those that come twice are drawn twice as often.
const CHANGES: [Change; 12] = [
    Change::TakeOff,
    Change::TakeOff,
    Change::Drop,
    Change::Raise,
    Change::AddItem,
    Change::Move,
    Change::Move,
    Change::Ship,
    Change::Refund,
    Change::Goodwill,
    Change::Cancel,
    Change::Pay,
];

const METHODS: [&str; 3] = ["Standard", "Express", "Priority"];

/// The most changes of an order.
const MOST_CHANGES: usize = 4;

impl Payment {
    /// Draws the payment of an order.
    pub fn draw(rng: &mut Rng) -> Self {
        [Payment::AtStripe, Payment::AtStripe, Payment::InShop, Payment::Pending][rng.below(4)]
    }
}

/// Returns an order with as many units as it may have after all changes, for the stock that is received.
pub fn with_spare_units(order: &FileOrder) -> FileOrder {
    let mut order = order.clone();
    for (_, units) in &mut order.units {
        *units += i64::try_from(MOST_CHANGES).unwrap_or_default();
    }
    order
}

impl History {
    /// Draws what becomes of an order that was just placed. A [pending](Payment::Pending) order is paid in the end, or cancelled.
    pub fn draw(mut order: ShopifyOrder, payment: Payment, rng: &mut Rng) -> Self {
        if payment == Payment::InShop {
            order.pay();
        }
        let mut history =
            History { shop_order_id: order.shop_order_id(), words: Vec::new(), most_of_items: Vec::new() };
        history.say("orders/create", &order);
        for _ in 0..rng.below(MOST_CHANGES + 1) {
            history.change(&mut order, CHANGES[rng.below(CHANGES.len())], rng);
            if order.wanted().is_cancelled {
                return history;
            }
        }
        if payment == Payment::Pending && order.kept_minor() == 0 {
            history.change(&mut order, Change::Pay, rng);
        }
        history
    }

    /// Returns the content of the shop's last word.
    pub fn last(&self) -> Wanted {
        self.snapshots().last().cloned().unwrap_or_default()
    }

    /// Returns the most units of each SKU that the order may come to hold: units that left before they were taken off one item,
    /// and units that were added as another one.
    pub fn most_units(&self) -> BTreeMap<String, i64> {
        let mut most = BTreeMap::<String, i64>::new();
        for (sku, units) in &self.most_of_items {
            *most.entry(sku.clone()).or_default() += units;
        }
        most
    }

    /// Returns the most money that the order ever wanted from Stripe.
    pub fn most_at_stripe(&self) -> i64 {
        self.snapshots().map(|it| it.at_stripe_minor).max().unwrap_or_default()
    }

    fn snapshots(&self) -> impl Iterator<Item = &Wanted> {
        self.words.iter().filter_map(|word| word.wanted.as_ref())
    }

    /// Returns what the order wanted when it was last not cancelled. None if it never was.
    pub fn last_living(&self) -> Option<&Wanted> {
        self.snapshots().filter(|it| !it.is_cancelled).last()
    }

    /// Returns the webhooks as they arrive: repeated, and in one order of two in any order.
    pub fn arriving(&self, rng: &mut Rng) -> Vec<ShopWord> {
        let mut words = Vec::with_capacity(self.words.len() * 2);
        for word in &self.words {
            words.push(word.clone());
            if rng.once_in(3) {
                words.push(word.clone());
            }
        }
        if rng.once_in(2) {
            rng.shuffle(&mut words);
        }
        words
    }

    fn say(&mut self, topic: &'static str, order: &ShopifyOrder) {
        for (at, item) in order.items.iter().enumerate() {
            match self.most_of_items.get_mut(at) {
                Some((_, most)) => *most = (*most).max(item.current),
                None => self.most_of_items.push((item.sku.clone(), item.current)),
            }
        }
        self.words.push(ShopWord { topic, body: order.snapshot(), wanted: Some(order.wanted()) });
    }

    fn note(&mut self, topic: &'static str, body: Value) {
        self.words.push(ShopWord { topic, body, wanted: None });
    }

    /// Says that units were added to an item, or taken off it.
    fn say_edited(&mut self, order: &ShopifyOrder, item: usize, delta: i64) {
        self.note("orders/edited", order.edit_json(item, delta));
        self.say("orders/updated", order);
    }

    fn say_refunded(&mut self, order: &ShopifyOrder) {
        if let Some(refund) = order.refunds.last() {
            self.note("refunds/create", order.refund_json(refund));
        }
        self.say("orders/updated", order);
    }

    /// Makes a change, if the order is one that can change so.
    fn change(&mut self, order: &mut ShopifyOrder, change: Change, rng: &mut Rng) {
        let living: Vec<usize> =
            (0..order.items.len()).filter(|item| order.items[*item].current > 0).collect();
        let Some(item) = living.get(rng.below(living.len().max(1))).copied() else { return };
        let current = order.items[item].current;
        let is_last = living.len() == 1;
        // Money that the shop has itself stays below the total, because a refund at Stripe is not the shop's.
        let rest = order.total_minor() - if order.intent.is_some() { order.kept_minor() } else { 0 };
        let affordable = |units: i64| order.items[item].price_minor * units < rest;
        match change {
            Change::TakeOff if current > 1 && affordable(current - 1) => {
                let units =
                    1 + i64::try_from(rng.below(usize::try_from(current - 1).unwrap_or(1))).unwrap_or(0);
                order.take_off(item, units);
                self.say_edited(order, item, -units);
            }
            Change::Drop if !is_last && affordable(current) => {
                order.take_off(item, current);
                self.say_edited(order, item, -current);
            }
            Change::Raise => {
                order.raise(item, 1);
                self.say_edited(order, item, 1);
                self.pay_perhaps(order, rng);
            }
            Change::AddItem => {
                order.add_item(item);
                self.say_edited(order, order.items.len() - 1, 1);
                self.pay_perhaps(order, rng);
            }
            Change::Move => {
                order.move_to(rng.below(900) + 1);
                self.say("orders/updated", order);
            }
            Change::Ship => {
                order.ship_by(METHODS[rng.below(METHODS.len())]);
                self.say("orders/updated", order);
            }
            // Of money that it has.
            Change::Refund if order.intent.is_none() && order.outstanding_minor() == 0 && current > 1 => {
                order.refund(Some((item, 1)), 0);
                self.say_refunded(order);
            }
            Change::Goodwill if order.intent.is_none() && order.outstanding_minor() == 0 => {
                order.refund(None, 100);
                self.say_refunded(order);
            }
            Change::Cancel => self.cancel(order),
            Change::Pay if order.outstanding_minor() > 0 && !order.wanted().is_paid => {
                order.pay();
                self.say("orders/paid", order);
                self.say("orders/updated", order);
            }
            Change::TakeOff | Change::Drop | Change::Refund | Change::Goodwill | Change::Pay => {}
        }
    }

    fn pay_perhaps(&mut self, order: &mut ShopifyOrder, rng: &mut Rng) {
        if !rng.once_in(4) {
            self.change(order, Change::Pay, rng);
        }
    }

    fn cancel(&mut self, order: &mut ShopifyOrder) {
        let refunds = order.refunds.len();
        order.cancel();
        self.say("orders/cancelled", order);
        if order.refunds.len() > refunds {
            self.say_refunded(order);
        } else {
            self.say("orders/updated", order);
        }
    }
}
