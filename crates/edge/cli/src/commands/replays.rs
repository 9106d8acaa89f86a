//! `despatch replays`: bulk replays.

mod outcome;
mod show;

use std::fmt::Write as _;
use std::process::ExitCode;

use despatch_contracts::exception::{
    CancelBulkReplay, CreateBulkReplay, PauseBulkReplay, ResumeBulkReplay, StartBulkReplay,
};
use despatch_exceptions::{CaseQueries, DryRun, ReplayQueries, SkippedCases};
use despatch_runtime::Database;
use serde_json::json;

use super::case_filter::case_filter;
use crate::args::{CreateReplayArgs, ReplayArgs, ReplaysCommand, WaitArgs};
use crate::ask::ask;
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{next_command, print};
use crate::registry::Registry;
use crate::result::Result;

/// Runs the subcommand. Lists are read from the database; decisions are asked of the exceptions worker.
pub(crate) async fn run(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    command: &ReplaysCommand,
) -> Result<ExitCode> {
    let config = attach(config, data_dir)?;
    let db = Database::new(config.database_of(despatch_exceptions::NAME), 1)?;
    let queries = ReplayQueries::new(db.clone());
    match command {
        ReplaysCommand::Create(args) => {
            create(registry, &config, (&CaseQueries::new(db), &queries), args).await?;
        }
        ReplaysCommand::List { limit, json } => show::list(&queries, *limit, *json).await?,
        ReplaysCommand::Show { replay, items, json } => show::show(&queries, *replay, *items, *json).await?,
        ReplaysCommand::DryRun { replay, json } => dry_run(&queries, *replay, *json).await?,
        ReplaysCommand::Start { replay, yes: false, .. } => {
            dry_run(&queries, replay.replay, replay.json).await?;
        }
        ReplaysCommand::Start { replay, yes: true, wait } => {
            let by = replay.by.person()?;
            ask(&config, &StartBulkReplay { bulk_replay_id: replay.replay, by: by.clone() }).await?;
            return runs(&queries, replay, &format!("started by {by}"), wait).await;
        }
        ReplaysCommand::Resume { replay, wait } => {
            let by = replay.by.person()?;
            ask(&config, &ResumeBulkReplay { bulk_replay_id: replay.replay, by: by.clone() }).await?;
            return runs(&queries, replay, &format!("resumed by {by}"), wait).await;
        }
        ReplaysCommand::Pause(replay) => {
            let by = replay.by.person()?;
            ask(&config, &PauseBulkReplay { bulk_replay_id: replay.replay, by: by.clone() }).await?;
            halted(&queries, replay, &format!("paused by {by}")).await?;
        }
        ReplaysCommand::Cancel(replay) => {
            let by = replay.by.person()?;
            ask(&config, &CancelBulkReplay { bulk_replay_id: replay.replay, by: by.clone() }).await?;
            halted(&queries, replay, &format!("cancelled by {by}")).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(
    registry: &Registry,
    config: &Config,
    (cases, queries): (&CaseQueries, &ReplayQueries),
    args: &CreateReplayArgs,
) -> Result {
    let CreateReplayArgs { filter, canary, per_second, stop_above, by, json } = args;
    let filter = case_filter(registry, config, cases, filter).await?;
    let request = CreateBulkReplay {
        filter: Some((&filter).into()),
        canary: canary.clone(),
        per_second: *per_second,
        stop_above: *stop_above,
        by: by.person()?,
    };
    let decided = ask(config, &request).await?;
    let replay = queries.show(decided.bulk_replay_id).await?.0;
    if *json {
        return print(&format!("{:#}\n", json!(replay)));
    }
    let (id, count) = (replay.id, replay.counts.total());
    let cases = if count == 1 { "case" } else { "cases" };
    print(&format!(
        "replay {id}: {count} {cases} ({}); nothing is replayed yet\n      {}\n      {}\n",
        replay.filter,
        next_command(format_args!("replays dry-run {id}")),
        next_command(format_args!("replays start {id} --yes"))
    ))
}

async fn dry_run(queries: &ReplayQueries, id: i64, as_json: bool) -> Result {
    let dry_run = queries.dry_run(id).await?;
    if as_json {
        return print(&format!("{:#}\n", json!(dry_run)));
    }
    let DryRun { replayed, skipped } = dry_run;
    let cases = if replayed == 1 { "case" } else { "cases" };
    let mut text = format!("replay {id}: {replayed} {cases} would be replayed\n");
    for SkippedCases { why, count } in skipped {
        writeln!(text, "      {count} skipped: {why}")?;
    }
    writeln!(text, "      {}", next_command(format_args!("replays start {id} --yes")))?;
    print(&text)
}

/// Says that a bulk replay runs, and what came of it.
async fn runs(queries: &ReplayQueries, args: &ReplayArgs, said: &str, wait: &WaitArgs) -> Result<ExitCode> {
    let id = args.replay;
    if wait.no_wait {
        halted(queries, args, said).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.json {
        let count = queries.show(id).await?.0.counts.total();
        print(&format!("replay {id}: {said}; {count} in the set … "))?;
    }
    outcome::wait(queries, id, wait, args.json).await
}

/// Says what was decided about a bulk replay of which nothing more is waited for.
async fn halted(queries: &ReplayQueries, args: &ReplayArgs, said: &str) -> Result {
    let replay = queries.show(args.replay).await?.0;
    if args.json {
        return print(&format!("{:#}\n", json!({ "replay": replay })));
    }
    let id = replay.id;
    let in_flight = match replay.counts.sent {
        0 => String::new(),
        sent => format!("; {sent} in flight end by themselves"),
    };
    let show = next_command(format_args!("replays show {id}"));
    print(&format!("replay {id}: {said}{in_flight}\n      {show}\n"))
}
