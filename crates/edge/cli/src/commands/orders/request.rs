//! A request about an order: the gateway keeps it, and a worker decides.

use std::time::Duration;

use despatch_order_files::PlaceError;
use despatch_read_model::OrderBook;
use despatch_read_model::orders::Step;
use despatch_read_model::placed::PlacedOrder;

use crate::args::WaitArgs;
use crate::commands::gateway::{final_error, refusal};
use crate::commands::waiting::within;
use crate::output::next_command;
use crate::result::{Result, hinted};

/// The words for a decision that is late.
pub(super) const UNDECIDED: &str = "orders has not decided";

pub(super) fn name(order: &PlacedOrder) -> String {
    format!("{}/{}", order.shop, order.shop_order_id)
}

/// The command that shows the order.
pub(super) fn show(name: &str) -> String {
    next_command(format_args!("orders show {name}"))
}

/// The error of a request that the gateway did not take.
pub(super) fn not_taken(error: &PlaceError) -> Box<dyn std::error::Error + Send + Sync> {
    final_error(error).unwrap_or_else(|| refusal(error).into())
}

/// The order's steps after the first `before`, which were there when the request was made.
pub(super) async fn steps_since(book: &OrderBook, order: &PlacedOrder, before: usize) -> Result<Vec<Step>> {
    Ok(book.timeline(&order.order_id).await?.into_iter().skip(before).collect())
}

/// Waits for the outcome. `late` says what has not happened by the end.
pub(super) async fn outcome<T>(
    order: &PlacedOrder,
    wait: &WaitArgs,
    late: &str,
    look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let outcome = within(Duration::from_secs(wait.timeout), look).await?;
    outcome.ok_or_else(|| {
        hinted(
            format!("{late} within {} s; the request is kept", wait.timeout),
            format!("{}, and {}", show(&name(order)), next_command("doctor")),
        )
    })
}
