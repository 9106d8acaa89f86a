//! The workers that the binary knows. A program can add workers of its own, or run these alone.

use std::collections::BTreeSet;
use std::path::Path;

use despatch_calendar::CalendarProblem;
use despatch_runtime::Worker;
use serde::de::DeserializeOwned;

use crate::config::{Config, ConfigError, Key, Loaded, Problem, Section, fill_in_placeholders};
use despatch_domain::similar::did_you_mean;

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
    ("gateway.order_page_days", "links.page_days"),
    ("gateway.shop_name", "shop.name"),
    ("gateway.shippo_tokens", "shippo.webhook_tokens"),
    ("gateway.stripe_secrets", "stripe.webhook_secrets"),
    ("labels.shippo", "shippo"),
    ("notifications.alert_webhook", "alerts.webhook"),
];

/// Every worker of despatch, in the order of an order's life.
fn all() -> Vec<Entry> {
    vec![
        Entry::shared(
            despatch_gateway::NAME,
            |config| config.gateway().problems().iter().map(|problem| format!("gateway.{problem}")).collect(),
            |_| Ok(despatch_gateway::worker()),
        ),
        Entry::shared(despatch_orders::NAME, |_| Vec::new(), |_| Ok(despatch_orders::worker())),
        Entry::own(despatch_inventory::NAME, despatch_inventory::DEFAULTS, despatch_inventory::worker),
        Entry::shared(
            despatch_payments::NAME,
            |config| said("stripe.", config.payments().problems()),
            |config| {
                despatch_payments::worker(&config.payments()).map_err(|problem| format!("stripe.{problem}"))
            },
        ),
        Entry::shared(
            despatch_labels::NAME,
            |config| said("", config.labels().problems()),
            |config| despatch_labels::worker(&config.labels()).map_err(|problem| problem.to_string()),
        ),
        Entry::shared(
            despatch_notifications::NAME,
            |config| said("", config.notifications().problems()),
            |config| {
                despatch_notifications::worker(&config.notifications()).map_err(|problem| problem.to_string())
            },
        ),
        Entry::shared(
            despatch_reviews::NAME,
            |config| said("", config.reviews().problems()),
            |config| Ok(despatch_reviews::worker(&config.reviews())),
        ),
        Entry::shared(
            despatch_exceptions::NAME,
            |config| {
                let problems = config.exceptions.calendar.calendar().err().unwrap_or_default();
                problems.iter().map(with_nearest).collect()
            },
            |config| {
                despatch_exceptions::worker(&config.exceptions)
                    .map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())
            },
        ),
    ]
}

/// The problems, each beginning with its key and a colon.
fn said<P: ToString>(table: &str, problems: impl IntoIterator<Item = P>) -> Vec<String> {
    problems.into_iter().map(|problem| format!("{table}{}", problem.to_string())).collect()
}

/// A problem with a calendar, and the zone or the day that is probably meant.
fn with_nearest(problem: &CalendarProblem) -> String {
    let nearest = match problem {
        CalendarProblem::TimeZone(found) => {
            let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            did_you_mean(found, zones.iter().map(String::as_str))
        }
        CalendarProblem::Day { found, .. } => did_you_mean(found, DAYS),
        _ => String::new(),
    };
    format!("exceptions.calendar.{problem}{nearest}")
}

/// The days as a calendar names them.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The workers that a program can run, each by its name. By default those of despatch. `examples/gift-wrap` is a program that
/// adds one.
pub struct Registry {
    entries: Vec<Entry>,
}

/// A worker that can be run: its name, its part of the configuration, and how it is made.
pub struct Entry {
    section: Section,
    problems: fn(&Config) -> Vec<String>,
    build: Box<Build>,
}

/// A worker, or the first thing that is wrong with its configuration.
type Build = dyn Fn(&Config) -> Result<Worker, String> + Send + Sync;

impl Entry {
    /// A worker with a table of its own in the configuration. `defaults` is that table, `[name]`, annotated and with the
    /// default of every key; `worker` makes the worker from what the operator's file and the environment leave of it.
    pub fn own<C: DeserializeOwned + 'static>(
        name: &'static str,
        defaults: &'static str,
        worker: fn(&C) -> Worker,
    ) -> Self {
        let check = |table: toml::Value| match table.try_into::<C>() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message().to_owned()),
        };
        let build = move |config: &Config| match config.own(name) {
            Ok(config) => Ok(worker(&config)),
            Err(problem) => Err(format!("{name}: {problem}")),
        };
        let section = Section { name, defaults, check };
        Entry { section, problems: |_| Vec::new(), build: Box::new(build) }
    }

    /// A worker of despatch, whose settings are in several tables. `problems` has everything that is wrong with them, each
    /// beginning with its key and a colon.
    fn shared(
        name: &'static str,
        problems: fn(&Config) -> Vec<String>,
        build: impl Fn(&Config) -> Result<Worker, String> + Send + Sync + 'static,
    ) -> Self {
        let section = Section { name, defaults: "", check: |_| Ok(()) };
        Entry { section, problems, build: Box::new(build) }
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

    /// The configuration, or everything that is wrong with it. Empty values are not looked at, because a process needs only
    /// the values of its own workers, and `up` fills in the rest.
    pub(crate) fn load(&self, file: Option<&Path>) -> Result<Config, ConfigError> {
        self.examined(file)?.checked()
    }

    /// The configuration with everything that is wrong with it, but for what is empty.
    pub(crate) fn examined(&self, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let mut loaded = Loaded::read(file, &self.sections())?;
        let mut filled = loaded.config.clone();
        fill_in_placeholders(&mut filled);
        for entry in &self.entries {
            for problem in (entry.problems)(&filled) {
                let (key, text) = in_the_file(&problem);
                loaded.complain(&key, text);
            }
        }
        for (key, text) in loaded.config.server_problems() {
            loaded.complain(&key, text);
        }
        let databases = Key::default().name("databases");
        let moved: Vec<String> = loaded.config.databases.keys().cloned().collect();
        for worker in moved {
            if let Err(unknown) = self.named(Some(&worker)) {
                loaded.complain(&databases.name(&worker), unknown.what());
            }
        }
        Ok(loaded)
    }

    /// The configuration that a running deployment has.
    #[cfg(feature = "local")]
    pub(crate) fn running(&self, settings: toml::Table) -> Result<Config, ConfigError> {
        Loaded::running(settings, &self.sections())?.checked()
    }

    /// Everything that these workers cannot run with.
    pub(crate) fn problems(&self, config: &Config, names: &[&str]) -> Vec<Problem> {
        let entries = self.entries.iter().filter(|entry| names.contains(&entry.section.name));
        let problems = entries.flat_map(|entry| (entry.problems)(config));
        let keyed = problems.map(|problem| in_the_file(&problem));
        // Several workers sign the same links.
        let distinct: BTreeSet<Problem> = keyed.map(|(key, text)| config.problem(&key, text)).collect();
        distinct.into_iter().collect()
    }

    /// Policies of handlers that these workers do not have.
    pub(crate) fn policy_problems(&self, config: &Config, workers: &[Worker]) -> Vec<Problem> {
        let known: BTreeSet<&str> = workers.iter().flat_map(Worker::specs).map(|spec| spec.name).collect();
        let of_these = |handler: &str| {
            let worker = handler.split_once('.').map_or(handler, |(worker, _)| worker);
            workers.iter().any(|known| known.name() == worker) || !self.names().contains(&worker)
        };
        let tuned = config.runtime.policies.keys().filter(|handler| of_these(handler));
        let unknown = tuned.filter(|handler| !known.contains(handler.as_str()));
        let policies = Key::parse("runtime.policies");
        let problem = |handler: &String| {
            let text = format!("no such handler{}", did_you_mean(handler, known.iter().copied()));
            config.problem(&policies.name(handler), text)
        };
        unknown.map(problem).collect()
    }

    /// The named workers as configured, or everything that is wrong with their configuration.
    pub(crate) fn workers(&self, config: &Config, names: &[&str]) -> Result<Vec<Worker>, ConfigError> {
        let failed = |problems| Err(ConfigError { file: config.origins.file.clone(), problems });
        let mut problems = self.problems(config, names);
        let mut workers = Vec::new();
        for name in names {
            match self.worker(config, name) {
                Ok(worker) => workers.push(worker),
                Err(wrong) if problems.is_empty() => {
                    let (key, text) = in_the_file(&wrong);
                    problems.push(config.problem(&key, text));
                }
                // It is among them.
                Err(_) => {}
            }
        }
        problems.extend(self.policy_problems(config, &workers));
        if problems.is_empty() { Ok(workers) } else { failed(problems) }
    }

    /// Every worker, for commands that only need to know what it is. The values that providers need are filled in.
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

    fn worker(&self, config: &Config, name: &str) -> Result<Worker, String> {
        match self.entries.iter().find(|entry| entry.section.name == name) {
            Some(entry) => (entry.build)(config),
            None => Err(NoSuchWorker { name: name.to_owned(), names: self.names() }.to_string()),
        }
    }
}

/// A name that is no worker's.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {what}", what = self.what())]
pub(crate) struct NoSuchWorker {
    name: String,
    names: Vec<&'static str>,
}

impl NoSuchWorker {
    /// The problem with the name.
    fn what(&self) -> String {
        let near = did_you_mean(&self.name, self.names.iter().copied());
        if near.is_empty() {
            return format!("no such worker; there are {}", self.names.join(", "));
        }
        format!("no such worker{near}")
    }
}

/// A problem with the key of the file in the place of a worker's field, and its text.
fn in_the_file(problem: &str) -> (Key, String) {
    let problem = KEYS.iter().fold(problem.to_owned(), |problem, (field, key)| problem.replace(field, key));
    let (key, text) = problem.split_once(' ').unwrap_or((&problem, "cannot be used"));
    (Key::parse(key.trim_end_matches(':')), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is wrong with a file.
    fn report(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("shop.toml");
        std::fs::write(&file, text).unwrap();
        let error = Registry::default().load(Some(&file)).unwrap_err().to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    }

    #[test]
    fn what_is_wrong_with_values_is_reported_with_what_is_wrong_with_keys() {
        let text = "\
[gatway]
listen = \"127.0.0.1:0\"
[databases]
paymnts = \"postgres://db/p\"
orders = \"postgres://db:port/o\"
[exceptions.calendar]
time_zone = \"Europe/Lodnon\"
opens = \"9\"
days = [\"monday\", \"tuseday\"]
[stripe]
base_url = \"stripe\"
[labels.sender]
name = \"Nord\"
street1 = \"Hauptstr. 1\"
city = \"\"
country = \"USA\"
";
        let expected = "\
shop.toml, 9 problems
  line 1   gatway                         no such table; did you mean gateway?
  line 4   databases.paymnts              no such worker; did you mean payments?
  line 5   databases.orders               expected a URL such as postgres://user:password@host:port/database
  line 7   exceptions.calendar.time_zone  expected an IANA name such as Europe/London, found \"Europe/Lodnon\"; did you mean Europe/London?
  line 8   exceptions.calendar.opens      expected a time such as 09:00, found \"9\"
  line 9   exceptions.calendar.days[1]    expected a day such as monday, found \"tuseday\"; did you mean tuesday?
  line 11  stripe.base_url                expected an http or https URL, found \"stripe\"
  line 15  labels.sender.city             expected the city, found nothing
  line 16  labels.sender.country          expected an ISO 3166-1 alpha-2 code, found \"USA\"; did you mean US?";
        assert_eq!(report(text), expected);
    }

    #[test]
    fn what_a_worker_needs_is_asked_for_when_it_is_to_run() {
        let registry = Registry::default();
        let config = registry.load(None).unwrap();
        let problems = registry.workers(&config, &["payments"]).err().unwrap().problems;
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(
            keys,
            ["stripe.base_url (DESPATCH_STRIPE_BASE_URL)", "stripe.secret_key (DESPATCH_STRIPE_SECRET_KEY)"]
        );
    }
}
