//! The one list of all workers.

use despatch_runtime::Worker;

use crate::config::{Config, Unusable};

/// Every worker's name, in the order of an order's life.
pub(crate) const NAMES: &[&str] = &[
    despatch_gateway::NAME,
    despatch_orders::NAME,
    despatch_inventory::NAME,
    despatch_payments::NAME,
    despatch_labels::NAME,
    despatch_notifications::NAME,
    despatch_reviews::NAME,
];

/// The named workers as configured, or everything that is wrong with their configuration.
pub(crate) fn workers(config: &Config, names: &[&str]) -> Result<Vec<Worker>, Unusable> {
    let mut workers = Vec::new();
    let mut problems = Vec::new();
    let mut add = |worker: Result<Worker, String>| match worker {
        Ok(worker) => workers.push(worker),
        Err(problem) => problems.push(problem),
    };
    for name in names {
        match *name {
            despatch_gateway::NAME => add(Ok(despatch_gateway::worker())),
            despatch_orders::NAME => add(Ok(despatch_orders::worker())),
            despatch_inventory::NAME => add(Ok(despatch_inventory::worker(&config.inventory))),
            despatch_payments::NAME => {
                add(despatch_payments::worker(&config.payments()).map_err(|error| error.to_string()));
            }
            despatch_labels::NAME => {
                add(despatch_labels::worker(&config.labels()).map_err(|error| error.to_string()));
            }
            despatch_notifications::NAME => {
                add(despatch_notifications::worker(&config.notifications())
                    .map_err(|error| error.to_string()));
            }
            despatch_reviews::NAME => add(Ok(despatch_reviews::worker(&config.reviews()))),
            other => add(Err(format!("{other}: no such worker; there are {}", NAMES.join(", ")))),
        }
    }
    if problems.is_empty() { Ok(workers) } else { Err(Unusable(problems)) }
}
