//! The order that a person means.

use std::fmt::Write as _;

use despatch_read_model::OrderBook;
use despatch_read_model::placed::PlacedOrder;

use crate::output::next_command;
use crate::result::{Result, hinted};
use despatch_domain::similar::did_you_mean;

/// The one order of this name; an error that lists the candidates, or says what could be meant.
pub(crate) async fn find(book: &OrderBook, name: &str) -> Result<PlacedOrder> {
    let mut found = book.find(name).await?;
    if found.len() > 1 {
        return Err(hinted(format!("{name} may be any of several orders"), candidates(&found)));
    }
    if let Some(order) = found.pop() {
        return Ok(order);
    }
    let shop = name.split_once('/').map(|(shop, _)| shop);
    let shops = book.shops().await?;
    let what = match shop {
        Some(shop) if !shops.iter().any(|known| known == shop) => {
            let near = did_you_mean(shop, shops.iter().map(String::as_str));
            format!("{name}: no order came from a shop {shop}{near}")
        }
        _ => format!("{name}: no such order"),
    };
    Err(hinted(what, next_command("orders list")))
}

fn candidates(orders: &[PlacedOrder]) -> String {
    let mut lines = String::from("name it by its shop and number, or by more of its id:");
    for PlacedOrder { order_id, shop, shop_order_id, .. } in orders {
        // Writing to a string cannot fail.
        let _ = write!(lines, "\n{order_id}  {shop}/{shop_order_id}");
    }
    lines
}
