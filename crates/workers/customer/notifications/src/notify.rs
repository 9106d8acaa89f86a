//! Writes to the customer at each milestone of the order, once.

use std::time::Duration;

use despatch_contracts::notification::{NotificationSent, NotificationSkipped};
use despatch_contracts::order::{Order, OrderAccepted, OrderCancelled, OrderChanged};
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::review::ReviewRequested;
use despatch_contracts::shipment::{
    ReadyForPickup, Scan, ShipmentCollected, ShipmentDelivered, ShipmentDespatched,
};
use despatch_contracts::{Incoming as _, event_enum};
use despatch_domain::{ProviderKind, Reason};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::{Config, SetupError};
use crate::error::NotifyError;
use crate::mailer::Mailer;
use crate::message::{Composer, Letter};
use crate::milestone::Milestone;
use crate::parcel_mails::{ParcelMails, Turn};
use crate::smtp::CONNECTIONS;
use crate::store;
use crate::store_contact::contact;
use crate::template_data::TemplateData;

event_enum! {
    /// The events that customers are notified of.
    pub(crate) enum Moment {
        Accepted(OrderAccepted),
        Changed(OrderChanged),
        Ready(ReadyForPickup),
        Collected(ShipmentCollected),
        Despatched(ShipmentDespatched),
        Delivered(ShipmentDelivered),
        Cancelled(OrderCancelled),
        Refunded(PaymentRefunded),
        ReviewRequested(ReviewRequested),
    }
}

/// `notifications.notify`.
pub(crate) struct Notify {
    composer: Composer,
    mailer: Mailer,
    parcel_mails: ParcelMails,
}

impl Notify {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        let timeout = Duration::from_secs(config.smtp_timeout_seconds);
        let mailer = Mailer::new(&config.smtp_url, timeout)?;
        Ok(Notify { composer: Composer::new(config)?, mailer, parcel_mails: ParcelMails::default() })
    }
}

/// A message that an event gives rise to. An acceptance and a change carry their order and so the contact.
struct Occasion<'e> {
    milestone: Milestone,
    part: String,
    data: TemplateData,
    order: Option<&'e Order>,
}

impl Occasion<'_> {
    fn of(moment: &Moment) -> Result<Occasion<'_>, NotifyError> {
        match moment {
            Moment::Accepted(event) => {
                let order = event.order.as_ref().ok_or(NotifyError::Incomplete("order"))?;
                let data = TemplateData::of_order(order);
                Ok(Occasion { milestone: Milestone::Accepted, part: only(), data, order: Some(order) })
            }
            Moment::Changed(event) => {
                let order = event.order.as_ref().ok_or(NotifyError::Incomplete("order"))?;
                let data = TemplateData::of_order(order);
                let part = event.change.to_string();
                Ok(Occasion { milestone: Milestone::Moved, part, data, order: Some(order) })
            }
            Moment::Ready(event) => Ok(Occasion {
                milestone: Milestone::Ready,
                part: event.parcel.to_string(),
                data: TemplateData::of_ready(event),
                order: None,
            }),
            Moment::Collected(event) => Ok(Occasion {
                milestone: Milestone::Collected,
                part: event.parcel.to_string(),
                data: TemplateData {
                    parcel: event.parcel,
                    parcels: event.parcels,
                    ..TemplateData::default()
                },
                order: None,
            }),
            Moment::Despatched(event) => Occasion::of_scan(Milestone::Despatched, event.scan.as_ref()),
            Moment::Delivered(event) => Occasion::of_scan(Milestone::Delivered, event.scan.as_ref()),
            Moment::Cancelled(_) => Ok(Occasion {
                milestone: Milestone::Cancelled,
                part: only(),
                data: TemplateData::default(),
                order: None,
            }),
            Moment::Refunded(event) => {
                let data = TemplateData::of_refund(event);
                Ok(Occasion { milestone: Milestone::Refunded, part: refund_part(event), data, order: None })
            }
            Moment::ReviewRequested(event) => {
                let milestone = if event.ask == 0 { Milestone::Review } else { Milestone::ReviewReminder };
                let data = TemplateData { review_url: event.review_url.clone(), ..TemplateData::default() };
                Ok(Occasion { milestone, part: event.ask.to_string(), data, order: None })
            }
        }
    }

    fn of_scan(milestone: Milestone, scan: Option<&Scan>) -> Result<Self, NotifyError> {
        let scan = scan.ok_or(NotifyError::Incomplete("scan"))?;
        Ok(Occasion {
            milestone,
            part: scan.parcel.to_string(),
            data: TemplateData::of_scan(scan),
            order: None,
        })
    }
}

/// The decision about an event.
pub(crate) enum Plan {
    /// The message, which has its turn among those about the same parcel until it is recorded.
    Send { letter: Box<Letter>, _turn: Option<Turn> },
    /// There is nobody to send it to.
    Skip(Milestone),
    /// There is nothing to send.
    Nothing,
}

/// The part of a milestone that an order has once.
fn only() -> String {
    "0".to_owned()
}

/// Returns whether the customer is told of a change: a parcel goes to another address, and the shop does not know it. The
/// shop tells of its own changes.
fn is_told(change: &OrderChanged) -> bool {
    let is_by_us = ["customer", "operator"].contains(&&*change.requested_by);
    let is_shipped = change.order.as_ref().is_some_and(Order::is_shipped);
    is_by_us && change.needs_labels && is_shipped
}

/// Returns the part of a refund: its id, and the tender's number where there are several.
fn refund_part(refund: &PaymentRefunded) -> String {
    match refund.tender {
        0 | 1 => refund.refund_id.clone(),
        tender => format!("{}-{tender}", refund.refund_id),
    }
}

impl EffectHandler for Notify {
    const NAME: &'static str = "notifications.notify";
    const POLICY: Policy = Policy { concurrency: CONNECTIONS, ..Policy::DEFAULT };
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new("smtp", ProviderKind::Mail));

    type In = Moment;
    type Plan = Plan;
    type Response = ();
    type Out = (Option<NotificationSent>, Option<NotificationSkipped>);
    type Error = NotifyError;

    async fn prepare(&self, event: &Moment, db: &Reader<'_>) -> Result<Plan, NotifyError> {
        let order_id = event.subject().id();
        if let Moment::Changed(change) = event
            && !is_told(change)
        {
            return Ok(Plan::Nothing);
        }
        let Occasion { milestone, part, data, order } = Occasion::of(event)?;
        let turn = match event {
            // A carrier's scans come late, twice and out of order.
            Moment::Ready(_) | Moment::Collected(_) | Moment::Despatched(_) | Moment::Delivered(_) => {
                Some(self.parcel_mails.turn(order_id, &part).await)
            }
            Moment::Accepted(_)
            | Moment::Changed(_)
            | Moment::Cancelled(_)
            | Moment::Refunded(_)
            | Moment::ReviewRequested(_) => None,
        };
        let to = match order {
            Some(_) if store::is_sent(db, order_id, milestone, &part).await? => return Ok(Plan::Nothing),
            Some(order) => contact(order),
            None => {
                let recipient = store::recipient(db, order_id, milestone, &part).await?;
                let recipient = recipient.ok_or(NotifyError::ContactUnknown)?;
                let is_unwanted = recipient.is_unsubscribed && !milestone.is_transactional();
                if recipient.is_sent || recipient.is_superseded || is_unwanted {
                    return Ok(Plan::Nothing);
                }
                recipient.contact
            }
        };
        // Orders leaves an address out that nothing can be sent to.
        if to.email.is_empty() {
            return Ok(Plan::Skip(milestone));
        }
        let letter = Letter { milestone, order_id: order_id.to_owned(), part, to, data };
        Ok(Plan::Send { letter: Box::new(letter), _turn: turn })
    }

    fn asks_provider(&self, plan: &Plan) -> bool {
        matches!(plan, Plan::Send { .. })
    }

    async fn perform(&self, plan: &Plan, attempt: &Attempt) -> Result<(), NotifyError> {
        let Plan::Send { letter, .. } = plan else { return Ok(()) };
        let message = self.composer.compose(letter, attempt.event_id().created_at())?;
        Ok(self.mailer.send(&message).await?)
    }

    async fn record(
        &self,
        event: &Moment,
        plan: &Plan,
        (): &(),
        tx: &Tx<'_>,
    ) -> Result<Self::Out, NotifyError> {
        let letter = match plan {
            Plan::Send { letter, .. } => letter,
            Plan::Skip(milestone) => return Ok((None, Some(skipped(event, *milestone)))),
            Plan::Nothing => return Ok((None, None)),
        };
        let Letter { milestone, order_id, part, .. } = &**letter;
        let message_id = self.composer.message_id(letter);
        // Two processes may handle two events that report the same at the same time. Then both sent the same message under
        // the same Message-ID, which mail programs show once.
        let is_first = store::sent(tx, order_id, *milestone, part, &message_id).await?;
        let sent = is_first.then(|| NotificationSent {
            order_id: order_id.clone(),
            milestone: milestone.name().to_owned(),
            channel: "email".to_owned(),
            message_id,
        });
        Ok((sent, None))
    }
}

fn skipped(event: &Moment, milestone: Milestone) -> NotificationSkipped {
    NotificationSkipped {
        order_id: event.subject().id().to_owned(),
        milestone: milestone.name().to_owned(),
        reason: Reason::NoMailAddress.code().to_owned(),
    }
}
