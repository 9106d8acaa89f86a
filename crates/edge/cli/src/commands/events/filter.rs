//! The choice of events to show: an order's, or those of a subject.

use despatch_contracts::runtime::Envelope;
use despatch_contracts::{ALL, Subject, event_subject, replay_subject};
use despatch_domain::Reason;
use despatch_read_model::OrderBook;

use crate::commands::orders::find;
use crate::config::{Config, fill_in_placeholders};
use crate::registry::Registry;
use crate::result::{Result, hinted};
use despatch_domain::similar::similar;

/// Which events to show.
pub(super) struct Filter {
    /// The NATS subjects to subscribe to, without the namespace.
    pub(super) subjects: Vec<String>,
    /// The one order that they have to be about.
    order_id: Option<String>,
}

impl Filter {
    /// Reads `text` as a subject that something may be published on, or as an order. Without it, everything is shown.
    pub(super) async fn of(
        registry: &Registry,
        config: &Config,
        book: &OrderBook,
        text: Option<&str>,
    ) -> Result<Self> {
        let everything = || ["evt.>", "dead.>"].map(str::to_owned).to_vec();
        let Some(text) = text else { return Ok(Filter { subjects: everything(), order_id: None }) };
        let known = known_subjects(registry, config);
        if let Some(subject) = subject(text, &known) {
            return Ok(Filter { subjects: vec![subject], order_id: None });
        }
        match find(book, text).await {
            Ok(order) => Ok(Filter { subjects: everything(), order_id: Some(order.order_id) }),
            Err(_) if looks_like_a_subject(text) => Err(unknown(text, &known)),
            Err(error) => Err(error),
        }
    }

    pub(super) fn passes(&self, envelope: &Envelope) -> bool {
        self.order_id.as_ref().is_none_or(|id| Subject::order(id).to_string() == envelope.subject)
    }
}

/// Every subject that something is published on, by these workers.
fn known_subjects(registry: &Registry, config: &Config) -> Vec<String> {
    let mut config = config.clone();
    fill_in_placeholders(&mut config);
    let names = registry.names();
    // A worker that cannot be configured here is run elsewhere; only its own events are not known then.
    let workers: Vec<_> =
        names.iter().filter_map(|name| registry.workers(&config, &[name]).ok()).flatten().collect();
    let specs: Vec<_> = workers.iter().flat_map(despatch_runtime::Worker::specs).collect();
    let own = specs.iter().flat_map(|spec| spec.consumes.iter().chain(&spec.emits));
    let mut known: Vec<String> = ALL.iter().chain(own).map(|event_type| event_subject(event_type)).collect();
    for worker in &names {
        known.extend(Reason::ALL.iter().map(|reason| format!("dead.{worker}.{reason}")));
    }
    for spec in &specs {
        known.push(replay_subject(spec.name));
        known.push(format!("settled.{}", spec.name));
    }
    known.sort();
    known.dedup();
    known
}

/// The subject that a text names, if something may be published on it. `evt.` may be left out.
fn subject(text: &str, known: &[String]) -> Option<String> {
    let matches = |pattern: &str| known.iter().any(|subject| matches(pattern, subject));
    let event = event_subject(text);
    if matches(text) { Some(text.to_owned()) } else { matches(&event).then_some(event) }
}

/// Whether a pattern of NATS covers a subject: `*` is one token, `>` is all that follow.
fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (Some(">"), Some(_)) => return pattern.next().is_none(),
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(token)) if wanted == token => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

fn looks_like_a_subject(text: &str) -> bool {
    text.contains(['.', '*', '>']) && !text.contains('/')
}

fn unknown(text: &str, known: &[String]) -> Box<dyn std::error::Error + Send + Sync> {
    let names = known.iter().flat_map(|known| [Some(known.as_str()), known.strip_prefix("evt.")]).flatten();
    let near = similar(text, names).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    hinted(
        format!("{text}: nothing is published on such a subject{near}"),
        "e.g. 'evt.>', 'payment.*', 'dead.payments.>' or an order",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        let registry = Registry::default();
        known_subjects(&registry, &registry.load(None).unwrap())
    }

    #[test]
    fn a_subject_is_one_that_something_is_published_on() {
        let known = known();
        let subject = |text| subject(text, &known);
        for whole in ["evt.>", "evt.payment.*", "evt.order.placed", "dead.>", "dead.*.stock-short", ">"] {
            assert_eq!(subject(whole).as_deref(), Some(whole));
        }
        assert_eq!(subject("replay.payments.capture").as_deref(), Some("replay.payments.capture"));
        assert_eq!(subject("payment.*").as_deref(), Some("evt.payment.*"));
        for nothing in
            ["evt", "evt.>>", "nope", "evt.paymnt.captured", "evt.payment.captured.x", "dead.nope.>"]
        {
            assert_eq!(subject(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_misspelt_subject_is_told_what_it_may_be() {
        let known = known();
        let error = unknown("evt.paymnt.captured", &known).to_string();
        assert!(error.ends_with("did you mean evt.payment.captured?"), "{error}");
        let error = unknown("order.placd", &known).to_string();
        assert!(error.ends_with("did you mean order.placed?"), "{error}");
        assert!(looks_like_a_subject("evt.>>") && !looks_like_a_subject("superstore/CA-2016-152156"));
    }
}
