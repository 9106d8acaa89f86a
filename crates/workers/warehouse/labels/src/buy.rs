//! Buys labels at Shippo, one per parcel, however often it is tried.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_routing::{Decision, Package, Rate};
use despatch_runtime::{Attempt, EffectKey};
use serde::{Deserialize, Serialize};

use crate::config::{Config, SetupError};
use crate::error::CreateError;
use crate::label_request::LabelRequest;
use crate::shippo::{Consignment, Purchase, Shippo, ShippoError};
use crate::store::Label;

/// The operation in the effects ledger. Its note is a [`Begun`] purchase.
const OPERATION: &str = "label";

/// A purchase that was begun, as JSON in the effects ledger.
#[derive(Serialize, Deserialize)]
struct Begun {
    /// Shippo's id of the rate.
    rate: String,
    /// The parcel that the rate is for. Its articles may be described otherwise by now.
    package: Package,
}

/// Buys labels at Shippo.
pub(crate) struct LabelPurchaser {
    shippo: Shippo,
    settle: Duration,
}

impl LabelPurchaser {
    /// Creates the purchaser; returns `None` if Shippo is not configured.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, SetupError> {
        if !config.shippo.is_complete() {
            return Ok(None);
        }
        Ok(Some(LabelPurchaser {
            shippo: Shippo::new(&config.shippo)?,
            settle: Duration::from_secs(config.shippo.settle_seconds),
        }))
    }

    /// Ends what an earlier try began, if any: finds the label that it bought, or else buys it at the same rate, so
    /// that one look-up covers all tries. Returns `None` if there is nothing to end.
    pub(crate) async fn resume(
        &self,
        request: &LabelRequest,
        attempt: &Attempt,
    ) -> Result<Option<Label>, CreateError> {
        match attempt.pending(OPERATION, &request.parcel.number.to_string()).await? {
            Some(key) => self.end(request, attempt, &key).await,
            None => Ok(None),
        }
    }

    async fn end(
        &self,
        request: &LabelRequest,
        attempt: &Attempt,
        key: &EffectKey,
    ) -> Result<Option<Label>, CreateError> {
        if key.age < self.settle {
            return Err(self.unsettled(key));
        }
        let Begun { rate: rate_id, package } = Begun::read(key)?;
        let rate_id = rate_id.as_str();
        if let Some(purchase) = self.shippo.find(rate_id, &request.reference()).await? {
            let rate = self.shippo.rate(rate_id).await?;
            let detail = format!("{} at {} was bought by an earlier try", rate.service, rate.cost);
            let decision = Decision { reason: Reason::LabelFound, detail };
            return self.fetch(purchase, &rate, package, decision).await.map(Some);
        }
        if request.is_not_sent {
            // Nothing was bought, and nothing has to be sent.
            attempt.rejected(key).await?;
            return Ok(None);
        }
        // Of several tries that found nothing at the same time only one may buy; a later one waits from now on.
        let key = attempt.rotate(key).await?;
        if !key.first {
            return Err(self.unsettled(&key));
        }
        let bought = async {
            let rate = self.shippo.rate(rate_id).await?;
            Ok((self.shippo.buy(rate_id, &request.reference()).await?, rate))
        };
        let (purchase, rate) = match bought.await {
            Ok(bought) => bought,
            // The offer has expired by now; there may be another.
            Err(error) if ShippoError::is_refusal(&error) => {
                attempt.rejected(&key).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let detail = format!("{} at {} was chosen by an earlier try", rate.service, rate.cost);
        let decision = Decision { reason: Reason::ServiceCheapest, detail };
        self.fetch(purchase, &rate, package, decision).await.map(Some)
    }

    /// Returns the error for an earlier request that may still take effect.
    fn unsettled(&self, key: &EffectKey) -> CreateError {
        CreateError::Unsettled(self.settle.saturating_sub(key.age))
    }

    /// Asks for the carriers' prices.
    pub(crate) async fn rates(
        &self,
        request: &LabelRequest,
        package: &Package,
    ) -> Result<Vec<Rate>, CreateError> {
        let reference = request.reference();
        let consignment =
            Consignment { reference: &reference, from: &request.from, to: &request.to, package };
        self.shippo.rates(&consignment).await.map_err(|error| CreateError::of_parcel(error, package))
    }

    /// Buys the label at this rate.
    pub(crate) async fn buy(
        &self,
        request: &LabelRequest,
        (rate, decision): (&Rate, Decision),
        package: Package,
        attempt: &Attempt,
    ) -> Result<Label, CreateError> {
        let begun = Begun { rate: rate.id.clone(), package };
        let note = serde_json::json!(begun).to_string();
        let key = attempt.begin_with_note(OPERATION, &request.parcel.number.to_string(), &note).await?;
        if !key.first {
            // Another replica was faster; the next try ends what it began.
            return Err(self.unsettled(&key));
        }
        match self.shippo.buy(&rate.id, &request.reference()).await {
            Ok(purchase) => self.fetch(purchase, rate, begun.package, decision).await,
            Err(error) => {
                if error.is_refusal() {
                    attempt.rejected(&key).await?;
                }
                Err(CreateError::of_parcel(error, &begun.package))
            }
        }
    }

    async fn fetch(
        &self,
        purchase: Purchase,
        rate: &Rate,
        package: Package,
        decision: Decision,
    ) -> Result<Label, CreateError> {
        Ok(Label {
            carrier: rate.carrier.clone(),
            service: rate.service.clone(),
            document: self.shippo.document(&purchase.label_url).await?,
            tracking_number: purchase.tracking_number,
            transaction: Some(purchase.transaction),
            zpl: None,
            cost: Some(rate.cost),
            package,
            decision,
        })
    }
}

impl Begun {
    fn read(key: &EffectKey) -> Result<Self, CreateError> {
        let note = key.note.as_deref().unwrap_or_default();
        serde_json::from_str(note).map_err(|_| CreateError::NoteUnreadable(note.to_owned()))
    }
}
