//! What the gateway shows of the workers' records: where an order is, its labels, whose parcel a scan is about.

use std::fmt;

use despatch_runtime::DbError;
use futures_util::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

/// Reads the workers' records. Each worker keeps its own, perhaps in a database of its own, so what the gateway needs
/// of them stands here in one place.
pub trait Records: Send + Sync + 'static {
    /// What is known of an order; `None` before orders has heard of it.
    fn order(&self, order_id: Uuid) -> BoxFuture<'_, Result<Option<OrderRecord>, DbError>>;

    /// A label as a file; `None` when there is no such label, or none in this format.
    fn label<'a>(
        &'a self,
        label_id: &'a str,
        format: Format,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, DbError>>;

    /// The parcel with this tracking number; `None` when it is not one of ours, or not yet.
    fn parcel<'a>(
        &'a self,
        carrier: &'a str,
        tracking_number: &'a str,
    ) -> BoxFuture<'a, Result<Option<Parcel>, DbError>>;
}

/// How a label is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people and office printers.
    Pdf,
    /// For label printers.
    Zpl,
}

impl Format {
    /// The media type under which it is served.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Pdf => "application/pdf",
            Format::Zpl => "application/zpl",
        }
    }
}

/// One parcel of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Whose it is.
    pub order_id: String,
    /// 1-based within the order.
    pub number: u32,
    /// How many the order has.
    pub of: u32,
}

/// What the workers know of an order. Times are RFC 3339 in UTC, amounts are in minor units.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OrderRecord {
    /// Where in its life the order is, e.g. `paid`.
    pub state: String,
    /// Every step, oldest first.
    pub timeline: Vec<Step>,
    /// What moved between the customer and the shop.
    pub payments: Vec<Payment>,
    /// What is or was to be sent.
    pub parcels: Vec<LabelledParcel>,
    /// What the customer was told.
    pub messages: Vec<Message>,
}

/// One entry of an order's audit trail.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    /// When it was recorded.
    pub at: String,
    /// The event that caused it.
    pub event: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Why, as a reason code.
    pub reason: String,
    /// What there is to add.
    pub detail: String,
}

/// One movement of money.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Payment {
    /// When it was recorded.
    pub at: String,
    /// `captured`, `refunded` or `voided`.
    pub kind: String,
    /// The provider's own reference.
    pub reference: String,
    /// In minor units of the currency.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
}

/// A parcel and its label.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LabelledParcel {
    /// 1-based within the order.
    pub parcel: u32,
    /// Who carries it.
    pub carrier: String,
    /// The carrier's service.
    pub service: String,
    /// The carrier's number.
    pub tracking_number: String,
    /// Under which `/labels` serves the label.
    pub label_id: String,
}

/// A message that left.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Message {
    /// When it was recorded.
    pub at: String,
    /// What it was about, e.g. `despatched`.
    pub milestone: String,
    /// `email`.
    pub channel: String,
    /// The same on every try.
    pub message_id: String,
}

impl fmt::Debug for dyn Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Records")
    }
}
