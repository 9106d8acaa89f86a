//! The shop: places orders while everything breaks, and tries each until it is answered 2xx.

use std::sync::{Arc, Mutex, PoisonError};

use despatch_order_files::{FileOrder, PlaceError};
use despatch_scenario::shopify::{EditingShop, History, Told};
use despatch_scenario::{CheckoutClient, CheckoutError, PlacedOrder};
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::result::Result;

/// Orders that are placed at the same time.
const AT_ONCE: usize = 16;

/// The same of orders that their shop changes, which takes it seconds.
const CHANGING_AT_ONCE: usize = 48;

/// The shops: one places orders, and another one may also change them.
#[derive(Clone)]
pub(crate) struct Shops {
    pub(crate) checkout: CheckoutClient,
    /// The shop that changes some of the orders.
    pub(crate) editing: Option<EditingShop>,
}

/// An order that was answered 2xx.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// Its place among the orders.
    place: usize,
    /// Its id. None if its shop cancelled it before it was placed.
    order_id: Option<String>,
    /// The shop's words, if the shop changes it.
    history: Option<History>,
}

impl Accepted {
    /// Returns the order as the audit wants it.
    pub(crate) fn placed<'a>(&'a self, orders: &'a [FileOrder]) -> Option<PlacedOrder<'a>> {
        let order_id = self.order_id.as_deref()?;
        Some(PlacedOrder { order_id, order: &orders[self.place], history: self.history.as_ref() })
    }
}

/// Orders that were answered 2xx so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct AcceptedOrders(Arc<Mutex<Vec<Accepted>>>);

impl AcceptedOrders {
    fn add(&self, accepted: Accepted) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(accepted);
    }

    /// Returns all of them.
    pub(crate) fn all(&self) -> Vec<Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns their number.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns the number of those that were cancelled before they were placed.
    pub(crate) fn never_placed(&self) -> usize {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|accepted| accepted.order_id.is_none()).count()
    }
}

/// Places every order. The order at index `n` is not placed before `open` is above `n`.
pub(crate) async fn place(
    shops: Shops,
    orders: Arc<Vec<FileOrder>>,
    open: watch::Receiver<usize>,
    accepted: AcceptedOrders,
) -> Result {
    let at_once = if shops.editing.is_some() { CHANGING_AT_ONCE } else { AT_ONCE };
    let mut placing = futures_util::stream::iter(0..orders.len())
        .map(|place| {
            let (mut open, shops, orders) = (open.clone(), shops.clone(), orders.clone());
            async move {
                open.wait_for(|open| place < *open).await?;
                shops.place(place, &orders[place]).await
            }
        })
        .buffer_unordered(at_once);
    while let Some(outcome) = placing.next().await {
        accepted.add(outcome?);
    }
    Ok(())
}

impl Shops {
    async fn place(&self, place: usize, order: &FileOrder) -> Result<Accepted> {
        if let Some(editing) = self.editing.as_ref().filter(|_| EditingShop::takes(place)) {
            let Told { order_id, history } = editing.tell(place, order).await?;
            return Ok(Accepted { place, order_id, history: Some(history) });
        }
        loop {
            match self.checkout.place(order).await {
                Ok(placed) => return Ok(Accepted { place, order_id: Some(placed.order_id), history: None }),
                // There is no limit, because the shop has the customer's money authorised.
                Err(CheckoutError::NotPlaced(PlaceError::Unreachable(_))) => {}
                Err(CheckoutError::NotPlaced(PlaceError::Refused { status, .. }))
                    if status.is_server_error() => {}
                Err(refused) => return Err(refused.into()),
            }
        }
    }
}
