//! The workers that the binary knows. A program can add workers of its own, or run these alone.

use std::collections::BTreeSet;

use despatch_runtime::Worker;
use serde::de::DeserializeOwned;

use crate::config::{Config, ConfigError, Section, fill_in_placeholders};

/// Workers name the fields of their own configuration; here is where the file has those that stand elsewhere in it.
const KEYS: &[(&str, &str)] = &[
    ("notifications.from", "shop.from"),
    ("notifications.message_id_domain", "shop.message_id_domain"),
    ("notifications.public_url", "shop.public_url"),
    ("notifications.smtp_url", "smtp.url"),
    ("notifications.link_secret", "links.secret"),
    ("reviews.public_url", "shop.public_url"),
    ("reviews.link_secret", "links.secret"),
    ("notifications.shop_name", "shop.name"),
    ("gateway.link_secret", "links.secret"),
    ("gateway.former_link_secrets", "links.former_secrets"),
    ("gateway.shop_name", "shop.name"),
    ("gateway.shippo_tokens", "shippo.webhook_tokens"),
    ("labels.shippo", "shippo"),
    ("notifications.alert_webhook", "alerts.webhook"),
];

/// Every worker of despatch, in the order of an order's life.
fn all() -> Vec<Entry> {
    vec![
        Entry::shared(despatch_gateway::NAME, |config| {
            let problems = config.gateway().problems();
            none_of(problems.iter().map(|problem| format!("gateway.{problem}")))?;
            Ok(despatch_gateway::worker())
        }),
        Entry::shared(despatch_orders::NAME, |_| Ok(despatch_orders::worker())),
        Entry::own(despatch_inventory::NAME, despatch_inventory::DEFAULTS, despatch_inventory::worker),
        Entry::shared(despatch_payments::NAME, |config| {
            despatch_payments::worker(&config.payments()).map_err(|problem| vec![format!("stripe.{problem}")])
        }),
        Entry::shared(despatch_labels::NAME, |config| {
            let config = config.labels();
            none_of(config.problems().iter().map(ToString::to_string))?;
            despatch_labels::worker(&config).map_err(|problem| vec![problem.to_string()])
        }),
        Entry::shared(despatch_notifications::NAME, |config| {
            let config = config.notifications();
            none_of(config.problems().iter().map(ToString::to_string))?;
            despatch_notifications::worker(&config).map_err(|problem| vec![problem.to_string()])
        }),
        Entry::shared(despatch_reviews::NAME, |config| {
            let config = config.reviews();
            none_of(config.problems().iter().map(ToString::to_string))?;
            Ok(despatch_reviews::worker(&config))
        }),
        Entry::shared(despatch_exceptions::NAME, |config| {
            despatch_exceptions::worker(&config.exceptions)
                .map_err(|problems| problems.iter().map(ToString::to_string).collect())
        }),
    ]
}

/// The workers that a program can run, each by its name. By default those of despatch. `examples/gift-wrap` is a program that
/// adds one.
pub struct Registry {
    entries: Vec<Entry>,
}

/// A worker that can be run: its name, its part of the configuration, and how it is made.
pub struct Entry {
    section: Section,
    build: Box<Build>,
}

/// A worker, or everything that is wrong with its configuration.
type Build = dyn Fn(&Config) -> Result<Worker, Vec<String>> + Send + Sync;

impl Entry {
    /// A worker with a table of its own in the configuration. `defaults` is that table, `[name]`, annotated and with the
    /// default of every key; `worker` makes the worker from what the operator's file and the environment leave of it.
    pub fn own<C: DeserializeOwned + 'static>(
        name: &'static str,
        defaults: &'static str,
        worker: fn(&C) -> Worker,
    ) -> Self {
        let build = move |config: &Config| match config.own(name) {
            Ok(config) => Ok(worker(&config)),
            Err(problem) => Err(vec![format!("{name}: {problem}")]),
        };
        Entry { section: Section { name, defaults }, build: Box::new(build) }
    }

    /// A worker of despatch, whose settings are in several tables.
    fn shared(
        name: &'static str,
        build: impl Fn(&Config) -> Result<Worker, Vec<String>> + Send + Sync + 'static,
    ) -> Self {
        Entry { section: Section { name, defaults: "" }, build: Box::new(build) }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Registry { entries: all() }
    }
}

impl Registry {
    /// No workers, to which others are added.
    pub const fn empty() -> Self {
        Registry { entries: Vec::new() }
    }

    /// Adds a worker. One of the same name takes the place of what was there.
    #[must_use]
    pub fn with(mut self, entry: Entry) -> Self {
        match self.entries.iter_mut().find(|there| there.section.name == entry.section.name) {
            Some(there) => *there = entry,
            None => self.entries.push(entry),
        }
        self
    }

    /// Every worker's name.
    pub fn names(&self) -> Vec<&'static str> {
        self.entries.iter().map(|entry| entry.section.name).collect()
    }

    /// The tables that the workers bring to the configuration.
    pub(crate) fn sections(&self) -> Vec<Section> {
        self.entries
            .iter()
            .map(|entry| entry.section)
            .filter(|section| !section.defaults.is_empty())
            .collect()
    }

    /// The named workers as configured, or everything that is wrong with their configuration.
    pub(crate) fn workers(&self, config: &Config, names: &[&str]) -> Result<Vec<Worker>, ConfigError> {
        let mut workers = Vec::new();
        let mut problems = Vec::new();
        for name in names {
            match self.worker(config, name) {
                Ok(worker) => workers.push(worker),
                Err(wrong) => problems.extend(wrong.iter().map(|problem| in_the_file(problem))),
            }
        }
        let known: BTreeSet<&str> = workers.iter().flat_map(Worker::specs).map(|spec| spec.name).collect();
        let of_these = |handler: &str| {
            let worker = handler.split_once('.').map_or(handler, |(worker, _)| worker);
            names.contains(&worker) || !self.names().contains(&worker)
        };
        let tuned = config.runtime.policies.keys().filter(|handler| of_these(handler));
        let unknown = tuned.filter(|handler| !known.contains(handler.as_str()));
        problems.extend(unknown.map(|handler| format!("runtime.policies.{handler}: no such handler")));
        // Several workers sign the same links.
        let mut said = BTreeSet::new();
        problems.retain(|problem| said.insert(problem.clone()));
        if problems.is_empty() { Ok(workers) } else { Err(ConfigError(problems)) }
    }

    /// Every worker, for commands that only need to know what it is. What its providers need is filled in.
    pub(crate) fn known(&self, config: &Config) -> Result<Vec<Worker>, ConfigError> {
        let mut config = config.clone();
        for provider in [&mut config.stripe.base_url, &mut config.shippo.base_url, &mut config.smtp.url] {
            provider.clear();
        }
        fill_in_placeholders(&mut config);
        self.workers(&config, &self.names())
    }

    /// One worker's name, or all of them.
    pub(crate) fn named(&self, name: Option<&str>) -> Result<Vec<&'static str>, NoSuchWorker> {
        let names = self.names();
        let Some(name) = name else { return Ok(names) };
        match names.iter().find(|known| **known == name) {
            Some(known) => Ok(vec![known]),
            None => Err(NoSuchWorker { name: name.to_owned(), names }),
        }
    }

    fn worker(&self, config: &Config, name: &str) -> Result<Worker, Vec<String>> {
        match self.entries.iter().find(|entry| entry.section.name == name) {
            Some(entry) => (entry.build)(config),
            None => Err(vec![NoSuchWorker { name: name.to_owned(), names: self.names() }.to_string()]),
        }
    }
}

/// A name that is no worker's.
#[derive(Debug, thiserror::Error)]
#[error("{name}: no such worker; there are {names}", names = names.join(", "))]
pub(crate) struct NoSuchWorker {
    name: String,
    names: Vec<&'static str>,
}

fn none_of(problems: impl IntoIterator<Item = String>) -> Result<(), Vec<String>> {
    let problems: Vec<String> = problems.into_iter().collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A problem with the keys of the file in the place of a worker's fields.
fn in_the_file(problem: &str) -> String {
    KEYS.iter().fold(problem.to_owned(), |problem, (field, key)| problem.replace(field, key))
}
