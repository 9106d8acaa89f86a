//! `despatch orders collected`: notes that the customer collected an order, waits for the outcome and says it.

use std::process::ExitCode;

use despatch_contracts::Event as _;
use despatch_contracts::order::CollectionReported;
use despatch_domain::Reason;
use despatch_read_model::OrderBook;
use despatch_read_model::orders::Step;
use despatch_read_model::placed::PlacedOrder;
use serde_json::{Value, json};

use super::find;
use super::request::{UNDECIDED, name, not_taken, outcome, show, steps_since};
use crate::args::CollectedOrderArgs;
use crate::commands::gateway::connect;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::print;
use crate::result::{Result, hinted};

/// The outcome of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Collection {
    Requested,
    Noted,
    NotedBefore,
    /// Nothing of the order is ready to be collected.
    Refused,
}

/// Notes the collection. A refusal ends with status 1.
pub(super) async fn collected(
    config: &Config,
    data_dir: &DataDir,
    book: &OrderBook,
    args: &CollectedOrderArgs,
) -> Result<ExitCode> {
    let order = find(book, &args.order.name).await?;
    let gateway = connect(config, data_dir, &args.gateway).await?;
    let steps_before = book.timeline(&order.order_id).await?.len();
    let request = json!({ "by": args.by.person()? });
    if let Err(error) = gateway.client.collected(&order.order_id, &request).await {
        return Err(not_taken(&error));
    }
    let outcome = if args.wait.no_wait {
        Collection::Requested
    } else {
        outcome(&order, &args.wait, UNDECIDED, async || {
            Ok(steps_since(book, &order, steps_before).await?.iter().find_map(decision))
        })
        .await?
    };
    if args.json {
        print(&format!("{:#}\n", as_object(&order, outcome)))?;
    } else if outcome == Collection::Refused {
        let refused = format!("nothing of {} is ready to be collected", name(&order));
        return Err(hinted(refused, show(&name(&order))));
    } else {
        print(&as_lines(&order, outcome))?;
    }
    Ok(if outcome == Collection::Refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads the decision about the request; `None` when the step is about something else.
fn decision(step: &Step) -> Option<Collection> {
    if step.event != CollectionReported::TYPE {
        return None;
    }
    Some(match Reason::parse(&step.reason) {
        Some(Reason::CommandRefused) => Collection::Refused,
        Some(Reason::AlreadyApplied) => Collection::NotedBefore,
        _ => Collection::Noted,
    })
}

fn as_lines(order: &PlacedOrder, outcome: Collection) -> String {
    let name = name(order);
    match outcome {
        Collection::Requested => format!("{name}: collection noted\nnext: {}\n", show(&name)),
        Collection::Noted => {
            format!("{name} is collected. A mail to the customer follows.\nnext: {}\n", show(&name))
        }
        Collection::NotedBefore => format!("{name} was collected before\n"),
        Collection::Refused => format!("nothing of {name} is ready to be collected\n"),
    }
}

fn as_object(order: &PlacedOrder, outcome: Collection) -> Value {
    let outcome = match outcome {
        Collection::Requested => "requested",
        Collection::Noted => "collected",
        Collection::NotedBefore => "collected-before",
        Collection::Refused => "refused",
    };
    let PlacedOrder { order_id, shop, shop_order_id, .. } = order;
    json!({ "order_id": order_id, "shop": shop, "shop_order_id": shop_order_id, "outcome": outcome })
}

#[cfg(test)]
mod tests {
    use despatch_status::OrderState;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_step_of_the_request_says_what_became_of_it() {
        let step = |event: &str, reason: &str| Step {
            at: Timestamp::UNIX_EPOCH,
            event: event.to_owned(),
            from: Some(OrderState::Ready),
            to: OrderState::Ready,
            reason: reason.to_owned(),
            detail: String::new(),
        };
        let noted = "order.collection-reported";
        assert_eq!(decision(&step(noted, "step-done")), Some(Collection::Noted));
        assert_eq!(decision(&step(noted, "all-done")), Some(Collection::Noted));
        assert_eq!(decision(&step(noted, "already-applied")), Some(Collection::NotedBefore));
        assert_eq!(decision(&step(noted, "command-refused")), Some(Collection::Refused));
        assert_eq!(decision(&step("shipment.collected", "already-applied")), None);
    }
}
