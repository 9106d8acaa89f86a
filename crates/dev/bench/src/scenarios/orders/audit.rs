//! Checks that every order was completed exactly once. It is the demo's audit, with the stream in place of the
//! providers' records, because these providers are in the workers' own processes and keep nothing.

use std::collections::BTreeMap;

use despatch_contracts::Event;
use despatch_contracts::label::LabelCreated;
use despatch_contracts::notification::NotificationSent;
use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::review::ReviewReceived;
use despatch_order_files::FileOrder;
use despatch_sandbox::{MailCount, OrderCounts};
use despatch_scenario::PlacedOrder;
use prost::Message as _;

use super::deployment::Deployment;
use crate::measure::messages::StoredMessage;
use crate::result::Result;

/// Most discrepancies that are printed.
const SHOWN: usize = 10;

/// Fails unless every placed order is completed, paid, labelled, notified of and reviewed once.
pub(crate) async fn audit(
    deployment: &Deployment,
    orders: &[FileOrder],
    messages: &[StoredMessage],
) -> Result {
    let published = Published::read(messages)?;
    let auditor = deployment.auditor();
    let by_number: BTreeMap<String, &FileOrder> =
        orders.iter().map(|order| (natural_key(&order.shop, &order.shop_order_id), order)).collect();
    let placed: Vec<PlacedOrder<'_>> = published
        .order_ids
        .iter()
        .filter_map(|(number, order_id)| {
            Some(PlacedOrder { order_id, order: by_number.get(number)?, history: None })
        })
        .collect();
    let mut wrong: Vec<String> = Vec::new();
    for (what, found) in [
        ("known to the workers", placed.len()),
        ("completed", auditor.progress().await?.completed()),
        ("reviewed", published.reviews.len()),
    ] {
        if found != orders.len() {
            wrong.push(format!("{} orders were placed, {found} are {what}", orders.len()));
        }
    }
    let reviewed_twice = published.reviews.values().filter(|count| **count > 1).count();
    if reviewed_twice > 0 {
        wrong.push(format!("{reviewed_twice} orders were reviewed more than once"));
    }
    let found = auditor.audit(&published.seen, &placed).await?;
    wrong.extend(found.iter().map(ToString::to_string));
    if wrong.is_empty() {
        return Ok(());
    }
    let more = wrong.len().saturating_sub(SHOWN);
    wrong.truncate(SHOWN);
    Err(format!("the audit failed: {}; and {more} more", wrong.join("; ")).into())
}

/// The workers' publications about orders, in the auditor's terms.
#[derive(Default)]
struct Published {
    /// The ids of paid orders, by their natural key.
    order_ids: BTreeMap<String, String>,
    /// Captures by an order's natural key; labels and mails by its id.
    seen: BTreeMap<String, OrderCounts>,
    /// Reviews by the order's id.
    reviews: BTreeMap<String, usize>,
}

impl Published {
    fn read(messages: &[StoredMessage]) -> Result<Self> {
        let mut published = Published::default();
        for StoredMessage { envelope, .. } in messages {
            let payload = envelope.payload.clone();
            match envelope.event_type() {
                PaymentCaptured::TYPE => published.captured(&PaymentCaptured::decode(payload)?)?,
                LabelCreated::TYPE => {
                    let label = LabelCreated::decode(payload)?;
                    let counts = published.seen.entry(label.order_id).or_default();
                    counts.labels.entry(label.parcel.to_string()).or_default().bought += 1;
                }
                NotificationSent::TYPE => {
                    let sent = NotificationSent::decode(payload)?;
                    let mails = &mut published.seen.entry(sent.order_id).or_default().mails;
                    mails.push(MailCount {
                        message_id: sent.message_id,
                        seq: 0,
                        copies: 1,
                        resent: 0,
                        doubled: 0,
                    });
                }
                ReviewReceived::TYPE => {
                    let review = ReviewReceived::decode(payload)?;
                    *published.reviews.entry(review.order_id).or_default() += 1;
                }
                _ => {}
            }
        }
        Ok(published)
    }

    fn captured(&mut self, event: &PaymentCaptured) -> Result {
        let order = event.order.as_ref().ok_or("a capture without its order")?;
        let number = natural_key(&order.shop, &order.shop_order_id);
        let counts = self.seen.entry(number.clone()).or_default();
        counts.captures += 1;
        counts.captured_minor += event.amount_minor;
        self.order_ids.insert(number, order.order_id.clone());
        Ok(())
    }
}

/// Returns the auditor's key of payments.
fn natural_key(shop: &str, shop_order_id: &str) -> String {
    format!("{shop}/{shop_order_id}")
}
