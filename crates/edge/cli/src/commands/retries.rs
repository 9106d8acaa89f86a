//! `despatch retries`: events that wait for their next try.

use std::fmt::Write as _;

use despatch_runtime::{
    Database, DbError, RetryFilter, cancel_retries, count_retries, list_retries, retry_now,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::args::{RetriesCommand, RetryArgs};
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{print, truncate};
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
            change(registry, &config, &which, yes, "tried now", retry_now).await
        }
        RetriesCommand::Cancel { which, by, reason, yes } => {
            let withdraw = async |db: &Database, worker: &str, which: &RetryFilter| {
                cancel_retries(db, worker, which, &by, &reason).await
            };
            change(registry, &config, &which, yes, "withdrawn, each to a case", withdraw).await
        }
    }
}

/// Changes retries, or says how many it would change. A single event needs no confirmation.
async fn change(
    registry: &Registry,
    config: &Config,
    args: &RetryArgs,
    sure: bool,
    what: &str,
    change: impl AsyncFn(&Database, &str, &RetryFilter) -> Result<u64, DbError>,
) -> Result {
    // A handler's name begins with its worker's.
    let of_handler = args.handler.as_deref().and_then(|handler| handler.split_once('.'));
    let worker = args.worker.as_deref().or(of_handler.map(|(worker, _)| worker));
    let which = RetryFilter { handler: args.handler.clone(), event_id: args.event };
    let sure = sure || which.event_id.is_some();
    let mut count = 0;
    for worker in registry.named(worker)? {
        let db = Database::new(config.database_of(worker), 1)?;
        count += if sure {
            change(&db, worker, &which).await?
        } else {
            count_retries(&db, worker, &which).await?
        };
    }
    if sure {
        return print(&format!("{count} {what}\n"));
    }
    Err(format!("{count} would be {what}; repeat it with --yes to have it done").into())
}

async fn list(config: &Config, workers: Vec<&str>, limit: u32, as_json: bool) -> Result {
    let mut all = Vec::new();
    for worker in workers {
        let db = Database::new(config.database_of(worker), 1)?;
        all.extend(list_retries(&db, worker, limit).await?);
    }
    all.sort_by_key(|waiting| waiting.due);
    let mut lines = String::new();
    let mut objects = Vec::with_capacity(all.len());
    for waiting in &all {
        let due = Timestamp::try_from(waiting.due)?;
        objects.push(json!({
            "handler": waiting.handler, "event_id": waiting.event_id, "order_id": waiting.order_id,
            "due": due, "attempts": waiting.attempts, "error": waiting.error,
        }));
        let due = due.to_zoned(TimeZone::system()).strftime("%d %b %H:%M:%S");
        writeln!(lines, "{due}  {} {}  order {}", waiting.handler, waiting.event_id, waiting.order_id)?;
        writeln!(lines, "        tried {} times: {}", waiting.attempts, truncate(&waiting.error))?;
    }
    if as_json {
        return print(&format!("{:#}\n", json!({ "retries": objects })));
    }
    print(if all.is_empty() { "nothing waits\n" } else { &lines })
}
