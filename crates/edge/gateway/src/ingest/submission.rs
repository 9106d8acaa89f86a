//! Submissions: the contents of requests, as they are committed.

use bytes::Bytes;
use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::{Emitted, Subject};
use despatch_domain::Reason;
use uuid::Uuid;

use super::kept::KeptWebhook;
use super::new_order::NewOrder;
use super::payment::Payment;
use crate::sources::shippo::Scanned;
use crate::sources::stock_json::StockCommand;
use crate::sources::webhook::Cancellation;

/// A shop's cancellation of an order.
#[derive(Debug, Clone)]
pub(crate) struct ShopCancellation {
    pub(crate) shop: String,
    pub(crate) cancellation: Cancellation,
}

impl ShopCancellation {
    /// Returns the command for the order of this id.
    pub(crate) fn event(&self, order_id: Uuid) -> Emitted {
        Emitted::from(&cancel_request(&self.shop, order_id))
    }
}

/// Returns a shop's command to cancel the order of this id.
pub(crate) fn cancel_request(shop: &str, order_id: Uuid) -> OrderCancelRequested {
    OrderCancelRequested {
        order_id: order_id.to_string(),
        reason: Reason::ShopCancelled.code().to_owned(),
        requested_by: shop.to_owned(),
        by: String::new(),
    }
}

/// A shop's word that it gave money back.
#[derive(Debug, Clone)]
pub(crate) struct ShopRefund {
    pub(crate) shop: String,
    pub(crate) shop_order_id: String,
    pub(crate) order_id: Uuid,
    /// The shop's id of the refund.
    pub(crate) reference: String,
    pub(crate) event: Emitted,
}

/// The content of a request.
#[derive(Debug, Clone)]
pub(crate) enum Submission {
    /// An order. One with a known natural key is not accepted again; with other contents it becomes a case.
    Order(NewOrder),
    /// An order that a shop's webhook announces. One with a known natural key is not accepted again.
    ShopOrder(NewOrder),
    /// A later word of a shop about an order that it placed, under the order's own id.
    Update(NewOrder),
    /// How a shop's order is paid by now. The same payment counts once.
    Payment(Payment),
    /// Money that a shop gave back. The same refund counts once.
    Refund(ShopRefund),
    /// A shop's cancellation. One that comes before its order keeps the order from being placed.
    Cancel(ShopCancellation),
    /// A webhook for a person. The same one counts once.
    Kept(KeptWebhook),
    /// A scan of a known parcel, and its event. The same movement counts once.
    Scan(Scanned, Emitted),
    /// A scan of an unknown parcel, unchanged.
    UnknownParcel(Scanned, Bytes),
    /// A command about stock. One with a known request id asks for nothing more.
    Stock(StockCommand),
    /// An event that may come any number of times: its consumers recognise repetitions themselves.
    Event(Emitted),
    /// Nothing: asks whether a commit is possible now.
    Probe,
}

impl Submission {
    /// Returns the known order that the submission is about; `None` for a new order.
    pub(crate) fn about(&self) -> Option<Uuid> {
        match self {
            Submission::Scan(_, event) | Submission::Event(event) => {
                Uuid::try_parse(Subject::parse(&event.subject).id()).ok()
            }
            Submission::Update(order) => Some(order.order_id),
            Submission::Payment(payment) => Some(payment.order_id),
            Submission::Refund(refund) => Some(refund.order_id),
            Submission::Order(_)
            | Submission::ShopOrder(_)
            | Submission::Cancel(_)
            | Submission::Kept(_)
            | Submission::UnknownParcel(..)
            | Submission::Stock(_)
            | Submission::Probe => None,
        }
    }
}
