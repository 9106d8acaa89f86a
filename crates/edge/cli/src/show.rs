//! `despatch order show`: everything that is known of one order.

use despatch_read_model::{OrderRecord, ReadModel};
use despatch_runtime::{Database, DeadEvent, backlog};
use despatch_status::{OrderState, ParcelStage};
use serde_json::json;

use crate::config::Config;
use crate::home::Home;
use crate::{Outcome, at, registry};

/// Prints an order's record and what of it is stuck.
pub(crate) async fn show(config: Config, home: &Home, id: &str, as_json: bool) -> Outcome {
    let config = at(config, home)?;
    let read_model = ReadModel::new(&config.settings())?;
    let id = match id.split_once('/') {
        None => id.to_owned(),
        Some((shop, shop_order_id)) => {
            let found = read_model.find_order(shop, shop_order_id).await?;
            found.ok_or_else(|| format!("{id}: orders never accepted such an order"))?
        }
    };
    let record = read_model.order(&id).await?;
    let mut dead = Vec::new();
    for worker in registry::NAMES {
        let db = Database::new(config.database_of(worker), 1)?;
        dead.extend(backlog(&db, worker, Some(&id)).await?.dead);
    }
    if record.is_none() && dead.is_empty() {
        return Err(format!("{id}: no such order").into());
    }
    if as_json {
        let dead: Vec<_> =
            dead.iter().map(|dead| json!({ "handler": dead.handler, "reason": dead.reason })).collect();
        println!("{:#}", json!({ "order_id": id, "order": record, "dead_letters": dead }));
    } else {
        print(&id, record.as_ref(), &dead);
    }
    Ok(())
}

fn print(id: &str, record: Option<&OrderRecord>, dead: &[DeadEvent]) {
    println!("order      {id}");
    if let Some(record) = record {
        println!("state      {}", record.state);
        let minor = record.total_minor;
        let total = despatch_domain::Currency::parse(&record.currency).map_or_else(
            |_| format!("{minor} {}", record.currency),
            |it| despatch_domain::Money::new(minor, it).to_string(),
        );
        println!("total      {total}");
        if let Some(payment) = &record.payment {
            println!(
                "payment    {} {}: captured {}, refunded {}",
                payment.provider, payment.authorisation, payment.captured_minor, payment.refunded_minor
            );
        }
        for parcel in &record.parcels {
            let stage = parcel.stage.map_or("", ParcelStage::name);
            println!(
                "parcel {}   {} {} {} {stage} (label {}, {})",
                parcel.parcel,
                parcel.carrier,
                parcel.service,
                parcel.tracking_number,
                parcel.label_id,
                parcel.reason
            );
        }
        for message in &record.messages {
            println!("message    {} {}", message.milestone, message.message_id);
        }
        if let Some(review) = &record.review {
            let rating = review.rating.map_or_else(String::new, |rating| format!(", {rating} stars"));
            println!("review     {}, asked {} times{rating}", review.state, review.asks);
        }
        println!("timeline");
        for step in &record.timeline {
            let (from, to) = (step.from.map_or("—", OrderState::name), step.to.name());
            let change = if from == to { to.to_owned() } else { format!("{from} → {to}") };
            println!("  {:<30} {:<24} {change:<26} {} {}", step.at.to_string(), step.event, step.reason, step.detail);
        }
    }
    for DeadEvent { handler, reason, .. } in dead {
        println!("stuck      {handler}: {reason}");
    }
}
