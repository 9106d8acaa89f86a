//! `despatch orders refund`: asks for money to be given back, waits for the outcome and says it.

use std::process::ExitCode;

use despatch_contracts::order::OrderRefundRequested;
use despatch_contracts::payment::{PaymentRefunded, RefundApproved, RefundRefused};
use despatch_contracts::{Event as _, EventId, tender};
use despatch_domain::Reason;
use despatch_read_model::OrderBook;
use despatch_read_model::orders::Step;
use despatch_read_model::placed::PlacedOrder;
use serde_json::{Value, json};

use super::find;
use super::request::{self, name, not_taken, show, steps_since};
use crate::args::{RefundArgs, RefundOrderArgs};
use crate::commands::gateway::connect;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::print;
use crate::result::{Result, hinted};

/// The result of the request, with its words from the order's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refunding {
    Requested,
    /// It is made.
    Made(String),
    /// Somebody else than payments holds the money, and makes the refund.
    Elsewhere(String),
    /// It was asked for before under this id.
    Known,
    Refused(String),
}

/// Asks for the refund. A refusal ends with status 1.
pub(super) async fn refund(
    config: &Config,
    data_dir: &DataDir,
    book: &OrderBook,
    args: &RefundOrderArgs,
) -> Result<ExitCode> {
    let order = find(book, &args.order.name).await?;
    let asked = ask(config, data_dir, book, &order, &args.refund, &args.by.person()?).await?;
    asked.say(&order, args.json)
}

/// A refund that was asked for.
pub(crate) struct Asked {
    /// Our id of it.
    pub(crate) id: String,
    outcome: Refunding,
}

/// Asks for a refund, and waits for its outcome unless the arguments say otherwise.
pub(crate) async fn ask(
    config: &Config,
    data_dir: &DataDir,
    book: &OrderBook,
    order: &PlacedOrder,
    args: &RefundArgs,
    by: &str,
) -> Result<Asked> {
    let Some((contents, true)) = book.contents(&order.order_id).await? else {
        let error = format!("{} was not accepted, so nothing was captured", name(order));
        return Err(hinted(error, show(&name(order))));
    };
    let gateway = connect(config, data_dir, &args.gateway).await?;
    let steps_before = book.timeline(&order.order_id).await?.len();
    let id = if args.refund_id.is_empty() { EventId::new().to_string() } else { args.refund_id.clone() };
    let lines: Vec<Value> =
        args.lines.iter().map(|(line, units)| json!({ "line": line, "quantity": units })).collect();
    // Refunds begin with the first tender, and customers may have paid in a currency of their own.
    let paid_in = contents.tenders.first().map_or(&contents.currency, |tender| &tender.currency);
    let request = json!({
        "refund_id": id, "amount": args.amount, "currency": paid_in, "lines": lines,
        "requested_by": "operator", "by": by, "reason": args.reason,
    });
    if let Err(error) = gateway.client.refund(&order.order_id, &request).await {
        return Err(not_taken(&error));
    }
    let outcome = if args.wait.no_wait {
        Refunding::Requested
    } else {
        request::outcome(order, &args.wait, "the refund is not made", async || {
            Ok(outcome(&steps_since(book, order, steps_before).await?, &id))
        })
        .await?
    };
    Ok(Asked { id, outcome })
}

impl Asked {
    /// Says what became of it. A refusal is status 1.
    pub(crate) fn say(&self, order: &PlacedOrder, json: bool) -> Result<ExitCode> {
        if json {
            print(&format!("{:#}\n", as_object(order, &self.id, &self.outcome)))?;
        } else {
            print(&as_lines(order, &self.outcome))?;
        }
        let refused = matches!(self.outcome, Refunding::Refused(_));
        Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Reads what became of a refund from the steps since it was asked for; `None` while it is open.
fn outcome(steps: &[Step], id: &str) -> Option<Refunding> {
    let about = |step: &&Step| step.detail.strip_prefix(id).is_some_and(|rest| rest.starts_with(": "));
    let words = |step: &Step| step.detail[id.len() + 2..].to_owned();
    steps.iter().filter(about).find_map(|step| match step.event.as_str() {
        OrderRefundRequested::TYPE if step.reason == Reason::AlreadyApplied.code() => Some(Refunding::Known),
        OrderRefundRequested::TYPE if step.reason == Reason::CommandRefused.code() => {
            Some(Refunding::Refused(words(step)))
        }
        RefundRefused::TYPE => Some(Refunding::Refused(words(step))),
        RefundApproved::TYPE if is_of_others(&words(step)) => Some(Refunding::Elsewhere(words(step))),
        PaymentRefunded::TYPE => Some(Refunding::Made(words(step))),
        _ => None,
    })
}

/// Whether an approved refund is of money that payments does not hold.
fn is_of_others(words: &str) -> bool {
    // `5.00 USD of shop: why`
    let holder = words.split_once(" of ").and_then(|(_, rest)| rest.split_once(": "));
    holder.is_some_and(|(holder, _)| tender::is_of_others(holder))
}

fn as_lines(order: &PlacedOrder, outcome: &Refunding) -> String {
    let name = name(order);
    match outcome {
        Refunding::Requested => format!("{name}: refund asked for\nnext: {}\n", show(&name)),
        Refunding::Made(words) => format!("{name}: refunded {words}\nA mail to the customer follows.\n"),
        Refunding::Elsewhere(words) => format!(
            "{name}: approved {words}\nThe shop holds this money. Refund it there; if it does not report that within a day, \
             there is a case.\n"
        ),
        Refunding::Known => format!("{name}: this refund was asked for before\n"),
        Refunding::Refused(words) => format!("{name}: not refunded, {words}\n"),
    }
}

fn as_object(order: &PlacedOrder, id: &str, outcome: &Refunding) -> Value {
    let (outcome, detail) = match outcome {
        Refunding::Requested => ("requested", ""),
        Refunding::Made(words) => ("made", words.as_str()),
        Refunding::Elsewhere(words) => ("elsewhere", words.as_str()),
        Refunding::Known => ("known", ""),
        Refunding::Refused(words) => ("refused", words.as_str()),
    };
    let PlacedOrder { order_id, shop, shop_order_id, .. } = order;
    json!({
        "order_id": order_id, "shop": shop, "shop_order_id": shop_order_id, "refund_id": id, "outcome": outcome,
        "detail": detail,
    })
}

#[cfg(test)]
mod tests {
    use despatch_status::OrderState;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_steps_say_what_became_of_the_refund() {
        let step = |event: &str, reason: &str, detail: &str| Step {
            at: Timestamp::UNIX_EPOCH,
            event: event.to_owned(),
            from: Some(OrderState::Paid),
            to: OrderState::Paid,
            reason: reason.to_owned(),
            detail: detail.to_owned(),
        };
        let asked =
            step("order.refund-requested", "step-done", "r-1: 5.00 USD asked for by operator ann: broken");
        let approved = step("payment.refund-approved", "step-done", "r-1: 5.00 USD of stripe: broken");
        let of_another = step("payment.refunded", "step-done", "r-10: 5.00 USD, re_1: broken");
        assert_eq!(outcome(&[asked.clone(), approved.clone(), of_another], "r-1"), None);
        let made = step("payment.refunded", "step-done", "r-1: 5.00 USD, re_1: broken");
        let steps = [asked.clone(), approved, made];
        assert_eq!(outcome(&steps, "r-1"), Some(Refunding::Made("5.00 USD, re_1: broken".to_owned())));
        let shop = step("payment.refund-approved", "step-done", "r-1: 5.00 USD of shop: broken");
        assert!(matches!(outcome(&[asked, shop], "r-1"), Some(Refunding::Elsewhere(_))));
        let refused =
            step("payment.refund-refused", "command-refused", "r-1: refund-above-captured: too much");
        assert!(matches!(outcome(&[refused], "r-1"), Some(Refunding::Refused(_))));
        let again = step(
            "order.refund-requested",
            "already-applied",
            "r-1: 5.00 USD asked for by operator ann: broken",
        );
        assert_eq!(outcome(&[again], "r-1"), Some(Refunding::Known));
    }
}
