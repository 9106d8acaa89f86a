//! `despatch retries`: what waits for its next try.

use std::fmt::Write as _;

use despatch_runtime::{Database, Which, hurry, retries, waiting};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::args::RetriesCommand;
use crate::config::Config;
use crate::home::Home;
use crate::{Outcome, at, cut, registry, say};

/// Lists or hurries.
pub(crate) async fn run(config: Config, home: &Home, command: RetriesCommand) -> Outcome {
    let config = at(config, home)?;
    match command {
        RetriesCommand::List { worker, limit, json } => {
            list(&config, registry::named(worker.as_deref())?, limit, json).await
        }
        RetriesCommand::Hurry { event, worker, handler, yes } => {
            // A handler's name begins with its worker's.
            let of_handler = handler.as_deref().and_then(|handler| handler.split_once('.'));
            let workers = registry::named(worker.as_deref().or(of_handler.map(|(worker, _)| worker)))?;
            let which = Which { handler, event_id: event };
            hurry_all(&config, workers, &which, yes || event.is_some()).await
        }
    }
}

async fn list(config: &Config, workers: Vec<&str>, limit: u32, as_json: bool) -> Outcome {
    let mut all = Vec::new();
    for worker in workers {
        let db = Database::new(config.database_of(worker), 1)?;
        all.extend(retries(&db, worker, limit).await?);
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
        writeln!(lines, "        tried {} times: {}", waiting.attempts, cut(&waiting.error))?;
    }
    if as_json {
        return say(&format!("{:#}\n", json!({ "retries": objects })));
    }
    say(if all.is_empty() { "nothing waits\n" } else { &lines })
}

async fn hurry_all(config: &Config, workers: Vec<&str>, which: &Which, sure: bool) -> Outcome {
    let mut count = 0;
    for worker in workers {
        let db = Database::new(config.database_of(worker), 1)?;
        count += if sure { hurry(&db, worker, which).await? } else { waiting(&db, worker, which).await? };
    }
    if sure {
        return say(&format!("{count} tried now\n"));
    }
    Err(format!("{count} would be tried now; repeat it with --yes to have them tried").into())
}
