//! `orders.refund`: decides on requests to refund an amount or some units, and says how much they are.

use std::collections::BTreeMap;

use despatch_contracts::Event as _;
use despatch_contracts::order::{Order, OrderRefundRequested, RefundLine};
use despatch_contracts::payment::RefundRequested;
use despatch_contracts::tender;
use despatch_domain::{Reason, amount};
use despatch_runtime::{Handler, Tx};

use crate::command::{self, CommandError};
use crate::lifecycle::{Lifecycle, Step};
use crate::share;
use crate::store::{self, Note};

/// Passes refunds on to payments, which counts them against what was captured. A refusal is not an error: it is recorded in
/// the order's timeline.
#[derive(Debug)]
pub(crate) struct Refund;

impl Handler for Refund {
    const NAME: &'static str = "orders.refund";
    type In = OrderRefundRequested;
    type Out = Option<RefundRequested>;
    type Error = CommandError;

    async fn record(&self, event: &OrderRefundRequested, tx: &Tx<'_>) -> Result<Self::Out, CommandError> {
        let order = store::document(tx, &event.order_id).await?.ok_or(CommandError::NotYet)?.order;
        let lifecycle = store::lifecycle(tx, &event.order_id).await?.ok_or(CommandError::NotYet)?.1;
        let by = command::by(&event.requested_by, &event.by);
        let decided = minor(event, &order, &lifecycle);
        let detail = match &decided {
            Ok(minor) => {
                format!(
                    "{}: {} asked for by {by}: {}",
                    event.refund_id,
                    amount(*minor, paid_in(&order)),
                    event.reason
                )
            }
            Err(refusal) => format!("{}: asked for by {by}: {refusal}", event.refund_id),
        };
        let note = Note { event_type: OrderRefundRequested::TYPE, detail: &detail };
        let step = store::advance::<CommandError>(tx, &event.order_id, &note, |order| {
            let reason = match decided {
                _ if order.knows_refund(&event.refund_id) => Reason::AlreadyApplied,
                Ok(_) => Reason::StepDone,
                Err(_) => Reason::CommandRefused,
            };
            if reason == Reason::StepDone {
                order.ask_refund(&event.refund_id, units(&event.lines));
            }
            Ok(Step::none(order.state(), reason))
        });
        let step = step.await?.ok_or(CommandError::NotYet)?;
        Ok(decided.ok().filter(|_| step.reason == Reason::StepDone).map(|amount_minor| RefundRequested {
            order_id: event.order_id.clone(),
            reason: event.reason.clone(),
            refund_id: event.refund_id.clone(),
            amount_minor,
            currency: paid_in(&order).to_owned(),
            lines: event.lines.clone(),
            requested_by: event.requested_by.clone(),
            by: event.by.clone(),
        }))
    }
}

/// Returns the amount to refund, in minor units of the currency in which the customer paid; else why there is none, for people.
fn minor(event: &OrderRefundRequested, order: &Order, lifecycle: &Lifecycle) -> Result<i64, String> {
    if tender::is_reserved(&event.refund_id) {
        return Err(format!(
            "expected another id than {:?}, which stands for a refund of despatch itself",
            event.refund_id
        ));
    }
    if !lifecycle.is_captured() {
        return Err("nothing is captured".to_owned());
    }
    let currency = paid_in(order);
    if !event.currency.is_empty() && event.currency != currency {
        return Err(format!(
            "expected an amount in {currency}, in which the customer paid, found {}",
            event.currency
        ));
    }
    if event.amount_minor == 0 && currency != order.currency {
        return Err(format!("the customer paid in {currency}: ask for an amount in it, not for lines"));
    }
    let mut of_lines = 0_i64;
    for (line, units) in units(&event.lines) {
        let found = order.lines.iter().find(|it| it.number == line);
        let found = found.ok_or_else(|| format!("the order has no line {line}"))?;
        let before = lifecycle.refunded_units(line);
        let paid = Some(units)
            .filter(|units| *units > 0)
            .and_then(|units| share::paid(order, found, before, before.checked_add(units)?));
        let paid = paid.ok_or_else(|| {
            format!(
                "line {line}: {units} units were asked for, and {} are not refunded yet",
                found.quantity - found.removed - before
            )
        })?;
        of_lines = of_lines.checked_add(paid).ok_or_else(|| "the amounts are too large".to_owned())?;
    }
    match event.amount_minor {
        0 if of_lines > 0 => Ok(of_lines),
        minor if minor > 0 => Ok(minor),
        _ => Err("expected an amount or lines that cost something".to_owned()),
    }
}

/// Returns the currency in which the customer paid.
fn paid_in(order: &Order) -> &str {
    order.tenders.first().map_or(&order.currency, |tender| &tender.currency)
}

/// Adds the units of each line.
fn units(lines: &[RefundLine]) -> BTreeMap<u32, i64> {
    lines.iter().fold(BTreeMap::new(), |mut units, line| {
        let of_line: &mut i64 = units.entry(line.line).or_default();
        *of_line = of_line.saturating_add(line.quantity);
        units
    })
}
