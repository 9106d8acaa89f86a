//! `despatch replays`: bulk replays.

use std::fmt::Write as _;

use despatch_contracts::exception::{
    CancelBulkReplay, CreateBulkReplay, PauseBulkReplay, ResumeBulkReplay, StartBulkReplay,
};
use despatch_exceptions::{
    BulkReplay, DryRun, ReplayCounts, ReplayItem, ReplayPlan, ReplayQueries, SkippedCases,
};
use despatch_runtime::Database;
use serde_json::json;

use crate::args::{CreateReplayArgs, ReplayArgs, ReplaysCommand};
use crate::ask::ask;
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::print;
use crate::result::Result;

/// How many cases of a set are read at a time.
const PAGE: u32 = 1000;

/// Runs the subcommand. Lists are read from the database; decisions are asked of the exceptions worker. After one it prints
/// the replay's state.
pub(crate) async fn run(config: Config, data_dir: &DataDir, command: &ReplaysCommand) -> Result {
    let config = attach(config, data_dir)?;
    let queries = ReplayQueries::new(Database::new(config.database_of(despatch_exceptions::NAME), 1)?);
    let decided = match command {
        ReplaysCommand::Create(args) => return create(&config, &queries, args).await,
        ReplaysCommand::List { limit, json } => return list(&queries, *limit, *json).await,
        ReplaysCommand::Show { replay, items, json } => return show(&queries, *replay, *items, *json).await,
        ReplaysCommand::DryRun { replay, json } => return dry_run(&queries, *replay, *json).await,
        ReplaysCommand::Start { replay, yes } => {
            if !yes {
                let DryRun { replayed, .. } = queries.dry_run(replay.replay).await?;
                let sure = format!("{replayed} cases would be replayed; repeat it with --yes to start");
                return Err(sure.into());
            }
            let (bulk_replay_id, by) = named(replay);
            ask(&config, &StartBulkReplay { bulk_replay_id, by }).await?
        }
        ReplaysCommand::Pause(replay) => {
            let (bulk_replay_id, by) = named(replay);
            ask(&config, &PauseBulkReplay { bulk_replay_id, by }).await?
        }
        ReplaysCommand::Resume(replay) => {
            let (bulk_replay_id, by) = named(replay);
            ask(&config, &ResumeBulkReplay { bulk_replay_id, by }).await?
        }
        ReplaysCommand::Cancel(replay) => {
            let (bulk_replay_id, by) = named(replay);
            ask(&config, &CancelBulkReplay { bulk_replay_id, by }).await?
        }
    };
    print(&line(&queries.show(decided.bulk_replay_id).await?.0))
}

/// The bulk replay that a decision is about, and who makes it.
fn named(args: &ReplayArgs) -> (i64, String) {
    (args.replay, args.by.clone())
}

async fn create(config: &Config, queries: &ReplayQueries, args: &CreateReplayArgs) -> Result {
    let CreateReplayArgs { canary, per_second, stop_above, by, json, .. } = args;
    let request = CreateBulkReplay {
        filter: Some((&args.filter.filter()?).into()),
        canary: canary.clone(),
        per_second: *per_second,
        stop_above: *stop_above,
        by: by.clone(),
    };
    let decided = ask(config, &request).await?;
    let replay = queries.show(decided.bulk_replay_id).await?.0;
    if *json {
        return print(&format!("{:#}\n", json!(replay)));
    }
    let (id, count) = (replay.id, replay.counts.total());
    print(&format!(
        "replay {id}: {count} cases ({})\n\
         look at it with `despatch replays dry-run {id}`, start it with `despatch replays start {id}`\n",
        replay.filter
    ))
}

async fn list(queries: &ReplayQueries, limit: u32, as_json: bool) -> Result {
    let replays = queries.list(limit).await?;
    if as_json {
        return print(&format!("{:#}\n", json!({ "replays": replays })));
    }
    if replays.is_empty() {
        return print("no replays\n");
    }
    print(&replays.iter().map(line).collect::<String>())
}

/// A bulk replay on two lines.
fn line(replay: &BulkReplay) -> String {
    let BulkReplay { id, created_by, filter, state, stop_reason, counts, .. } = replay;
    let ReplayCounts { pending, sent, succeeded, failed, skipped, cancelled } = counts;
    let why = if stop_reason.is_empty() { String::new() } else { format!(": {stop_reason}") };
    format!(
        "replay {id:<5} {:<9} by {created_by}, {filter}{why}\n        {succeeded} succeeded, {failed} failed, \
         {sent} in flight, {pending} pending, {skipped} skipped, {cancelled} cancelled\n",
        state.name()
    )
}

async fn show(queries: &ReplayQueries, id: i64, with_items: bool, as_json: bool) -> Result {
    let (replay, history) = queries.show(id).await?;
    let items = if with_items { items(queries, id).await? } else { Vec::new() };
    if as_json {
        return print(&format!("{:#}\n", json!({ "replay": replay, "history": history, "items": items })));
    }
    let mut lines = line(&replay);
    let ReplayPlan { canary, per_second, stop_above } = &replay.plan;
    writeln!(
        lines,
        "        canary {canary:?}, {per_second} a second, stops above {:.0} %",
        stop_above * 100.0
    )?;
    for entry in &history {
        writeln!(lines, "  {:.0}  {:<9} {}  {}", entry.at, entry.kind, entry.actor, entry.detail)?;
    }
    for ReplayItem { seq, handler, event_id, state, result } in &items {
        writeln!(lines, "  {seq:>6}  {state:<9} {handler} {event_id}  {result}")?;
    }
    print(&lines)
}

async fn items(queries: &ReplayQueries, id: i64) -> Result<Vec<ReplayItem>> {
    let mut items = Vec::new();
    loop {
        let after = items.last().map_or(0, |item: &ReplayItem| item.seq);
        let page = queries.items(id, after, PAGE).await?;
        if page.is_empty() {
            return Ok(items);
        }
        items.extend(page);
    }
}

async fn dry_run(queries: &ReplayQueries, id: i64, as_json: bool) -> Result {
    let dry_run = queries.dry_run(id).await?;
    if as_json {
        return print(&format!("{:#}\n", json!(dry_run)));
    }
    let mut lines = format!("{} would be replayed\n", dry_run.replayed);
    for SkippedCases { why, count } in dry_run.skipped {
        writeln!(lines, "{count} skipped: {why}")?;
    }
    print(&lines)
}
