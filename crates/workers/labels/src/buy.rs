//! Buys labels at Shippo, one per parcel, however often it is tried.

use std::time::Duration;

use despatch_contracts::order::Address;
use despatch_domain::Reason;
use despatch_runtime::Attempt;

use crate::choose::Decision;
use crate::config::{self, Config, SetupError};
use crate::create::Wanted;
use crate::error::CreateError;
use crate::shippo::{Consignment, Purchase, Rate, Shippo};
use crate::store::Label;

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

    /// The label that an earlier try bought. To be asked before every purchase: it notes that one may follow.
    pub(crate) async fn bought_before(
        &self,
        wanted: &Wanted,
        attempt: &Attempt,
    ) -> Result<Option<Label>, CreateError> {
        let ask = attempt.ask("label", wanted.parcel.number).await?;
        if ask.first {
            return Ok(None);
        }
        if ask.age < self.settle {
            return Err(CreateError::Unsettled(self.settle.saturating_sub(ask.age)));
        }
        // The ask is never renewed: its age says how far back the list must be read, whatever happened since.
        let Some(purchase) = self.shippo.find(&wanted.reference, ask.age).await? else { return Ok(None) };
        let rate = self.shippo.rate(&purchase.rate_id).await?;
        let detail = format!("{} at {} was bought by an earlier try", rate.service, rate.cost);
        self.fetch(purchase, &rate, Decision { reason: Reason::LabelFound, detail }).await.map(Some)
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

    /// Buys the label.
    pub(crate) async fn buy(
        &self,
        wanted: &Wanted,
        rate: &Rate,
        decision: Decision,
    ) -> Result<Label, CreateError> {
        let purchase = self.shippo.buy(&rate.id, &wanted.reference).await?;
        self.fetch(purchase, rate, decision).await
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
