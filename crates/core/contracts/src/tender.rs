//! Tenders: the holders of money that payments does not capture itself, and the refund of everything that is left.

use crate::order::{Tender, TenderState};
use crate::payment::RefundRequested;

/// The shop took the payment, or its payment provider did for it.
pub const SHOP: &str = "shop";

/// The shop's gift cards and store credit.
pub const GIFT_CARD: &str = "gift-card";

/// The carrier collects the money when the parcel comes.
pub const CASH_ON_DELIVERY: &str = "cash-on-delivery";

/// A bank transfer, a cheque: a person confirms it.
pub const MANUAL: &str = "manual";

/// The id of the refund of everything that is left of a cancelled order. Nobody else may use it.
pub const CANCELLATION: &str = "cancellation";

/// Returns the id of the refund of what an order does not cost any more after this change. Nobody else may use ids of this form.
pub fn change(number: u32) -> String {
    format!("{CHANGE}{number}")
}

const CHANGE: &str = "change-";

/// Returns whether only despatch itself may use this id of a refund.
pub fn is_reserved(refund_id: &str) -> bool {
    refund_id == CANCELLATION || refund_id.starts_with(CHANGE)
}

/// Returns whether somebody else than payments has the money of a tender of this provider.
pub fn is_of_others(provider: &str) -> bool {
    [SHOP, GIFT_CARD, CASH_ON_DELIVERY, MANUAL].contains(&provider)
}

/// Returns whether the tender pays or may yet pay: it neither failed nor was voided.
pub fn lives(tender: &Tender) -> bool {
    !matches!(tender.state(), TenderState::Failed | TenderState::Void)
}

/// Returns the request to refund everything that is left of a cancelled order.
pub fn rest(order_id: String, reason: String) -> RefundRequested {
    RefundRequested { order_id, reason, refund_id: CANCELLATION.to_owned(), ..RefundRequested::default() }
}
