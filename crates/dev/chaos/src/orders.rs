//! The shop: places orders while everything breaks, and tries each until it is answered 2xx.

use std::sync::{Arc, Mutex, PoisonError};

use despatch_order_files::{FileOrder, PlaceError};
use despatch_scenario::{CheckoutClient, CheckoutError};
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::result::Result;

/// Orders that are placed at the same time.
const AT_ONCE: usize = 16;

/// Orders that were answered 2xx so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct AcceptedOrders(Arc<Mutex<Vec<(usize, String)>>>);

impl AcceptedOrders {
    fn add(&self, place: usize, order_id: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((place, order_id));
    }

    /// Returns their places among the orders, and their ids.
    pub(crate) fn all(&self) -> Vec<(usize, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns their number.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Places every order. The order at index `n` is not placed before `open` is above `n`.
pub(crate) async fn place(
    checkout: CheckoutClient,
    orders: Arc<Vec<FileOrder>>,
    open: watch::Receiver<usize>,
    accepted: AcceptedOrders,
) -> Result {
    let mut placing = futures_util::stream::iter(0..orders.len())
        .map(|place| {
            let (mut open, checkout, orders) = (open.clone(), checkout.clone(), orders.clone());
            async move {
                open.wait_for(|open| place < *open).await?;
                loop {
                    match checkout.place(&orders[place]).await {
                        Ok(placed) => return Result::Ok((place, placed.order_id)),
                        // There is no limit, because the shop has the customer's money authorised.
                        Err(CheckoutError::NotPlaced(PlaceError::Unreachable(_))) => {}
                        Err(CheckoutError::NotPlaced(PlaceError::Refused { status, .. }))
                            if status.is_server_error() => {}
                        Err(refused) => return Err(refused.into()),
                    }
                }
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(outcome) = placing.next().await {
        let (place, order_id) = outcome?;
        accepted.add(place, order_id);
    }
    Ok(())
}
