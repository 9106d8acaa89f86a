//! From a filter on the command line to the cases that it means. A filter for an unknown name is an error.

use despatch_contracts::Subject;
use despatch_exceptions::{CaseFilter, CaseQueries};
use despatch_read_model::ReadModel;
use despatch_runtime::Worker;
use jiff::Timestamp;

use crate::args::FilterArgs;
use crate::config::Config;
use crate::registry::Registry;
use crate::result::{Result, hinted};
use despatch_domain::similar::did_you_mean;

/// The filter that is meant.
pub(super) async fn case_filter(
    registry: &Registry,
    config: &Config,
    cases: &CaseQueries,
    args: &FilterArgs,
) -> Result<CaseFilter> {
    if let Some(handler) = args.handler.as_deref() {
        known_handler(registry, config, handler)?;
    }
    registry.named(args.worker.as_deref())?;
    let subject = match args.order.as_deref() {
        Some(order) => Some(Subject::order(&order_id(config, cases, order).await?).into()),
        None => None,
    };
    Ok(CaseFilter {
        state: args.state,
        queue: args.queue,
        reason: args.reason.clone(),
        handler: args.handler.clone(),
        worker: args.worker.clone(),
        subject,
        claimed_by: args.claimed_by.clone(),
        opened_before: args.older_than.map(|age| Timestamp::now().checked_sub(age)).transpose()?,
        text: args.text.clone(),
        worth: args.worth,
    })
}

/// Checks that some worker has this handler. Input that the gateway refused is a case of `gateway.outbox`.
pub(super) fn known_handler(registry: &Registry, config: &Config, handler: &str) -> Result {
    let workers = registry.known(config)?;
    let known: Vec<&str> = workers.iter().flat_map(Worker::specs).map(|spec| spec.name).collect();
    if known.contains(&handler) || handler == GATEWAY {
        return Ok(());
    }
    let what =
        format!("--handler {handler}: no such handler{}", did_you_mean(handler, known.iter().copied()));
    Err(hinted(what, format!("one of {}", known.join(", "))))
}

/// The handler that the gateway's dead letters name.
const GATEWAY: &str = "gateway.outbox";

/// Despatch's own id of an order that is given by it, or as SHOP/NUMBER. An order that was never accepted is known by its
/// case.
async fn order_id(config: &Config, cases: &CaseQueries, given: &str) -> Result<String> {
    let orders = ReadModel::new(&config.settings())?;
    let found = if let Some((shop, number)) = given.split_once('/') {
        match orders.find_order(shop, number).await? {
            Some(id) => Some(id),
            None => cases.find_order(shop, number).await?,
        }
    } else {
        let known = orders.order(given).await?.is_some() || !cases.of_order(given).await?.is_empty();
        known.then(|| given.to_owned())
    };
    found.ok_or_else(|| {
        hinted(
            format!("--order {given}: no such order"),
            "an order is SHOP/NUMBER, as in superstore/CA-2016-138688, or its id",
        )
    })
}
