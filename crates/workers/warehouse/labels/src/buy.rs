//! Buys labels at Shippo, one per parcel, however often it is tried.

use std::time::Duration;

use despatch_contracts::order::Address;
use despatch_domain::Reason;
use despatch_runtime::{Attempt, EffectKey};

use crate::choose::Decision;
use crate::config::{self, Config, SetupError};
use crate::create::Wanted;
use crate::error::CreateError;
use crate::shippo::{Consignment, Purchase, Rate, Shippo, ShippoError};
use crate::store::Label;

/// In the effects ledger; its note is the rate.
const OPERATION: &str = "label";

/// Buys labels at Shippo.
pub(crate) struct Buyer {
    shippo: Shippo,
    carton: config::Parcel,
    settle: Duration,
}

impl Buyer {
    /// `None` when Shippo is not configured.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>, SetupError> {
        if !config.shippo.is_configured() {
            return Ok(None);
        }
        Ok(Some(Buyer {
            shippo: Shippo::new(&config.shippo)?,
            carton: config.parcel,
            settle: Duration::from_secs(config.shippo.settle_seconds),
        }))
    }

    /// Ends what an earlier try began, if one did: finds the label that it bought, or else buys it at the same rate, so
    /// that one look-up covers all tries. `None` when there is nothing to end.
    pub(crate) async fn resume(
        &self,
        wanted: &Wanted,
        attempt: &Attempt,
    ) -> Result<Option<Label>, CreateError> {
        match attempt.pending(OPERATION, wanted.parcel.number).await? {
            Some(ask) => self.end(wanted, attempt, &ask).await,
            None => Ok(None),
        }
    }

    async fn end(
        &self,
        wanted: &Wanted,
        attempt: &Attempt,
        ask: &EffectKey,
    ) -> Result<Option<Label>, CreateError> {
        if ask.age < self.settle {
            return Err(self.unsettled(ask));
        }
        let rate_id = ask.note.as_deref().unwrap_or_default();
        if let Some(purchase) = self.shippo.find(rate_id, &wanted.reference).await? {
            let rate = self.shippo.rate(rate_id).await?;
            let detail = format!("{} at {} was bought by an earlier try", rate.service, rate.cost);
            let decision = Decision { reason: Reason::LabelFound, detail };
            return self.fetch(purchase, &rate, decision).await.map(Some);
        }
        // Of several that found nothing at once only one may buy, and whoever comes later waits from now on.
        let ask = attempt.rotate(ask).await?;
        if !ask.first {
            return Err(self.unsettled(&ask));
        }
        let bought = async {
            let rate = self.shippo.rate(rate_id).await?;
            Ok((self.shippo.buy(rate_id, &wanted.reference).await?, rate))
        };
        let (purchase, rate) = match bought.await {
            Ok(bought) => bought,
            // The offer is too old by now or forgotten; there may be another.
            Err(error) if ShippoError::is_refusal(&error) => {
                attempt.rejected(&ask).await?;
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let detail = format!("{} at {} was chosen by an earlier try", rate.service, rate.cost);
        let decision = Decision { reason: Reason::ServiceCheapest, detail };
        self.fetch(purchase, &rate, decision).await.map(Some)
    }

    /// Somebody's request may still take effect.
    fn unsettled(&self, ask: &EffectKey) -> CreateError {
        CreateError::Unsettled(self.settle.saturating_sub(ask.age))
    }

    /// What carriers would charge.
    pub(crate) async fn rates(&self, wanted: &Wanted, from: &Address) -> Result<Vec<Rate>, CreateError> {
        let units = wanted.parcel.contents.iter().map(|allocation| allocation.quantity).sum();
        let consignment = Consignment {
            reference: &wanted.reference,
            from,
            to: &wanted.to,
            carton: self.carton,
            grams: self.carton.grams(units),
        };
        Ok(self.shippo.rates(&consignment).await?)
    }

    /// Buys the label at this rate.
    pub(crate) async fn buy(
        &self,
        wanted: &Wanted,
        rate: &Rate,
        decision: Decision,
        attempt: &Attempt,
    ) -> Result<Label, CreateError> {
        let ask = attempt.begin_with_note(OPERATION, wanted.parcel.number, &rate.id).await?;
        if !ask.first {
            // Another replica was faster; the next try ends what it began.
            return Err(self.unsettled(&ask));
        }
        match self.shippo.buy(&rate.id, &wanted.reference).await {
            Ok(purchase) => self.fetch(purchase, rate, decision).await,
            Err(error) => {
                if error.is_refusal() {
                    attempt.rejected(&ask).await?;
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
            zpl: None,
            cost: Some(rate.cost),
            decision,
        })
    }
}
