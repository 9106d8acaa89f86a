//! `despatch retries`: events that wait for their next try.

use std::collections::{BTreeSet, HashMap};
use std::process::ExitCode;
use std::time::SystemTime;

use despatch_contracts::runtime::{self, CancelRetries, Changed, RetryNow};
use despatch_contracts::{Ask, Subject, id_range};
use despatch_read_model::ReadModel;
use despatch_runtime::{
    Database, Operator, Outage, PendingRetry, RetryFilter, count_retries, list_outages, list_retries,
    retries_between,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::case_filter::known_handler;
use crate::args::{RetriesCommand, RetryArgs};
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{Table, age, due, next_command, one_line, print, width};
use crate::registry::Registry;
use crate::result::{Result, hinted};

/// A change of retries, in words.
struct Change {
    /// As in "3 would be …".
    done: &'static str,
    /// The command that shows its effect.
    look: &'static str,
}

const RUN_NOW: Change = Change { done: "tried now", look: "retries list" };

const CANCEL: Change =
    Change { done: "cancelled, and become cases", look: "exceptions list --reason retry-cancelled" };

/// Lists retries, runs them now or cancels them.
pub(crate) async fn run(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    command: RetriesCommand,
) -> Result<ExitCode> {
    let config = attach(config, data_dir)?;
    match command {
        RetriesCommand::List { worker, handler, limit, json } => {
            let workers = workers(registry, &config, worker.as_deref(), handler.as_deref())?;
            list(&config, workers, handler, limit, json).await?;
        }
        RetriesCommand::RunNow { which, yes, json } => {
            let run_now = |filter| RetryNow { filter: Some(filter) };
            change(registry, &config, &which, (yes, json), &RUN_NOW, run_now).await?;
        }
        RetriesCommand::Cancel { which, by, reason, yes, json } => {
            let by = by.person()?;
            let cancel =
                |filter| CancelRetries { filter: Some(filter), by: by.clone(), reason: reason.clone() };
            change(registry, &config, &which, (yes, json), &CANCEL, cancel).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The workers that a command is about. A handler's name begins with its worker's.
fn workers(
    registry: &Registry,
    config: &Config,
    worker: Option<&str>,
    handler: Option<&str>,
) -> Result<Vec<&'static str>> {
    if let Some(handler) = handler {
        known_handler(registry, config, handler)?;
    }
    let of_handler = handler.and_then(|handler| handler.split_once('.'));
    Ok(registry.named(worker.or(of_handler.map(|(worker, _)| worker)))?)
}

/// Asks workers to change retries, or says how many they would change. A single event needs no confirmation.
async fn change<A: Ask<Reply = Changed>>(
    registry: &Registry,
    config: &Config,
    args: &RetryArgs,
    (yes, as_json): (bool, bool),
    change: &Change,
    ask: impl Fn(runtime::RetryFilter) -> A,
) -> Result {
    let RetryArgs { event, worker, handler } = args;
    let workers = workers(registry, config, worker.as_deref(), handler.as_deref())?;
    let event_id = match event {
        Some(given) => Some(event_of(config, &workers, given).await?),
        None => None,
    };
    let filter = RetryFilter { handler: handler.clone(), event_id };
    let mut waiting = Vec::new();
    for worker in workers {
        let db = Database::new(config.database_of(worker), 1)?;
        waiting.push((worker, count_retries(&db, worker, &filter).await?));
    }
    let Change { done, look } = change;
    if !yes && event_id.is_none() {
        let count: u64 = waiting.iter().map(|(_, count)| count).sum();
        if as_json {
            return print(&format!("{:#}\n", json!({ "count": count, "applied": false })));
        }
        return print(&format!("{count} would be {done}; repeat it with --yes to apply this\n"));
    }
    let operator = Operator::connect(&config.nats_url, &config.runtime.namespace).await?;
    let handler = filter.handler.unwrap_or_default();
    let event_id = event_id.map(|id| id.to_string()).unwrap_or_default();
    let filter = runtime::RetryFilter { handler, event_id };
    let mut count = 0;
    // A worker with nothing that waits need not run for this.
    for (worker, _) in waiting.into_iter().filter(|(_, count)| *count > 0) {
        count += operator.ask(worker, &ask(filter.clone())).await?.count;
    }
    if as_json {
        return print(&format!("{:#}\n", json!({ "count": count, "applied": true })));
    }
    print(&format!("{count} {done}   {}\n", next_command(look)))
}

/// The one waiting event that is given by its id or the beginning of that.
async fn event_of(config: &Config, workers: &[&str], given: &str) -> Result<Uuid> {
    let ids = id_range(given).ok_or_else(|| {
        format!("expected an event's id, or at least 4 characters of its beginning, found {given:?}")
    })?;
    let mut found = BTreeSet::new();
    for worker in workers {
        found.extend(retries_between(&Database::new(config.database_of(worker), 1)?, worker, ids).await?);
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(event), None) => Ok(event),
        (None, _) => {
            Err(hinted(format!("{given}: no such event waits for another try"), next_command("retries list")))
        }
        (Some(one), Some(other)) => {
            Err(hinted(format!("{given}: several events begin like this"), format!("{one}\n{other}")))
        }
    }
}

async fn list(
    config: &Config,
    workers: Vec<&str>,
    handler: Option<String>,
    limit: u32,
    as_json: bool,
) -> Result {
    let filter = RetryFilter { handler, event_id: None };
    let (mut all, mut count, mut outages) = (Vec::new(), 0, Vec::new());
    for worker in workers {
        let db = Database::new(config.database_of(worker), 1)?;
        all.extend(list_retries(&db, worker, &filter, limit).await?);
        count += count_retries(&db, worker, &filter).await?;
        outages.extend(list_outages(&db, worker).await?.into_iter().map(|outage| (worker, outage)));
    }
    all.sort_by_key(|waiting| waiting.due);
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let orders = order_names(config, &all).await?;
    let now = Timestamp::now();
    let mut table = Table::new(["DUE", "HANDLER", "TRIES", "ORDER", "EVENT"]).right(&["TRIES"]);
    let mut objects = Vec::with_capacity(all.len());
    for waiting in &all {
        let at = Timestamp::try_from(waiting.due)?;
        let order = orders.get(&waiting.subject);
        objects.push(json!({
            "handler": waiting.handler, "event_id": waiting.event_id, "subject": waiting.subject, "order": order,
            "due": waiting.held_by.is_none().then_some(at), "held_by": waiting.held_by,
            "attempts": waiting.attempts, "error": waiting.error,
        }));
        table.row([
            waiting.held_by.as_ref().map_or_else(|| due(at, now), |_| "held".to_owned()),
            waiting.handler.clone(),
            waiting.attempts.to_string(),
            order.unwrap_or(&waiting.subject).clone(),
            waiting.event_id.to_string(),
        ]);
        table.detail(one_line(&waiting.error));
    }
    if as_json {
        return print(&format!(
            "{:#}\n",
            json!({
                "retries": objects, "count": count,
                "outages": outages.iter().map(|(worker, outage)| as_object(worker, outage)).collect::<Vec<_>>(),
            })
        ));
    }
    if table.is_empty() {
        return print(&match filter.handler {
            Some(handler) => format!("no event of {handler} waits for another try\n"),
            None => "no event waits for another try\n".to_owned(),
        });
    }
    let shown = match all.len() {
        shown if u64::try_from(shown)? < count => {
            format!("{shown} of {count} are shown.   more: --limit {count}")
        }
        _ => format!("{count} in all.   once the cause is fixed: {}", next_command("retries run-now")),
    };
    let held: String = outages.iter().map(|(worker, outage)| out_of_service(worker, outage, now)).collect();
    print(&format!("{}{held}{shown}\n", table.render(width())))
}

/// Why events of a worker are held, and until when.
fn out_of_service(worker: &str, outage: &Outage, now: Timestamp) -> String {
    let Outage { provider, state, reason, since, next_probe, waiting, .. } = outage;
    let time = |at: &SystemTime| Timestamp::try_from(*at).unwrap_or(now);
    let since = since.as_ref().map_or_else(String::new, |since| format!(" for {}", age(time(since), now)));
    let next = if state == "open" {
        format!("the next try is {}", due(time(next_probe), now))
    } else {
        "it answers again, and what waits goes on".to_owned()
    };
    format!("{provider} is out of service{since} ({reason}): {waiting} of {worker} held; {next}\n")
}

fn as_object(worker: &str, outage: &Outage) -> Value {
    let Outage { provider, state, reason, error, since, next_probe, waiting } = outage;
    let time = |at: &SystemTime| Timestamp::try_from(*at).ok();
    json!({
        "worker": worker, "provider": provider, "state": state, "reason": reason, "error": error,
        "since": since.as_ref().and_then(time), "next_probe": time(next_probe), "waiting": waiting,
    })
}

/// The shop and the shop's number of the orders that retries are about, by their subject.
async fn order_names(config: &Config, retries: &[PendingRetry]) -> Result<HashMap<String, String>> {
    let ids: BTreeSet<String> = retries
        .iter()
        .filter_map(|retry| Subject::parse(&retry.subject).order_id().map(str::to_owned))
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let orders =
        ReadModel::new(&config.settings())?.order_names(&ids.into_iter().collect::<Vec<_>>()).await?;
    let named = orders.into_iter().map(|order| {
        let name = format!("{}/{}", order.shop, order.shop_order_id);
        (Subject::order(&order.order_id).into(), name)
    });
    Ok(named.collect())
}
