//! `despatch orders show`: everything that is known of one order.

use std::fmt::{self, Write as _};

use despatch_read_model::{OrderRecord, ReadModel};
use despatch_runtime::{Database, DeadEvent, backlog};
use despatch_status::{OrderState, ParcelStage};
use serde_json::json;

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;

/// Prints an order's record and what of it is stuck.
pub(crate) async fn show(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    id: &str,
    as_json: bool,
) -> Result {
    let config = attach(config, data_dir)?;
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
    for worker in registry.names() {
        let db = Database::new(config.database_of(worker), 1)?;
        dead.extend(backlog(&db, worker, Some(&id)).await?.dead);
    }
    if record.is_none() && dead.is_empty() {
        return Err(format!("{id}: no such order").into());
    }
    if as_json {
        let dead: Vec<_> =
            dead.iter().map(|dead| json!({ "handler": dead.handler, "reason": dead.reason })).collect();
        let shown = json!({ "order_id": id, "order": record, "dead_letters": dead });
        return print(&format!("{shown:#}\n"));
    }
    print(&as_lines(&id, record.as_ref(), &dead)?)
}

fn as_lines(id: &str, record: Option<&OrderRecord>, dead: &[DeadEvent]) -> Result<String, fmt::Error> {
    let mut lines = format!("order      {id}\n");
    if let Some(record) = record {
        record_lines(&mut lines, record)?;
    }
    for DeadEvent { handler, reason, .. } in dead {
        writeln!(lines, "stuck      {handler}: {reason}")?;
    }
    Ok(lines)
}

fn record_lines(lines: &mut String, record: &OrderRecord) -> fmt::Result {
    writeln!(lines, "state      {}", record.state)?;
    let minor = record.total_minor;
    let total = despatch_domain::Currency::parse(&record.currency).map_or_else(
        |_| format!("{minor} {}", record.currency),
        |it| despatch_domain::Money::new(minor, it).to_string(),
    );
    writeln!(lines, "total      {total}")?;
    if let Some(payment) = &record.payment {
        writeln!(
            lines,
            "payment    {} {}: captured {}, refunded {}",
            payment.provider, payment.authorisation, payment.captured_minor, payment.refunded_minor
        )?;
    }
    for parcel in &record.parcels {
        let stage = parcel.stage.map_or("", ParcelStage::name);
        writeln!(
            lines,
            "parcel {}   {} {} {} {stage} (label {}, {})",
            parcel.parcel,
            parcel.carrier,
            parcel.service,
            parcel.tracking_number,
            parcel.label_id,
            parcel.reason
        )?;
    }
    for message in &record.messages {
        writeln!(lines, "message    {} {}", message.milestone, message.message_id)?;
    }
    if let Some(review) = &record.review {
        let rating = review.rating.map_or_else(String::new, |rating| format!(", {rating} stars"));
        writeln!(lines, "review     {}, asked {} times{rating}", review.state, review.asks)?;
    }
    writeln!(lines, "timeline")?;
    for step in &record.timeline {
        let (at, from, to) = (step.at.to_string(), step.from.map_or("—", OrderState::name), step.to.name());
        let change = if from == to { to.to_owned() } else { format!("{from} → {to}") };
        writeln!(lines, "  {at:<30} {:<24} {change:<26} {} {}", step.event, step.reason, step.detail)?;
    }
    Ok(())
}
