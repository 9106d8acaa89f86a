//! `despatch orders cancel`: asks for an order to be cancelled, waits for the outcome and says it.

use std::process::ExitCode;

use despatch_contracts::Event as _;
use despatch_contracts::order::OrderCancelRequested;
use despatch_read_model::OrderBook;
use despatch_read_model::orders::Step;
use despatch_read_model::placed::PlacedOrder;
use despatch_status::OrderState;
use serde_json::{Value, json};

use super::find;
use super::request::{UNDECIDED, name, not_taken, outcome, show, steps_since};
use super::words::left;
use crate::args::CancelOrderArgs;
use crate::commands::gateway::connect;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{next_command, print};
use crate::result::{Result, hinted};

/// The outcome of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancellation {
    Requested,
    Cancelled,
    CancelledBefore,
    /// It was not paid, and nobody waits for that any more.
    GivenUp,
    Refused(OrderState),
}

/// Asks for the cancellation. A refusal ends with status 1.
pub(super) async fn cancel(
    config: &Config,
    data_dir: &DataDir,
    book: &OrderBook,
    args: &CancelOrderArgs,
) -> Result<ExitCode> {
    let order = find(book, &args.order.name).await?;
    can_be_asked(book, &order).await?;
    let gateway = connect(config, data_dir, &args.gateway).await?;
    let steps_before = book.timeline(&order.order_id).await?.len();
    let request = json!({ "requested_by": "operator", "by": args.by.person()?, "reason": args.reason });
    if let Err(error) = gateway.client.cancel(&order.order_id, &request).await {
        return Err(not_taken(&error));
    }
    let outcome = if args.wait.no_wait {
        Cancellation::Requested
    } else {
        outcome(&order, &args.wait, UNDECIDED, async || {
            if book.is_given_up(&order.order_id).await? == Some(true) {
                return Ok(Some(Cancellation::GivenUp));
            }
            Ok(steps_since(book, &order, steps_before).await?.iter().find_map(decision))
        })
        .await?
    };
    if args.json {
        print(&format!("{:#}\n", as_object(&order, outcome)))?;
    } else if let Cancellation::Refused(state) = outcome {
        return Err(refused(&order, state));
    } else {
        print(&as_lines(&order, outcome))?;
    }
    Ok(if matches!(outcome, Cancellation::Refused(_)) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Fails for an order that was never accepted: nothing was reserved or captured, and its case holds it.
async fn can_be_asked(book: &OrderBook, order: &PlacedOrder) -> Result {
    if matches!(book.contents(&order.order_id).await?, Some((_, true))) {
        return Ok(());
    }
    let cases = book.cases(&order.order_id).await?;
    let Some(case) = cases.iter().find(|case| case.is_open()) else { return Ok(()) };
    Err(hinted(
        format!("{} was not accepted ({}), so there is nothing to cancel", name(order), case.reason),
        next_command(format_args!("exceptions discard {} --reason WHY", case.number)),
    ))
}

/// Reads the decision about a request to cancel; `None` when the step is about something else.
fn decision(step: &Step) -> Option<Cancellation> {
    if step.event != OrderCancelRequested::TYPE {
        return None;
    }
    Some(match step.to {
        OrderState::Cancelled if step.from == Some(OrderState::Cancelled) => Cancellation::CancelledBefore,
        OrderState::Cancelled => Cancellation::Cancelled,
        state => Cancellation::Refused(state),
    })
}

fn refused(order: &PlacedOrder, state: OrderState) -> Box<dyn std::error::Error + Send + Sync> {
    hinted(format!("{} is not cancelled, because it is {}", name(order), left(state)), show(&name(order)))
}

fn as_lines(order: &PlacedOrder, outcome: Cancellation) -> String {
    let name = name(order);
    match outcome {
        Cancellation::Requested => {
            format!("{name}: cancellation asked for\nnext: {}\n", show(&name))
        }
        Cancellation::Cancelled => {
            format!(
                "{name} is cancelled. Its stock, its money and a mail to the customer follow.\n\
                 next: {}\n",
                show(&name)
            )
        }
        Cancellation::CancelledBefore => format!("{name} was cancelled before\n"),
        Cancellation::GivenUp => format!("{name} was not paid, and is not waited for any more\n"),
        Cancellation::Refused(state) => format!("{name} is not cancelled, because it is {}\n", left(state)),
    }
}

fn as_object(order: &PlacedOrder, outcome: Cancellation) -> Value {
    let (outcome, state) = match outcome {
        Cancellation::Requested => ("requested", None),
        Cancellation::Cancelled => ("cancelled", Some(OrderState::Cancelled)),
        Cancellation::CancelledBefore => ("cancelled-before", Some(OrderState::Cancelled)),
        Cancellation::GivenUp => ("given-up", None),
        Cancellation::Refused(state) => ("refused", Some(state)),
    };
    let PlacedOrder { order_id, shop, shop_order_id, .. } = order;
    json!({
        "order_id": order_id, "shop": shop, "shop_order_id": shop_order_id, "outcome": outcome,
        "state": state.map(OrderState::name),
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_step_of_the_request_says_what_became_of_it() {
        use OrderState::{Cancelled, Despatched, Paid};
        let step = |event: &str, from, to| Step {
            at: Timestamp::UNIX_EPOCH,
            event: event.to_owned(),
            from: Some(from),
            to,
            reason: String::new(),
            detail: String::new(),
        };
        let asked = "order.cancel-requested";
        assert_eq!(decision(&step(asked, Paid, Cancelled)), Some(Cancellation::Cancelled));
        assert_eq!(decision(&step(asked, Cancelled, Cancelled)), Some(Cancellation::CancelledBefore));
        assert_eq!(decision(&step(asked, Despatched, Despatched)), Some(Cancellation::Refused(Despatched)));
        assert_eq!(decision(&step("payment.captured", Paid, Paid)), None);
    }
}
