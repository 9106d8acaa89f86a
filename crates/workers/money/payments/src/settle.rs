//! Settlements: an order that is paid and costs less by now gives the rest back, and money that others give back meanwhile is
//! not given back again.

use despatch_contracts::order::{Order, Tender};
use despatch_contracts::payment::{RefundApproved, RefundRefused};
use despatch_contracts::tender;
use despatch_domain::{Currency, Money, Reason, amount};
use despatch_runtime::Tx;

use crate::approval::Approval;
use crate::error::PaymentError;
use crate::provider::Captured;
use crate::store::{self, CapturedTender, NewTender, Payment, total_in};
use crate::tenders;

/// Approves the refund of what the order does not cost any more after this change. Does nothing before it is captured: a
/// capture settles in its own record.
///
/// `extended` is an order with more than before, for which others took money. That is counted first.
pub(crate) async fn settle(
    tx: &Tx<'_>,
    order_id: &str,
    change: u32,
    extended: Option<&Order>,
) -> Result<Vec<RefundApproved>, PaymentError> {
    store::lock(tx, order_id).await?;
    let mut payment = store::known_in(tx, order_id).await?;
    if payment.is_cancelled || payment.tenders.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(order) = extended
        && raise(tx, &payment, order).await?
    {
        payment = store::known_in(tx, order_id).await?;
    }
    if let Some(newest) = &payment.changed
        && raise_in_place(tx, &payment, &newest.order).await?
    {
        payment = store::known_in(tx, order_id).await?;
    }
    let may_keep = payment.may_keep().ok_or_else(|| unsettled(&payment))?;
    let minor = payment.kept() - may_keep;
    let refund_id = tender::change(change);
    let is_settled = store::refunds_in(tx, order_id).await?.iter().any(|it| it.id == refund_id);
    if minor <= 0 || is_settled {
        return Ok(Vec::new());
    }
    let parts = parts(&payment, minor);
    let reason = Reason::OrderChanged.code();
    Approval { order_id, refund_id: &refund_id, reason, is_settlement: true }.record(parts, tx).await
}

/// Spreads what goes back over the tenders, as far as money is left: first over those that the order lowered, because their
/// holders may give it back by themselves.
fn parts(payment: &Payment, minor: i64) -> Vec<(&CapturedTender, i64)> {
    let order = payment.changed.as_ref().map(|changed| &changed.order);
    let mut open = minor;
    let mut parts = Vec::with_capacity(payment.tenders.len());
    for held in &payment.tenders {
        let known = order.zip(usize::try_from(held.number - 1).ok()).and_then(|(it, at)| it.tenders.get(at));
        let pays = known.filter(|it| tender::lives(it) && it.provider == held.provider);
        let part = (held.left() - pays.map_or(0, |it| it.amount_minor)).clamp(0, open);
        open -= part;
        parts.push((held, part));
    }
    for (held, part) in &mut parts {
        let more = (held.left() - *part).min(open);
        *part += more;
        open -= more;
    }
    parts.retain(|(_, part)| *part > 0);
    parts
}

/// Returns the error of an order that has no total in the currency in which it was paid.
fn unsettled(payment: &Payment) -> PaymentError {
    let found = payment.tenders.first().map(|it| amount(payment.kept(), &it.currency));
    PaymentError::RefundInvalid {
        expected: "a total in the currency in which the customer paid",
        found: format!("{} that are kept and no total in that currency", found.unwrap_or_default()),
    }
}

/// Counts money that others took for what was added to the order, so that it is covered. Returns whether there is any.
async fn raise(tx: &Tx<'_>, payment: &Payment, order: &Order) -> Result<bool, PaymentError> {
    let Some(first) = payment.tenders.first() else { return Ok(false) };
    let Some(total) = total_in(order, &first.currency) else { return Ok(false) };
    let more =
        paid_to_others(order, &first.currency) - of_others(payment).map(CapturedTender::left).sum::<i64>();
    raise_by(tx, payment, order, more.min(total - payment.kept())).await
}

/// Counts money that others took in place of ours: the shop says that they have more than they ever took as far as is known, and
/// that less of ours is due. The surplus then goes back. Returns whether there is any.
async fn raise_in_place(tx: &Tx<'_>, payment: &Payment, order: &Order) -> Result<bool, PaymentError> {
    let Some((number, ours)) = tenders::ours(&order.tenders) else { return Ok(false) };
    let is_it = |it: &&CapturedTender| it.number.unsigned_abs() == number && it.provider == ours.provider;
    let Some(held) = payment.tenders.iter().find(is_it) else { return Ok(false) };
    let taken: i64 = of_others(payment).map(|it| it.captured_minor).sum();
    let more = paid_to_others(order, &held.currency) - taken;
    raise_by(tx, payment, order, more.min(held.left() - ours.amount_minor)).await
}

fn of_others(payment: &Payment) -> impl Iterator<Item = &CapturedTender> {
    payment.tenders.iter().filter(|it| tender::is_of_others(&it.provider))
}

fn is_paid(it: &Tender, currency: &str) -> bool {
    tenders::is_paid_to_others(it) && it.currency == currency
}

fn paid_to_others(order: &Order, currency: &str) -> i64 {
    order.tenders.iter().filter(|it| is_paid(it, currency)).map(|it| it.amount_minor).sum()
}

/// Counts so much more as taken by the others that the order names; returns false if it is nothing.
async fn raise_by(tx: &Tx<'_>, payment: &Payment, order: &Order, minor: i64) -> Result<bool, PaymentError> {
    let Some(first) = payment.tenders.first() else { return Ok(false) };
    let held: Vec<_> = of_others(payment).collect();
    let paid = order.tenders.iter().find(|it| is_paid(it, &first.currency));
    let Some(holder) = paid.filter(|_| minor > 0) else { return Ok(false) };
    let same = held.iter().find(|it| it.provider == holder.provider);
    if let Some(held) = same.or_else(|| held.first()) {
        store::raise(tx, &order.order_id, held.number, minor).await?;
    } else {
        let number = payment.tenders.iter().map(|it| it.number).max().unwrap_or(0) + 1;
        let captured = Captured {
            reference: String::new(),
            amount: Money::new(minor, Currency::parse(&first.currency)?),
        };
        let new = NewTender {
            order_id: &order.order_id,
            number,
            provider: &holder.provider,
            authorisation: &holder.reference,
            capture: &captured.reference,
            captured: captured.amount,
        };
        store::record_tender(tx, &new).await?;
    }
    Ok(true)
}

/// Locks the order's money and returns how much of it is kept; see [`lower`].
pub(crate) async fn kept(tx: &Tx<'_>, order_id: &str) -> Result<i64, PaymentError> {
    store::lock(tx, order_id).await?;
    Ok(store::known_in(tx, order_id).await?.kept())
}

/// Lowers the order's open settlements by what others gave back, of this tender, since so much was [kept]. Returns the
/// refusals of those of which nothing is left.
pub(crate) async fn lower(
    tx: &Tx<'_>,
    order_id: &str,
    tender: i32,
    kept: i64,
) -> Result<Vec<RefundRefused>, PaymentError> {
    let payment = store::known_in(tx, order_id).await?;
    let Some(may_keep) = payment.may_keep() else { return Ok(Vec::new()) };
    let mut given = (kept - payment.kept()).min(may_keep - payment.kept());
    let mut open = store::refunds_in(tx, order_id).await?;
    open.retain(|it| it.is_approved && it.is_settlement);
    // The newest first. No tender can give back more than it has.
    open.reverse();
    open.sort_by_key(|it| it.tender != tender);
    let mut refused = Vec::new();
    for refund in open {
        let minor = refund.amount_minor.min(given);
        if minor <= 0 {
            break;
        }
        given -= minor;
        store::lower(tx, order_id, (&refund.id, refund.tender), minor).await?;
        if minor == refund.amount_minor {
            refused.push(RefundRefused {
                order_id: order_id.to_owned(),
                refund_id: refund.id,
                reason: Reason::RefundedElsewhere.code().to_owned(),
                detail: "others gave it back meanwhile".to_owned(),
            });
        }
    }
    Ok(refused)
}
