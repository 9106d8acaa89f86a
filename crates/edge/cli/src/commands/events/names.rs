//! The names by which people know orders.

use std::collections::HashMap;
use std::sync::Arc;

use despatch_contracts::Subject;
use despatch_contracts::json::order_in;
use despatch_contracts::runtime::Envelope;
use despatch_read_model::OrderBook;
use uuid::Uuid;

/// How many names are kept. Later events are mostly about orders that came lately.
const KEPT: usize = 10_000;

/// An order's shop and the shop's number of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrderName {
    pub(super) shop: String,
    pub(super) shop_order_id: String,
}

/// Names that were met, and the way to find others.
pub(super) struct OrderNames {
    book: Arc<OrderBook>,
    known: HashMap<String, Option<OrderName>>,
}

impl OrderNames {
    pub(super) fn new(book: Arc<OrderBook>) -> Self {
        OrderNames { book, known: HashMap::new() }
    }

    /// The name of the order that an event is about; `None` when it is about none, or the order is not found.
    pub(super) async fn of(&mut self, envelope: &Envelope) -> Option<OrderName> {
        let id = Subject::parse(&envelope.subject).order_id()?;
        if let Some(name) = self.known.get(id) {
            return name.clone();
        }
        let name = match order_in(envelope.event_type(), envelope.payload.clone()) {
            Some(order) => Some(OrderName { shop: order.shop, shop_order_id: order.shop_order_id }),
            None => self.look_up(id).await,
        };
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(id.to_owned(), name.clone());
        name
    }

    /// A database that is away costs the name and not the line.
    async fn look_up(&self, id: &str) -> Option<OrderName> {
        let id = Uuid::try_parse(id).ok()?;
        let found = self.book.by_ids(&[id]).await.ok()?.pop()?;
        Some(OrderName { shop: found.shop, shop_order_id: found.shop_order_id })
    }
}
