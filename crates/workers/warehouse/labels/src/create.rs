//! Creates the label of a parcel that was picked: chooses the service, buys or prints the label, keeps it.

use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::{Address, Order};
use despatch_contracts::stock::{Parcel, StockPicked};
use despatch_domain::Reason;
use despatch_runtime::{Attempt, EffectHandler, Reader, Tx};

use crate::buy::Buyer;
use crate::choose::{Carrier, Decision, Level, Rule};
use crate::config::{Config, SetupError};
use crate::error::CreateError;
use crate::house;
use crate::shippo::Rate;
use crate::store::{self, Label};

/// `labels.create`.
pub(crate) struct Create {
    config: Config,
    /// Absent when Shippo is not configured; then no rule names it.
    buyer: Option<Buyer>,
}

/// A parcel that needs a label.
pub(crate) struct Wanted {
    pub(crate) order: Order,
    pub(crate) parcel: Parcel,
    pub(crate) to: Address,
    /// Ours, at the carrier: `<order id>/<parcel>`.
    pub(crate) reference: String,
}

impl Create {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        Ok(Create { config: config.clone(), buyer: Buyer::new(config)? })
    }

    /// The label by the first of the matching rules that has a service.
    async fn label(&self, wanted: &Wanted, attempt: &Attempt) -> Result<Label, CreateError> {
        let (level, country) = (Level::of(wanted.order.service_level()), wanted.to.country.as_str());
        let from = self.config.sender(&wanted.parcel.location);
        let mut offered: Option<Vec<Rate>> = None;
        for rule in self.config.rules.iter().filter(|rule| rule.is_for(level, country)) {
            let buyer = match (rule.carrier, &self.buyer) {
                (Carrier::House, _) => return print(rule, wanted, &from),
                (Carrier::Shippo, Some(buyer)) => buyer,
                (Carrier::Shippo, None) => continue,
            };
            let rates = match &mut offered {
                Some(rates) => rates,
                none => {
                    if let Some(label) = buyer.resume(wanted, attempt).await? {
                        return Ok(label);
                    }
                    none.insert(buyer.rates(wanted, &from).await?)
                }
            };
            if let Some((rate, decision)) = rule.cheapest(rates) {
                return buyer.buy(wanted, rate, decision, attempt).await;
            }
        }
        let rates = offered.map_or(0, |rates| rates.len());
        Err(CreateError::NoService { level, country: country.to_owned(), rates })
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

impl EffectHandler for Create {
    const NAME: &'static str = "labels.create";

    type In = StockPicked;
    /// `None` when the parcel has its label.
    type Plan = Option<Wanted>;
    type Response = Option<Label>;
    type Out = Option<LabelCreated>;
    type Error = CreateError;

    async fn prepare(&self, event: &StockPicked, db: &Reader<'_>) -> Result<Self::Plan, CreateError> {
        let order = event.order.as_ref().ok_or(CreateError::Incomplete("order"))?;
        let parcel = event.parcel.as_ref().ok_or(CreateError::Incomplete("parcel"))?;
        if store::is_labelled(db, &order.order_id, parcel.number).await? {
            return Ok(None);
        }
        let to = order.ship_to.clone().ok_or(CreateError::NoAddress)?;
        let reference = format!("{}/{}", order.order_id, parcel.number);
        Ok(Some(Wanted { order: order.clone(), parcel: parcel.clone(), to, reference }))
    }

    async fn perform(&self, plan: &Self::Plan, attempt: &Attempt) -> Result<Self::Response, CreateError> {
        match plan {
            Some(wanted) => self.label(wanted, attempt).await.map(Some),
            None => Ok(None),
        }
    }

    async fn record(
        &self,
        _: &StockPicked,
        plan: &Self::Plan,
        effect: &Self::Response,
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
