//! What the edge shows of the workers' records: where an order is, its labels, whose parcel a scan is about.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use despatch_labels::store::{self as labels, TrackedParcel};
use despatch_notifications::store as notifications;
use despatch_orders::Stage;
use despatch_orders::store as orders;
use despatch_payments::store as payments;
use despatch_reviews::store as reviews;
use despatch_runtime::{Database, DbError, QueryBatcher, Settings};
use jiff::Timestamp;
use serde::Serialize;

/// Connections for each database that is read. Reads are single rows by key, so few go a long way.
const CONNECTIONS: usize = 4;

/// Reads the workers' records. Each worker keeps its own, perhaps in a database of its own.
#[derive(Clone)]
pub struct Records {
    orders: Database,
    payments: Database,
    labels: Database,
    scanned: Arc<QueryBatcher>,
    notifications: Database,
    reviews: Database,
}

/// How a label is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people and office printers.
    Pdf,
    /// For label printers.
    Zpl,
}

/// What the workers know of an order. Times are RFC 3339 in UTC, amounts are in minor units.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OrderRecord {
    /// Where in its life the order is, e.g. `paid`.
    pub state: String,
    /// ISO 4217.
    pub currency: String,
    /// What it costs.
    pub total_minor: i64,
    /// Every step, oldest first.
    pub timeline: Vec<Step>,
    /// What moved between the customer and the shop, if anything did or is not to any more.
    pub payment: Option<Payment>,
    /// What is or was to be sent.
    pub parcels: Vec<Parcel>,
    /// What the customer was told, oldest first.
    pub messages: Vec<Message>,
    /// What the customer said of it, or why nobody asks.
    pub review: Option<Review>,
}

/// One entry of an order's audit trail.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    /// When it was recorded.
    pub at: String,
    /// The event or command that caused it.
    pub event: String,
    /// The state before; `null` in the first step.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// Why, as a reason code.
    pub reason: String,
    /// What there is to add.
    pub detail: String,
}

/// An order's payment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Payment {
    /// Who holds the money, e.g. `stripe`.
    pub provider: String,
    /// The provider's reference of what checkout authorised.
    pub authorisation: String,
    /// The provider's reference of the capture; empty while there is none.
    pub capture: String,
    /// ISO 4217; empty while nothing is captured.
    pub currency: String,
    /// What was taken.
    pub captured_minor: i64,
    /// What was given back of it.
    pub refunded_minor: i64,
    /// When the capture was recorded.
    pub captured_at: Option<String>,
    /// When the last refund was recorded.
    pub refunded_at: Option<String>,
    /// Since when nothing more is to be captured.
    pub cancelled_at: Option<String>,
}

/// A parcel and its label.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Parcel {
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
    /// Why this service, as a reason code.
    pub reason: String,
    /// How far it got, e.g. `delivered`; `null` while that is not known.
    pub stage: Option<Stage>,
}

/// A message that left.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Message {
    /// What it was about, e.g. `despatched`.
    pub milestone: String,
    /// The parcel or, for reviews, the ask; 0 where there is only one.
    pub part: u32,
    /// The same on every try.
    pub message_id: String,
}

/// An order's review.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Review {
    /// Where the asking stands, e.g. `answered`.
    pub state: String,
    /// How often the customer was asked.
    pub asks: i64,
    /// 1 to 5 stars.
    pub rating: Option<i64>,
    /// The customer's words.
    pub comment: Option<String>,
}

impl Records {
    /// Prepares to read where these settings say that the workers write.
    pub fn new(settings: &Settings) -> Result<Self, DbError> {
        let mut databases = HashMap::new();
        let mut of = |worker: &str| -> Result<Database, DbError> {
            let url = settings.worker_database_urls.get(worker).unwrap_or(&settings.database_url);
            if let Some(database) = databases.get(url) {
                return Ok(Database::clone(database));
            }
            let database = Database::with_index_plans(url, CONNECTIONS)?;
            databases.insert(url.clone(), database.clone());
            Ok(database)
        };
        let labels = of(despatch_labels::NAME)?;
        Ok(Records {
            orders: of(despatch_orders::NAME)?,
            payments: of(despatch_payments::NAME)?,
            scanned: Arc::new(QueryBatcher::start(labels.clone())),
            labels,
            notifications: of(despatch_notifications::NAME)?,
            reviews: of(despatch_reviews::NAME)?,
        })
    }

    /// What is known of an order; `None` when orders never accepted it.
    pub async fn order(&self, order_id: &str) -> Result<Option<OrderRecord>, DbError> {
        let client = self.orders.client().await?;
        let Some(status) = orders::order(&**client, order_id).await? else { return Ok(None) };
        let timeline = orders::timeline(&**client, order_id).await?;
        drop(client);
        let payment = payments::payment_of(&**self.payments.client().await?, order_id).await?;
        let labels = labels::labels_of(&**self.labels.client().await?, order_id).await?;
        let messages = notifications::messages_of(&**self.notifications.client().await?, order_id).await?;
        let review = reviews::review_of(&**self.reviews.client().await?, order_id).await?;
        Ok(Some(OrderRecord {
            state: status.state.name().to_owned(),
            currency: status.order.currency,
            total_minor: status.order.total_minor,
            timeline: timeline.into_iter().map(Step::from).collect(),
            payment: payment.map(Payment::from),
            parcels: labels.into_iter().map(|label| Parcel::new(label, &status.parcels)).collect(),
            messages: messages.into_iter().map(Message::from).collect(),
            review: review.map(Review::from),
        }))
    }

    /// A label as a file; `None` when there is no such label, or none in this format.
    pub(crate) async fn label(&self, label_id: &str, format: Format) -> Result<Option<Vec<u8>>, DbError> {
        let client = self.labels.client().await?;
        Ok(match format {
            Format::Pdf => labels::document(&**client, label_id).await?,
            Format::Zpl => labels::zpl(&**client, label_id).await?.map(String::into_bytes),
        })
    }

    /// The parcel with this tracking number; `None` when it is not one of ours, or not yet.
    pub(crate) async fn parcel(
        &self,
        carrier: &str,
        tracking_number: &str,
    ) -> Result<Option<TrackedParcel>, DbError> {
        labels::parcel_by_tracking(&self.scanned, carrier, tracking_number).await
    }
}

impl From<orders::TimelineEntry> for Step {
    fn from(entry: orders::TimelineEntry) -> Self {
        Step {
            at: entry.at.to_string(),
            event: entry.event_type,
            from: entry.from.map(|state| state.name().to_owned()),
            to: entry.to.name().to_owned(),
            reason: entry.reason,
            detail: entry.detail,
        }
    }
}

impl From<payments::Payment> for Payment {
    fn from(payment: payments::Payment) -> Self {
        Payment {
            provider: payment.provider,
            authorisation: payment.authorisation,
            capture: payment.capture,
            currency: payment.currency,
            captured_minor: payment.captured_minor,
            refunded_minor: payment.refunded_minor,
            captured_at: payment.captured_at.and_then(written),
            refunded_at: payment.refunded_at.and_then(written),
            cancelled_at: payment.cancelled_at.and_then(written),
        }
    }
}

impl Parcel {
    fn new(label: labels::LabelSummary, stages: &[Option<Stage>]) -> Self {
        let index = usize::try_from(label.parcel).ok().and_then(|number| number.checked_sub(1));
        let stage = index.and_then(|index| *stages.get(index)?);
        Parcel {
            parcel: label.parcel,
            carrier: label.carrier,
            service: label.service,
            tracking_number: label.tracking_number,
            label_id: label.label_id,
            reason: label.reason,
            stage,
        }
    }
}

impl From<notifications::SentMessage> for Message {
    fn from(message: notifications::SentMessage) -> Self {
        Message { milestone: message.milestone, part: message.part, message_id: message.message_id }
    }
}

impl From<reviews::Review> for Review {
    fn from(review: reviews::Review) -> Self {
        let (rating, comment) = review.answer.map(|answer| (answer.rating, answer.comment)).unzip();
        Review { state: review.state.name().to_owned(), asks: review.asks, rating, comment }
    }
}

/// RFC 3339 in UTC; `None` beyond the year 9999, which no clock of ours shows.
fn written(at: SystemTime) -> Option<String> {
    Timestamp::try_from(at).ok().map(|at| at.to_string())
}

impl Format {
    /// The media type under which it is served.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::Pdf => "application/pdf",
            Format::Zpl => "application/zpl",
        }
    }
}
