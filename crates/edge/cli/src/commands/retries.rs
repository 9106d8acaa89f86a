//! `despatch retries`: events that wait for their next try.

use despatch_contracts::Ask;
use despatch_contracts::runtime::{self, CancelRetries, Changed, RetryNow};
use despatch_runtime::{Database, Operator, RetryFilter, count_retries, list_retries};
use jiff::Timestamp;
use serde_json::json;

use crate::args::{RetriesCommand, RetryArgs};
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{Table, due, one_line, print, width};
use crate::registry::Registry;
use crate::result::Result;

/// Lists retries, runs them now or cancels them.
pub(crate) async fn run(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    command: RetriesCommand,
) -> Result {
    let config = attach(config, data_dir)?;
    match command {
        RetriesCommand::List { worker, limit, json } => {
            list(&config, registry.named(worker.as_deref())?, limit, json).await
        }
        RetriesCommand::RunNow { which, yes } => {
            let run_now = |filter| RetryNow { filter: Some(filter) };
            change(registry, &config, &which, yes, "tried now", run_now).await
        }
        RetriesCommand::Cancel { which, by, reason, yes } => {
            let cancel =
                |filter| CancelRetries { filter: Some(filter), by: by.clone(), reason: reason.clone() };
            change(registry, &config, &which, yes, "cancelled, each to a case", cancel).await
        }
    }
}

/// Asks workers to change retries, or says how many they would change. A single event needs no confirmation.
async fn change<A: Ask<Reply = Changed>>(
    registry: &Registry,
    config: &Config,
    args: &RetryArgs,
    sure: bool,
    what: &str,
    ask: impl Fn(runtime::RetryFilter) -> A,
) -> Result {
    // A handler's name begins with its worker's.
    let of_handler = args.handler.as_deref().and_then(|handler| handler.split_once('.'));
    let worker = args.worker.as_deref().or(of_handler.map(|(worker, _)| worker));
    let filter = RetryFilter { handler: args.handler.clone(), event_id: args.event };
    let sure = sure || filter.event_id.is_some();
    let mut waiting = Vec::new();
    for worker in registry.named(worker)? {
        let db = Database::new(config.database_of(worker), 1)?;
        waiting.push((worker, count_retries(&db, worker, &filter).await?));
    }
    if !sure {
        let count: u64 = waiting.iter().map(|(_, count)| count).sum();
        return Err(format!("{count} would be {what}; repeat it with --yes to have it done").into());
    }
    let operator = Operator::connect(&config.nats_url, &config.runtime.namespace).await?;
    let handler = args.handler.clone().unwrap_or_default();
    let event_id = args.event.map(|id| id.to_string()).unwrap_or_default();
    let filter = runtime::RetryFilter { handler, event_id };
    let mut count = 0;
    // A worker with nothing that waits need not run for this.
    for (worker, _) in waiting.into_iter().filter(|(_, count)| *count > 0) {
        count += operator.ask(worker, &ask(filter.clone())).await?.count;
    }
    print(&format!("{count} {what}\n"))
}

async fn list(config: &Config, workers: Vec<&str>, limit: u32, as_json: bool) -> Result {
    let mut all = Vec::new();
    for worker in workers {
        let db = Database::new(config.database_of(worker), 1)?;
        all.extend(list_retries(&db, worker, limit).await?);
    }
    all.sort_by_key(|waiting| waiting.due);
    let now = Timestamp::now();
    let mut table = Table::new(["DUE", "HANDLER", "SUBJECT", "TRIES", "EVENT"]).right(&["TRIES"]);
    let mut objects = Vec::with_capacity(all.len());
    for waiting in &all {
        let at = Timestamp::try_from(waiting.due)?;
        objects.push(json!({
            "handler": waiting.handler, "event_id": waiting.event_id, "subject": waiting.subject,
            "due": at, "attempts": waiting.attempts, "error": waiting.error,
        }));
        table.row([
            due(at, now),
            waiting.handler.to_string(),
            waiting.subject.to_string(),
            waiting.attempts.to_string(),
            waiting.event_id.to_string(),
        ]);
        table.detail(one_line(&waiting.error));
    }
    if as_json {
        return print(&format!("{:#}\n", json!({ "retries": objects })));
    }
    if table.is_empty() {
        return print("no event waits for another try\n");
    }
    print(&table.render(width()))
}
