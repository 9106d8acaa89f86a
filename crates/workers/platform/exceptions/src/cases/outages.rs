//! `exceptions.outages`: a provider that is out of service is one case, which has no event, and one alert. The case is
//! resolved by itself when the provider serves us again.

use std::time::Duration;

use despatch_calendar::{Calendar, OutOfRange};
use despatch_contracts::alert::{AlertRaised, Fact};
use despatch_contracts::exception::MonitorDue;
use despatch_contracts::provider::{ProviderFailed, ProviderRecovered};
use despatch_contracts::runtime::{self, DeadLetter};
use despatch_contracts::{Event as _, Subject, event_enum, now};
use despatch_domain::{ProviderKind, Reason, Triage};
use despatch_runtime::{DbError, Handler, HandlerError, Timer, Tx, Verdict};
use jiff::Timestamp;
use prost::Message as _;

use super::cause::cause;
use super::key::{InvalidEventId, event_id};
use super::store::{self, Failure};
use crate::alerts::monitor;

event_enum! {
    /// News of a provider.
    pub(crate) enum Report {
        Failed(ProviderFailed),
        Recovered(ProviderRecovered),
    }
}

/// Opens and resolves the cases of providers.
pub(crate) struct Outages {
    pub(crate) calendar: Calendar,
    /// The monitor's timer and its interval.
    pub(crate) monitor_due: Timer<MonitorDue>,
    pub(crate) monitor_every: Duration,
}

/// Why a report is not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutageError {
    #[error(transparent)]
    Id(#[from] InvalidEventId),
    #[error(transparent)]
    DueTime(#[from] OutOfRange),
    /// The report of the outage is still on the way.
    #[error("the outage has no case yet")]
    Unknown,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for OutageError {
    fn verdict(&self) -> Verdict {
        match self {
            OutageError::Id(_) => Verdict::Reject(Reason::PayloadUndecodable),
            OutageError::Unknown => Verdict::NotYet,
            OutageError::DueTime(_) | OutageError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Outages {
    const NAME: &'static str = "exceptions.outages";
    type In = Report;
    type Out = Option<AlertRaised>;
    type Error = OutageError;

    async fn record(&self, report: &Report, tx: &Tx<'_>) -> Result<Option<AlertRaised>, OutageError> {
        match report {
            Report::Failed(failed) => {
                self.open(failed, tx).await?;
                monitor::ensure_scheduled(tx, self.monitor_due, self.monitor_every).await?;
                Ok(Some(alert(failed)))
            }
            Report::Recovered(ProviderRecovered { worker, provider, outage_id, seconds }) => {
                let detail = format!("{provider} serves us again, after {}", span(*seconds));
                let id = event_id(outage_id)?;
                let case = case_name(worker, provider);
                if store::record_recovery(tx, &case, id, Self::NAME, &detail).await? {
                    Ok(None)
                } else {
                    Err(OutageError::Unknown)
                }
            }
        }
    }
}

impl Outages {
    async fn open(&self, failed: &ProviderFailed, tx: &Tx<'_>) -> Result<(), OutageError> {
        let ProviderFailed { worker, provider, kind, reason, error, outage_id } = failed;
        let id = event_id(outage_id)?;
        // A newer build may give reasons and kinds that this one does not know.
        let mut triage = Reason::parse(reason).and_then(Reason::triage).unwrap_or(Triage::UNKNOWN);
        if let Some(kind) = ProviderKind::parse(kind) {
            triage.queue = kind.queue();
        }
        let at = now();
        let failed_at = Timestamp::new(at.seconds, at.nanos).unwrap_or_else(|_| Timestamp::now());
        let (handler, subject) =
            (case_name(worker, provider), Subject::new("provider", provider).to_string());
        let letter = DeadLetter {
            worker: worker.clone(),
            handler: handler.clone(),
            event_id: outage_id.clone(),
            subject: subject.clone(),
            reason: reason.clone(),
            failures: vec![runtime::Failure {
                at: Some(at),
                error: error.clone(),
                verdict: "open".to_owned(),
                ..runtime::Failure::default()
            }],
            ..DeadLetter::default()
        };
        let failure = Failure {
            handler: &handler,
            event_id: id,
            worker,
            subject: &subject,
            event_type: ProviderFailed::TYPE,
            reason,
            error,
            cause: cause(error),
            attempts: 0,
            generation: 0,
            trace_id: String::new(),
            triage,
            due: self.calendar.due(failed_at, triage.hours)?,
            replayable: false,
            ends_with_order: false,
            letter: letter.encode_to_vec(),
            shop: None,
            shop_order_id: None,
            value: None,
            contents: provider.clone(),
            // The alert below says it; the monitor's alerts are about events.
            kind: "out-of-service",
        };
        Ok(store::record_failure(tx, &failure).await?)
    }
}

/// The case's name in place of a handler's, e.g. `payments.stripe`.
fn case_name(worker: &str, provider: &str) -> String {
    format!("{worker}.{provider}")
}

fn alert(failed: &ProviderFailed) -> AlertRaised {
    let ProviderFailed { worker, provider, reason, error, .. } = failed;
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    let what = if reason == Reason::ProviderRefused.code() { "refuses the credentials" } else { "is down" };
    AlertRaised {
        cause: format!("provider/{}", case_name(worker, provider)),
        title: format!("{provider} {what}: events of {worker} wait"),
        facts: vec![
            fact("error", error.clone()),
            fact("look", format!("despatch retries list {worker}")),
            fact("what to do", format!("docs/exceptions/{reason}.md")),
        ],
    }
}

/// A length of time for people.
fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
