//! An order as a Shopify shop has it: its units, its destination, its money. Each change is a method, and nothing else changes it.

use std::collections::BTreeMap;

use despatch_order_files::FileOrder;
use serde_json::Value;

/// The price of shipping, in minor units. It stays the same whichever method is chosen.
const SHIPPING_MINOR: i64 = 500;

/// The seconds from one change to the next: Shopify's times are whole seconds.
const SECONDS_BETWEEN: i64 = 30;

/// An item of the order.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: u64,
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) price_minor: i64,
    /// The units that were ever ordered.
    pub(super) quantity: i64,
    /// The units that stand.
    pub(super) current: i64,
}

/// Money that the shop gave back.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub(super) id: u64,
    pub(super) at: i64,
    pub(super) amount_minor: i64,
    /// The item and units that it is for; none if it is of goodwill.
    pub(super) units: Option<(usize, i64)>,
}

/// The destination of an order.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub(super) street: String,
    pub(super) city: String,
    pub(super) region: String,
    pub(super) postcode: String,
}

/// An order of a shop.
#[derive(Debug, Clone)]
pub struct ShopifyOrder {
    pub(super) id: u64,
    /// Unix seconds.
    pub(super) created_at: i64,
    /// Unix seconds.
    pub(super) updated_at: i64,
    /// Unix seconds.
    pub(super) cancelled_at: Option<i64>,
    pub(super) customer: String,
    pub(super) email: String,
    pub(super) destination: Destination,
    pub(super) method: &'static str,
    pub(super) items: Vec<Item>,
    /// The PaymentIntent that the checkout authorised, and its amount.
    pub(super) intent: Option<(String, i64)>,
    /// Money that the shop received itself.
    pub(super) paid_minor: i64,
    pub(super) refunds: Vec<Refund>,
}

/// The content of a shop's word: the units and the money that it wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Units that stand, by SKU.
    pub units: BTreeMap<String, i64>,
    /// The money to keep, in minor units.
    pub total_minor: i64,
    /// The part of it that despatch captures at Stripe.
    pub at_stripe_minor: i64,
    /// Whether all of the total is authorised or paid.
    pub is_paid: bool,
    /// Whether the shop cancelled the order.
    pub is_cancelled: bool,
}

impl ShopifyOrder {
    /// Returns the order of a file as a shop has it when its customer leaves the checkout, without a payment.
    pub fn placed(order: &FileOrder, id: u64, created_at: i64) -> Result<Self, serde_json::Error> {
        let body = order.order()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut items = Vec::new();
        for (number, (sku, units)) in (1..).zip(&order.units) {
            items.push(Item {
                id: id * 100 + number,
                sku: sku.clone(),
                title: format!("Article {number}"),
                price_minor: 1000 + 50 * i64::try_from(number).unwrap_or_default(),
                quantity: *units,
                current: *units,
            });
        }
        let to = &body["ship_to"];
        Ok(ShopifyOrder {
            id,
            created_at,
            updated_at: created_at,
            cancelled_at: None,
            customer: text(&body["customer"]["name"]),
            email: text(&body["customer"]["email"]),
            destination: Destination {
                street: text(&to["street1"]),
                city: text(&to["city"]),
                region: text(&to["region"]),
                postcode: text(&to["postcode"]),
            },
            method: "Standard",
            items,
            intent: None,
            paid_minor: 0,
            refunds: Vec::new(),
        })
    }

    /// Returns the shop's id of the order.
    pub fn shop_order_id(&self) -> String {
        self.id.to_string()
    }

    /// Returns what the units that stand cost, with shipping, less what was given back of goodwill.
    pub fn total_minor(&self) -> i64 {
        if self.cancelled_at.is_some() {
            return 0;
        }
        let items: i64 = self.items.iter().map(|item| item.price_minor * item.current).sum();
        let goodwill: i64 =
            self.refunds.iter().filter(|it| it.units.is_none()).map(|it| it.amount_minor).sum();
        items + SHIPPING_MINOR - goodwill
    }

    /// Returns the price of every unit that was ever ordered, with shipping.
    pub(super) fn gross_minor(&self) -> i64 {
        let items: i64 = self.items.iter().map(|item| item.price_minor * item.quantity).sum();
        items + SHIPPING_MINOR
    }

    /// Returns the price of shipping.
    pub(super) fn shipping_minor() -> i64 {
        SHIPPING_MINOR
    }

    /// Returns the money that the shop received and did not give back.
    pub(super) fn kept_minor(&self) -> i64 {
        self.paid_minor - self.refunds.iter().map(|refund| refund.amount_minor).sum::<i64>()
    }

    /// Returns the money that the shop does not have. Shopify does not know that it was captured elsewhere.
    pub(super) fn outstanding_minor(&self) -> i64 {
        (self.total_minor() - self.kept_minor()).max(0)
    }

    /// Returns what the order wants now.
    pub fn wanted(&self) -> Wanted {
        let mut units = BTreeMap::<String, i64>::new();
        for item in self.items.iter().filter(|item| item.current > 0 && self.cancelled_at.is_none()) {
            *units.entry(item.sku.clone()).or_default() += item.current;
        }
        let authorised = self.intent.as_ref().map_or(0, |(_, minor)| *minor);
        let outstanding = self.outstanding_minor();
        Wanted {
            units,
            total_minor: self.total_minor(),
            at_stripe_minor: outstanding.min(authorised),
            is_paid: outstanding <= authorised,
            is_cancelled: self.cancelled_at.is_some(),
        }
    }

    fn touch(&mut self) {
        self.updated_at += SECONDS_BETWEEN;
    }

    /// Notes the PaymentIntent that the checkout authorised for the whole order.
    #[must_use]
    pub fn authorised(mut self, intent: String) -> Self {
        self.intent = Some((intent, self.total_minor()));
        self
    }

    /// The customer pays what is outstanding beyond what is authorised.
    pub(super) fn pay(&mut self) {
        self.touch();
        let authorised = self.intent.as_ref().map_or(0, |(_, minor)| *minor);
        self.paid_minor += (self.outstanding_minor() - authorised).max(0);
    }

    /// An edit takes units off an item.
    pub(super) fn take_off(&mut self, item: usize, units: i64) {
        self.touch();
        self.items[item].current -= units;
    }

    /// An edit adds units to an item.
    pub(super) fn raise(&mut self, item: usize, units: i64) {
        self.touch();
        self.items[item].quantity += units;
        self.items[item].current += units;
    }

    /// An edit adds an item with one unit of an article that the order has already.
    pub(super) fn add_item(&mut self, like: usize) {
        self.touch();
        let number = self.items.len() as u64 + 1;
        let (title, price_minor) = (format!("Article {number}"), self.items[like].price_minor + 25);
        let sku = self.items[like].sku.clone();
        self.items.push(Item {
            id: self.id * 100 + number,
            sku,
            title,
            price_minor,
            quantity: 1,
            current: 1,
        });
    }

    /// The customer writes that the order goes elsewhere.
    pub(super) fn move_to(&mut self, house: usize) {
        self.touch();
        self.destination.street = format!("{house} Other Street");
    }

    /// An edit changes the shipping method.
    pub(super) fn ship_by(&mut self, method: &'static str) {
        self.touch();
        self.method = method;
    }

    /// The shop gives money back: that of units, which it takes off the order, or any amount of goodwill.
    pub(super) fn refund(&mut self, units: Option<(usize, i64)>, goodwill_minor: i64) {
        self.touch();
        let amount_minor = units.map_or(goodwill_minor, |(item, units)| {
            self.items[item].current -= units;
            self.items[item].price_minor * units
        });
        let id = self.id * 100 + 50 + self.refunds.len() as u64;
        self.refunds.push(Refund { id, at: self.updated_at, amount_minor, units });
    }

    /// The shop cancels the order, and gives back what it has.
    pub(super) fn cancel(&mut self) {
        self.touch();
        let amount_minor = self.kept_minor();
        if amount_minor > 0 {
            let id = self.id * 100 + 50 + self.refunds.len() as u64;
            self.refunds.push(Refund { id, at: self.updated_at, amount_minor, units: None });
        }
        self.cancelled_at = Some(self.updated_at);
        for item in &mut self.items {
            item.current = 0;
        }
    }
}
