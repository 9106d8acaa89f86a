//! The one list of all workers.

use std::collections::BTreeSet;

use despatch_runtime::Worker;

use crate::config::{Config, ConfigError, fill_in_placeholders};

/// Every worker's name, in the order of an order's life.
pub const NAMES: &[&str] = &[
    despatch_gateway::NAME,
    despatch_orders::NAME,
    despatch_inventory::NAME,
    despatch_payments::NAME,
    despatch_labels::NAME,
    despatch_notifications::NAME,
    despatch_reviews::NAME,
    despatch_exceptions::NAME,
];

/// Workers name the fields of their own configuration; here is where the file has those that stand elsewhere in it.
const KEYS: &[(&str, &str)] = &[
    ("notifications.from", "shop.from"),
    ("notifications.message_id_domain", "shop.message_id_domain"),
    ("notifications.public_url", "shop.public_url"),
    ("notifications.smtp_url", "smtp.url"),
    ("notifications.link_secret", "links.secret"),
    ("gateway.link_secret", "links.secret"),
    ("gateway.shippo_tokens", "shippo.webhook_tokens"),
    ("labels.shippo", "shippo"),
];

/// The named workers as configured, or everything that is wrong with their configuration.
pub(crate) fn workers(config: &Config, names: &[&str]) -> Result<Vec<Worker>, ConfigError> {
    let mut workers = Vec::new();
    let mut problems = Vec::new();
    for name in names {
        match worker(config, name) {
            Ok(worker) => workers.push(worker),
            Err(wrong) => problems.extend(wrong.iter().map(|problem| in_the_file(problem))),
        }
    }
    // Several workers sign the same links.
    let mut said = BTreeSet::new();
    problems.retain(|problem| said.insert(problem.clone()));
    if problems.is_empty() { Ok(workers) } else { Err(ConfigError(problems)) }
}

/// Every worker, for commands that only need to know what it is. What its providers need is filled in.
pub(crate) fn known(config: &Config) -> Result<Vec<Worker>, ConfigError> {
    let mut config = config.clone();
    for provider in [&mut config.stripe.base_url, &mut config.shippo.base_url, &mut config.smtp.url] {
        provider.clear();
    }
    fill_in_placeholders(&mut config);
    workers(&config, NAMES)
}

/// A worker, or everything that is wrong with its configuration.
fn worker(config: &Config, name: &str) -> Result<Worker, Vec<String>> {
    match name {
        despatch_gateway::NAME => {
            let problems = config.gateway().problems();
            none_of(problems.iter().map(|problem| format!("gateway.{problem}")))?;
            Ok(despatch_gateway::worker())
        }
        despatch_orders::NAME => Ok(despatch_orders::worker()),
        despatch_inventory::NAME => Ok(despatch_inventory::worker(&config.inventory)),
        despatch_payments::NAME => {
            let config = config.payments();
            despatch_payments::worker(&config).map_err(|problem| vec![format!("stripe.{problem}")])
        }
        despatch_labels::NAME => {
            let config = config.labels();
            none_of(config.problems().iter().map(ToString::to_string))?;
            despatch_labels::worker(&config).map_err(|problem| vec![problem.to_string()])
        }
        despatch_notifications::NAME => {
            let config = config.notifications();
            none_of(config.problems().iter().map(ToString::to_string))?;
            despatch_notifications::worker(&config).map_err(|problem| vec![problem.to_string()])
        }
        despatch_reviews::NAME => {
            let unsigned = config.links.secret.is_empty();
            none_of(unsigned.then(|| "links.secret is empty: anybody could sign links".to_owned()))?;
            Ok(despatch_reviews::worker(&config.reviews()))
        }
        despatch_exceptions::NAME => {
            despatch_exceptions::worker(&config.exceptions).map_err(|problem| vec![problem.to_string()])
        }
        other => Err(vec![NoSuchWorker(other.to_owned()).to_string()]),
    }
}

/// One worker's name, or all of them.
pub(crate) fn named(name: Option<&str>) -> Result<Vec<&'static str>, NoSuchWorker> {
    let Some(name) = name else { return Ok(NAMES.to_vec()) };
    match NAMES.iter().find(|known| **known == name) {
        Some(known) => Ok(vec![known]),
        None => Err(NoSuchWorker(name.to_owned())),
    }
}

/// A name that is no worker's.
#[derive(Debug, thiserror::Error)]
#[error("{0}: no such worker; there are {names}", names = NAMES.join(", "))]
pub(crate) struct NoSuchWorker(String);

fn none_of(problems: impl IntoIterator<Item = String>) -> Result<(), Vec<String>> {
    let problems: Vec<String> = problems.into_iter().collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A problem with the keys of the file in the place of a worker's fields.
fn in_the_file(problem: &str) -> String {
    KEYS.iter().fold(problem.to_owned(), |problem, (field, key)| problem.replace(field, key))
}
