//! Creates the label of a picked parcel: chooses the service, buys or prints the label, stores it.

use despatch_contracts::label::{LabelCreated, LabelVoidRequested};
use despatch_contracts::shipment::ReadyForPickup;
use despatch_contracts::stock::StockPicked;
use despatch_domain::{LabelId, ProviderKind, Reason};
use despatch_routing::{Carrier, CarrierRule, Decision, Package, Rate};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Reader, Tx};

use crate::buy::LabelPurchaser;
use crate::config::{Config, SetupError};
use crate::error::CreateError;
use crate::label_request::LabelRequest;
use crate::own_labels;
use crate::store::{self, Insertion, Known, Label};

/// `labels.create`.
pub(crate) struct Create {
    config: Config,
    /// The purchaser; absent if Shippo is not configured, and then no rule names it.
    purchaser: Option<LabelPurchaser>,
}

impl Create {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        Ok(Create { config: config.clone(), purchaser: LabelPurchaser::new(config)? })
    }

    /// Returns whether Shippo is asked for the label. A parcel whose first rule has it printed here needs nobody, unless an
    /// earlier try has begun a purchase.
    fn asks_shippo(&self, request: &LabelRequest) -> bool {
        if request.is_not_sent {
            return self.purchaser.is_some();
        }
        let (level, country) = (request.level(), request.to.country.as_str());
        let rule = self.config.rules.iter().find(|rule| rule.is_for(level, country));
        rule.is_some_and(|rule| rule.carrier == Carrier::Shippo)
    }

    /// Creates the label by the first matching rule that has a service. A purchase that an earlier try began comes
    /// first, because the rules may have changed since, and a parcel takes one label. Returns `None` for a parcel that is not
    /// sent, if nothing was bought for it.
    async fn label(&self, request: &LabelRequest, attempt: &Attempt) -> Result<Option<Label>, CreateError> {
        if let Some(purchaser) = &self.purchaser
            && let Some(label) = purchaser.resume(request, attempt).await?
        {
            return Ok(Some(label));
        }
        if request.is_not_sent {
            return Ok(None);
        }
        let (level, country) = (request.level(), request.to.country.as_str());
        let package = request.package(self.config.cartons())?;
        let mut offered: Option<Vec<Rate>> = None;
        for rule in self.config.rules.iter().filter(|rule| rule.is_for(level, country)) {
            let purchaser = match (rule.carrier, &self.purchaser) {
                (Carrier::Own, _) => return print(rule, request, package).map(Some),
                (Carrier::Shippo, Some(purchaser)) => purchaser,
                (Carrier::Shippo, None) => continue,
            };
            let rates = match &mut offered {
                Some(rates) => rates,
                none => none.insert(purchaser.rates(request, &package).await?),
            };
            if let Some((rate, decision)) = rule.cheapest(rates) {
                return purchaser.buy(request, (rate, decision), package, attempt).await.map(Some);
            }
        }
        let rates = offered.map_or(0, |rates| rates.len());
        Err(CreateError::NoService { level, country: country.to_owned(), rates, package })
    }
}

/// Prints an own label.
fn print(rule: &CarrierRule, request: &LabelRequest, package: Package) -> Result<Label, CreateError> {
    let LabelRequest { order, parcel, to, from, .. } = request;
    // The configuration was checked at the start: a rule for own labels names exactly one service.
    let service = rule.services.first().map_or("", String::as_str);
    let tracking_number = own_labels::tracking::number(&order.order_id, parcel.number);
    let label = own_labels::render(&own_labels::Shipment {
        from,
        to,
        service,
        tracking_number: &tracking_number,
        order_reference: order.shown_number(),
        position: parcel.position,
        parcels: parcel.of,
    })?;
    let detail = format!("the rules give {} to {} to the shop's own courier", request.level(), to.country);
    Ok(Label {
        carrier: own_labels::CARRIER.to_owned(),
        service: service.to_owned(),
        tracking_number,
        transaction: None,
        document: label.pdf,
        zpl: Some(label.zpl),
        cost: None,
        package,
        decision: Decision { reason: Reason::ServiceByRule, detail },
    })
}

/// The decision about a picked parcel.
pub(crate) enum Plan {
    /// It needs a label.
    Label(Box<LabelRequest>),
    /// The customer collects it, and can do so at once.
    Ready(Box<ReadyForPickup>),
    /// It has its label.
    Nothing,
}

impl EffectHandler for Create {
    const NAME: &'static str = "labels.create";
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new("shippo", ProviderKind::Carrier));

    type In = StockPicked;
    type Plan = Plan;
    type Response = Option<Label>;
    type Out = (Option<LabelCreated>, Option<LabelVoidRequested>, Option<ReadyForPickup>);
    type Error = CreateError;

    async fn prepare(&self, event: &StockPicked, db: &Reader<'_>) -> Result<Self::Plan, CreateError> {
        let order = event.order.as_ref().ok_or(CreateError::Incomplete("order"))?;
        let parcel = event.parcel.as_ref().ok_or(CreateError::Incomplete("parcel"))?;
        let Known { is_labelled, is_not_sent, measures, location } =
            store::known(db, &order.order_id, parcel).await?;
        if is_labelled || parcel.is_collected && is_not_sent {
            return Ok(Plan::Nothing);
        }
        if parcel.is_collected {
            return Ok(Plan::Ready(Box::new(ReadyForPickup {
                order_id: order.order_id.clone(),
                parcel: parcel.number,
                parcels: parcel.of,
                position: parcel.position,
                location: parcel.location.clone(),
                place: Some(self.config.sender(location)),
            })));
        }
        Ok(Plan::Label(Box::new(LabelRequest {
            to: order.ship_to.clone().ok_or(CreateError::NoAddress)?,
            from: self.config.sender(location),
            measures,
            order: order.clone(),
            parcel: parcel.clone(),
            is_not_sent,
        })))
    }

    fn asks_provider(&self, plan: &Self::Plan) -> bool {
        matches!(plan, Plan::Label(request) if self.asks_shippo(request))
    }

    async fn perform(&self, plan: &Self::Plan, attempt: &Attempt) -> Result<Self::Response, CreateError> {
        match plan {
            Plan::Label(request) => self.label(request, attempt).await,
            Plan::Ready(_) | Plan::Nothing => Ok(None),
        }
    }

    async fn record(
        &self,
        _: &StockPicked,
        plan: &Self::Plan,
        effect: &Self::Response,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, CreateError> {
        let (request, label) = match (plan, effect) {
            (Plan::Label(request), Some(label)) => (request, label),
            (Plan::Ready(ready), _) => return Ok((None, None, Some(ReadyForPickup::clone(ready)))),
            (Plan::Label(_) | Plan::Nothing, _) => return Ok((None, None, None)),
        };
        let LabelRequest { order, parcel, .. } = &**request;
        let Insertion { is_stored, not_sent_because } =
            store::insert(tx, &order.order_id, parcel, label).await?;
        if !is_stored {
            return Err(CreateError::AlreadyLabelled(label.tracking_number.clone()));
        }
        tracing::info!(
            order_id = order.order_id,
            parcel = parcel.number,
            carrier = label.carrier,
            service = label.service,
            reason = label.decision.reason.code(),
            package = %label.package,
            "label created"
        );
        // The order was cancelled, or the parcel voided, while the carrier was asked.
        let void = not_sent_because.map(|reason| LabelVoidRequested {
            order_id: order.order_id.clone(),
            parcel: parcel.number,
            reason,
        });
        let created = LabelCreated {
            order_id: order.order_id.clone(),
            parcel: parcel.number,
            parcels: parcel.of,
            carrier: label.carrier.clone(),
            service: label.service.clone(),
            tracking_number: label.tracking_number.clone(),
            label_id: LabelId { order_id: &order.order_id, parcel: parcel.number }.to_string(),
        };
        Ok((Some(created), void, None))
    }
}
