//! The running processes: which there are of each worker, whether each works, and what restricts it, such as a clock that
//! is wrong. Each tells that itself.

use std::time::Duration;

use async_nats::{Client, HeaderMap, StatusCode};
use despatch_contracts::runtime::{ProcessReport, Report};
use despatch_contracts::{Ask as _, ask_subject};
use futures_util::StreamExt;
use futures_util::future::join_all;
use prost::Message as _;
use tokio::time::timeout;

use crate::admin::doctor::check::{ANSWER_TIMEOUT, Check, Grade};
use crate::nats::Names;
use crate::worker::Worker;

/// How long the first answer may take. Where no process runs the server says so at once.
const FIRST: Duration = ANSWER_TIMEOUT;

/// How long each further answer may take. How many there are is not known.
const NEXT: Duration = Duration::from_secs(1);

pub(crate) async fn examine(client: &Client, names: &Names, workers: &[Worker]) -> Vec<Check> {
    let asked = workers.iter().map(|worker| async move {
        match reports(client, names, worker.name).await {
            Ok(reports) => judged(worker.name, &reports),
            Err(why) => {
                let check = Check::ok(format!("processes of {}", worker.name), why, EXPECTED);
                vec![check.but(Grade::Warning, UNKNOWN)]
            }
        }
    });
    join_all(asked).await.into_iter().flatten().map(|check| check.of("processes")).collect()
}

const UNKNOWN: &str = "There may be some all the same. See that the user of nats_url may ask (`operator` may), look at the NATS \
                       server's load, and run the doctor again.";

const EXPECTED: &str = "at least one, each at work";

/// The answers of every process of a worker.
async fn reports(client: &Client, names: &Names, worker: &str) -> Result<Vec<ProcessReport>, String> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| error.to_string())?;
    let subject = names.full(&ask_subject(worker, Report::VERB));
    let request = client.publish_with_reply(subject, inbox, Report {}.encode_to_vec().into());
    request.await.map_err(|error| error.to_string())?;
    let mut reports = Vec::new();
    loop {
        let within = if reports.is_empty() { FIRST } else { NEXT };
        match timeout(within, answers.next()).await {
            Ok(Some(answer)) if answer.status == Some(StatusCode::NO_RESPONDERS) => break,
            Ok(Some(answer)) if answer.headers.as_ref().is_none_or(HeaderMap::is_empty) => {
                reports.push(ProcessReport::decode(answer.payload).map_err(|error| error.to_string())?);
            }
            // A refusal has headers.
            Ok(Some(_)) => return Err("a process of another version answers".to_owned()),
            Ok(None) => return Err("the connection ended".to_owned()),
            // Where no process runs the server says so, so this is no proof of it.
            Err(_) if reports.is_empty() => return Err(format!("no answer within {within:?}")),
            Err(_) => break,
        }
    }
    Ok(reports)
}

fn judged(worker: &str, reports: &[ProcessReport]) -> Vec<Check> {
    let subject = format!("processes of {worker}");
    if reports.is_empty() {
        let advice = format!("Start `despatch run {worker}`: what is for it waits until then.");
        return vec![Check::ok(subject, "none answers", EXPECTED).but(Grade::Warning, advice)];
    }
    let count = match reports.len() {
        1 => "1 process".to_owned(),
        more => format!("{more} processes"),
    };
    let mut checks = vec![Check::ok(subject, count, EXPECTED)];
    for report in reports {
        let name = format!("process {} of {worker} on {}", report.pid, report.host);
        if !report.not_ready.is_empty() {
            let check = Check::ok(name.clone(), format!("waits: {}", report.not_ready.join("; ")), "at work");
            checks.push(check.but(Grade::Failed, "Look at its log. What it waits for is named."));
        }
        if !report.degraded.is_empty() {
            let check = Check::ok(name, report.degraded.join("; "), "without a restriction");
            checks
                .push(check.but(Grade::Warning, "What restricts it is named. The rest of its work goes on."));
        }
    }
    checks
}
