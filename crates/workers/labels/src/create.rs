//! Creates the label of a parcel that was picked: chooses the service, buys or prints the label, keeps it.

use std::time::Duration;

use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::{Address, Order};
use despatch_contracts::stock::{Parcel, StockPicked};
use despatch_domain::Reason;
use despatch_runtime::{Attempt, OutsideHandler, Snapshot, Tx};

use crate::choose::{Carrier, Decision, Level, Rule};
use crate::config::{Config, SetupError};
use crate::error::CreateError;
use crate::house;
use crate::shippo::{Consignment, Purchase, Rate, Shippo};
use crate::store::{self, Label};

/// `labels.create`.
pub(crate) struct Create {
    config: Config,
    shippo: Shippo,
}

/// A parcel that needs a label.
pub(crate) struct Wanted {
    order: Order,
    parcel: Parcel,
    to: Address,
    /// Ours, at the carrier: `<order id>/<parcel>`.
    reference: String,
}

impl Create {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        config.check()?;
        Ok(Create { config: config.clone(), shippo: Shippo::new(&config.shippo)? })
    }

    /// The label by the first of the matching rules that has a service.
    async fn label(&self, wanted: &Wanted, attempt: &Attempt) -> Result<Label, CreateError> {
        let (level, country) = (Level::of(wanted.order.service_level()), wanted.to.country.as_str());
        let from = self.config.sender(&wanted.parcel.location);
        let mut offered: Option<Vec<Rate>> = None;
        for rule in self.config.rules.iter().filter(|rule| rule.is_for(level, country)) {
            if rule.carrier == Carrier::House {
                return print(rule, wanted, &from);
            }
            let rates = match &mut offered {
                Some(rates) => rates,
                none => {
                    if let Some(label) = self.bought_before(wanted, attempt).await? {
                        return Ok(label);
                    }
                    none.insert(self.rates(wanted, &from).await?)
                }
            };
            if let Some((rate, decision)) = rule.cheapest(rates) {
                let purchase = self.shippo.buy(&rate.id, &wanted.reference).await?;
                return self.fetch(purchase, rate, decision).await;
            }
        }
        let rates = offered.map_or(0, |rates| rates.len());
        Err(CreateError::NoService { level, country: country.to_owned(), rates })
    }

    /// The label that an earlier try bought: asked for before every try but the very first.
    async fn bought_before(&self, wanted: &Wanted, attempt: &Attempt) -> Result<Option<Label>, CreateError> {
        let ask = attempt.ask("label", wanted.parcel.number).await?;
        if ask.first {
            return Ok(None);
        }
        let settled = Duration::from_secs(self.config.shippo.settle_seconds);
        if ask.age < settled {
            return Err(CreateError::Unsettled(settled.saturating_sub(ask.age)));
        }
        // The ask is never renewed: its age says how far back the list must be read, whatever happened since.
        let Some(purchase) = self.shippo.find(&wanted.reference, ask.age).await? else { return Ok(None) };
        let rate = self.shippo.rate(&purchase.rate_id).await?;
        let detail = format!("{} at {} was bought by an earlier try", rate.service, rate.cost);
        self.fetch(purchase, &rate, Decision { reason: Reason::LabelFound, detail }).await.map(Some)
    }

    async fn rates(&self, wanted: &Wanted, from: &Address) -> Result<Vec<Rate>, CreateError> {
        let units = wanted.parcel.contents.iter().map(|allocation| allocation.quantity).sum();
        let consignment = Consignment {
            reference: &wanted.reference,
            from,
            to: &wanted.to,
            carton: self.config.parcel,
            grams: self.config.parcel.grams(units),
        };
        Ok(self.shippo.rates(&consignment).await?)
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

/// A label of our own.
fn print(rule: &Rule, wanted: &Wanted, from: &Address) -> Result<Label, CreateError> {
    let Wanted { order, parcel, to, .. } = wanted;
    // Checked at start: a house rule names exactly one service.
    let service = rule.services.first().map_or("", String::as_str);
    let tracking_number = house::tracking::number(&order.order_id, parcel.number);
    let label = house::render(&house::Shipment {
        from,
        to,
        service,
        tracking_number: &tracking_number,
        order_reference: &order.shop_order_id,
        parcel: parcel.number,
        parcels: parcel.of,
    })?;
    let level = Level::of(order.service_level());
    let detail = format!("the table gives {level} to {} to the house", to.country);
    Ok(Label {
        carrier: house::CARRIER.to_owned(),
        service: service.to_owned(),
        tracking_number,
        document: label.pdf,
        zpl: Some(label.zpl),
        cost: None,
        decision: Decision { reason: Reason::ServiceByRule, detail },
    })
}

impl OutsideHandler for Create {
    const NAME: &'static str = "labels.create";

    type In = StockPicked;
    /// `None` when the parcel has its label.
    type Plan = Option<Wanted>;
    type Effect = Option<Label>;
    type Out = Option<LabelCreated>;
    type Error = CreateError;

    async fn prepare(&self, event: &StockPicked, db: &Snapshot<'_>) -> Result<Self::Plan, CreateError> {
        let order = event.order.as_ref().ok_or(CreateError::Incomplete("order"))?;
        let parcel = event.parcel.as_ref().ok_or(CreateError::Incomplete("parcel"))?;
        if store::is_labelled(db, &order.order_id, parcel.number).await? {
            return Ok(None);
        }
        let to = order.ship_to.clone().ok_or(CreateError::NoAddress)?;
        let reference = format!("{}/{}", order.order_id, parcel.number);
        Ok(Some(Wanted { order: order.clone(), parcel: parcel.clone(), to, reference }))
    }

    async fn perform(&self, plan: &Self::Plan, attempt: &Attempt) -> Result<Self::Effect, CreateError> {
        match plan {
            Some(wanted) => self.label(wanted, attempt).await.map(Some),
            None => Ok(None),
        }
    }

    async fn record(
        &self,
        _: &StockPicked,
        plan: &Self::Plan,
        effect: &Self::Effect,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, CreateError> {
        let (Some(Wanted { order, parcel, .. }), Some(label)) = (plan, effect) else { return Ok(None) };
        if !store::insert(tx, &order.order_id, parcel, label).await? {
            return Err(CreateError::AlreadyLabelled(label.tracking_number.clone()));
        }
        tracing::info!(
            order_id = order.order_id,
            parcel = parcel.number,
            carrier = label.carrier,
            service = label.service,
            reason = label.decision.reason.code(),
            "label created"
        );
        Ok(Some(LabelCreated {
            order_id: order.order_id.clone(),
            parcel: parcel.number,
            parcels: parcel.of,
            carrier: label.carrier.clone(),
            service: label.service.clone(),
            tracking_number: label.tracking_number.clone(),
            label_id: store::label_id(&order.order_id, parcel.number),
        }))
    }
}
