//! Buys labels at Shippo, one per parcel, however often it is tried.

use std::time::Duration;

use despatch_contracts::order::Address;
use despatch_domain::Reason;
use despatch_routing::{Decision, Rate};
use despatch_runtime::{Attempt, EffectKey};

use crate::carton::Carton;
use crate::config::{Config, SetupError};
use crate::error::CreateError;
use crate::label_request::LabelRequest;
use crate::shippo::{Consignment, Purchase, Shippo, ShippoError};
use crate::store::Label;

/// The operation in the effects ledger. Its note is the rate.
const OPERATION: &str = "label";

/// Buys labels at Shippo.
pub(crate) struct LabelPurchaser {
    shippo: Shippo,
    carton: Carton,
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
            carton: config.parcel,
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
        let rate_id = key.note.as_deref().unwrap_or_default();
        if let Some(purchase) = self.shippo.find(rate_id, &request.reference()).await? {
            let rate = self.shippo.rate(rate_id).await?;
            let detail = format!("{} at {} was bought by an earlier try", rate.service, rate.cost);
            let decision = Decision { reason: Reason::LabelFound, detail };
            return self.fetch(purchase, &rate, decision).await.map(Some);
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
        self.fetch(purchase, &rate, decision).await.map(Some)
    }

    /// Returns the error for an earlier request that may still take effect.
    fn unsettled(&self, key: &EffectKey) -> CreateError {
        CreateError::Unsettled(self.settle.saturating_sub(key.age))
    }

    /// Asks for the carriers' prices.
    pub(crate) async fn rates(
        &self,
        request: &LabelRequest,
        from: &Address,
    ) -> Result<Vec<Rate>, CreateError> {
        let units = request.parcel.contents.iter().map(|allocation| allocation.quantity).sum();
        let reference = request.reference();
        let consignment = Consignment {
            reference: &reference,
            from,
            to: &request.to,
            carton: self.carton,
            grams: self.carton.grams(units),
        };
        Ok(self.shippo.rates(&consignment).await?)
    }

    /// Buys the label at this rate.
    pub(crate) async fn buy(
        &self,
        request: &LabelRequest,
        rate: &Rate,
        decision: Decision,
        attempt: &Attempt,
    ) -> Result<Label, CreateError> {
        let key = attempt.begin_with_note(OPERATION, &request.parcel.number.to_string(), &rate.id).await?;
        if !key.first {
            // Another replica was faster; the next try ends what it began.
            return Err(self.unsettled(&key));
        }
        match self.shippo.buy(&rate.id, &request.reference()).await {
            Ok(purchase) => self.fetch(purchase, rate, decision).await,
            Err(error) => {
                if error.is_refusal() {
                    attempt.rejected(&key).await?;
                }
                Err(error.into())
            }
        }
    }

    async fn fetch(&self, purchase: Purchase, rate: &Rate, decision: Decision) -> Result<Label, CreateError> {
        Ok(Label {
            carrier: rate.carrier.clone(),
            service: rate.service.clone(),
            document: self.shippo.document(&purchase.label_url).await?,
            tracking_number: purchase.tracking_number,
            transaction: Some(purchase.transaction),
            zpl: None,
            cost: Some(rate.cost),
            decision,
        })
    }
}
