//! `labels.void`: has the carrier take a label back, so that its postage is not paid for.

use std::time::Duration;

use despatch_contracts::event_enum;
use despatch_contracts::label::{LabelVoidDue, LabelVoidRequested, LabelVoided};
use despatch_domain::{ProviderKind, Reason};
use despatch_runtime::{
    Attempt, DbError, EffectHandler, ExternalProvider, HandlerError, Reader, Timer, Tx, Verdict,
};

use crate::config::{Config, SetupError};
use crate::shippo::{Shippo, ShippoError, Voiding};
use crate::store::{self, Voidable};

/// The operation in the effects ledger.
const OPERATION: &str = "void";
/// When a carrier that has not decided yet is asked again.
const LOOK_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// How long a carrier may take. USPS takes up to 14 days after the label's 28 days.
const DECIDED_WITHIN: Duration = Duration::from_secs(45 * 24 * 3600);

event_enum! {
    /// The events that have a label voided.
    pub(crate) enum Step {
        Requested(LabelVoidRequested),
        Due(LabelVoidDue),
    }
}

impl Step {
    /// Returns the order, the parcel and the reason.
    fn label(&self) -> (&str, u32, &str) {
        match self {
            Step::Requested(event) => (&event.order_id, event.parcel, &event.reason),
            Step::Due(event) => (&event.order_id, event.parcel, &event.reason),
        }
    }
}

/// Voids labels: at the carrier, or, of a label of our own, in the table alone.
pub(crate) struct Void {
    /// Absent if Shippo is not configured.
    shippo: Option<Shippo>,
    void_due: Timer<LabelVoidDue>,
}

/// Why a label stays valid, as far as it is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VoidError {
    /// The carrier has scanned the parcel, or the label is too old.
    #[error("the carrier does not take the label {tracking_number} back")]
    Refused { tracking_number: String },
    /// The carrier has not decided.
    #[error("the carrier has not decided about the label {tracking_number} within {} days", DECIDED_WITHIN.as_secs() / 86_400)]
    Undecided { tracking_number: String },
    /// The label was bought when Shippo was configured.
    #[error("expected labels.shippo to be configured, as when the label was bought")]
    Unconfigured,
    #[error(transparent)]
    Shippo(#[from] ShippoError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for VoidError {
    fn verdict(&self) -> Verdict {
        match self {
            VoidError::Refused { .. } | VoidError::Undecided { .. } | VoidError::Unconfigured => {
                Verdict::Reject(Reason::LabelNotVoided)
            }
            VoidError::Shippo(error) if error.is_refusal() => Verdict::Reject(Reason::LabelNotVoided),
            VoidError::Shippo(error) => error.verdict(),
            VoidError::Database(_) => Verdict::Retry,
        }
    }
}

impl Void {
    pub(crate) fn new(config: &Config, void_due: Timer<LabelVoidDue>) -> Result<Self, SetupError> {
        let shippo = if config.shippo.is_complete() { Some(Shippo::new(&config.shippo)?) } else { None };
        Ok(Void { shippo, void_due })
    }

    /// Asks for the label's refund, unless an earlier try did.
    async fn at_carrier(&self, transaction: &str, is_first: bool) -> Result<Voiding, VoidError> {
        let shippo = self.shippo.as_ref().ok_or(VoidError::Unconfigured)?;
        if !is_first && let Some(known) = shippo.voiding(transaction).await? {
            return Ok(known);
        }
        match shippo.void(transaction).await {
            // Perhaps because a person, or a try whose answer was lost, asked before.
            Err(error) if error.is_refusal() => Ok(shippo.voiding(transaction).await?.ok_or(error)?),
            asked => Ok(asked?),
        }
    }
}

impl EffectHandler for Void {
    const NAME: &'static str = "labels.void";
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new("shippo", ProviderKind::Carrier));

    type In = Step;
    /// The label; `None` if it is void already.
    type Plan = Option<Voidable>;
    /// The carrier's word; `None` if there was nothing to ask.
    type Response = Option<Voiding>;
    type Out = Option<LabelVoided>;
    type Error = VoidError;

    async fn prepare(&self, event: &Step, db: &Reader<'_>) -> Result<Option<Voidable>, VoidError> {
        let (order_id, parcel, _) = event.label();
        Ok(store::voidable(db, order_id, parcel).await?)
    }

    fn asks_provider(&self, plan: &Option<Voidable>) -> bool {
        plan.as_ref().is_some_and(|label| label.transaction.is_some())
    }

    async fn perform(
        &self,
        plan: &Option<Voidable>,
        attempt: &Attempt,
    ) -> Result<Option<Voiding>, VoidError> {
        let Some(label) = plan else { return Ok(None) };
        let Some(transaction) = &label.transaction else { return Ok(Some(Voiding::Done)) };
        let key = attempt.begin(OPERATION, transaction).await?;
        let tracking_number = || label.tracking_number.clone();
        match self.at_carrier(transaction, key.first).await? {
            Voiding::Refused => Err(VoidError::Refused { tracking_number: tracking_number() }),
            Voiding::Pending if label.asked_for > Some(DECIDED_WITHIN) => {
                Err(VoidError::Undecided { tracking_number: tracking_number() })
            }
            voiding => Ok(Some(voiding)),
        }
    }

    async fn record(
        &self,
        event: &Step,
        plan: &Option<Voidable>,
        effect: &Option<Voiding>,
        tx: &Tx<'_>,
    ) -> Result<Option<LabelVoided>, VoidError> {
        let (Some(label), Some(voiding)) = (plan, effect) else { return Ok(None) };
        let (order_id, parcel, reason) = event.label();
        if *voiding == Voiding::Pending {
            store::void_asked(tx, order_id, parcel).await?;
            let due = LabelVoidDue { order_id: order_id.to_owned(), parcel, reason: reason.to_owned() };
            tx.schedule(self.void_due, &format!("void/{order_id}/{parcel}"), LOOK_AGAIN, &due).await?;
            return Ok(None);
        }
        let is_new = store::voided(tx, order_id, parcel).await?;
        Ok(is_new.then(|| LabelVoided {
            order_id: order_id.to_owned(),
            parcel,
            carrier: label.carrier.clone(),
            tracking_number: label.tracking_number.clone(),
            reason: reason.to_owned(),
        }))
    }
}
