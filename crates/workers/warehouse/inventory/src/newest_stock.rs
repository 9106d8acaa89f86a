//! The stock of an order as it is by now.

use std::borrow::Cow;

use despatch_contracts::order::Order;
use despatch_runtime::Tx;

use crate::error::InventoryError;
use crate::order_lines::skus;
use crate::store::{self, Stock};

/// Returns the order as it is by now, and the stock of its SKUs. `order` is the one that an event carries. Only of an order that
/// got other SKUs since is the stock read twice.
pub(crate) async fn newest_stock<'a>(
    tx: &Tx<'_>,
    order: &'a Order,
) -> Result<(Cow<'a, Order>, Stock), InventoryError> {
    let known = skus(order);
    let mut stock = store::stock_for(tx, order, &known).await?;
    let Some(newest) = stock.newest.take() else { return Ok((Cow::Borrowed(order), stock)) };
    let wanted = skus(&newest);
    if wanted.iter().any(|sku| !known.contains(sku)) {
        stock = store::stock_for(tx, &newest, &wanted).await?;
    }
    Ok((Cow::Owned(newest), stock))
}
