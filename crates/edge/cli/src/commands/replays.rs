//! `despatch replays`: replays of many cases.

use std::fmt::Write as _;

use despatch_exceptions::{Desk, Item, Job, Tally, Terms};
use despatch_runtime::Database;
use serde_json::json;

use crate::args::{CreateReplayArgs, ReplayArgs, ReplaysCommand};
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::print;
use crate::result::Result;

/// How many cases of a set are read at a time.
const PAGE: u32 = 1000;

/// Runs the subcommand. After a decision it prints the replay's state.
pub(crate) async fn run(config: Config, data_dir: &DataDir, command: &ReplaysCommand) -> Result {
    let config = attach(config, data_dir)?;
    let desk = &Desk::new(Database::new(config.database_of(despatch_exceptions::NAME), 1)?);
    let replay = match command {
        ReplaysCommand::Create(args) => return create(desk, args).await,
        ReplaysCommand::List { limit, json } => return list(desk, *limit, *json).await,
        ReplaysCommand::Show { replay, items, json } => return show(desk, *replay, *items, *json).await,
        ReplaysCommand::DryRun { replay, json } => return dry_run(desk, *replay, *json).await,
        ReplaysCommand::Start { replay: ReplayArgs { replay, by }, yes } => {
            if !yes {
                let (count, _) = desk.foresee(*replay).await?;
                let sure = format!("{count} cases would be replayed; repeat it with --yes to start");
                return Err(sure.into());
            }
            desk.start(*replay, by).await?;
            *replay
        }
        ReplaysCommand::Pause(ReplayArgs { replay, by }) => {
            desk.pause(*replay, by).await?;
            *replay
        }
        ReplaysCommand::Resume(ReplayArgs { replay, by }) => {
            desk.resume(*replay, by).await?;
            *replay
        }
        ReplaysCommand::Cancel(ReplayArgs { replay, by }) => {
            desk.cancel_job(*replay, by).await?;
            *replay
        }
    };
    let (job, _) = desk.job(replay).await?;
    print(&line(&job))
}

async fn create(desk: &Desk, args: &CreateReplayArgs) -> Result {
    let CreateReplayArgs { canary, per_second, stop_above, by, json, .. } = args;
    let terms = Terms { canary: canary.clone(), per_second: *per_second, stop_above: *stop_above };
    let job = desk.freeze(&args.filter.filter()?, &terms, by).await?;
    if *json {
        return print(&format!("{:#}\n", json!(job)));
    }
    let (id, count) = (job.id, job.tally.total());
    print(&format!(
        "replay {id}: {count} cases ({})\n\
         look at it with `despatch replays dry-run {id}`, start it with `despatch replays start {id}`\n",
        job.asked
    ))
}

async fn list(desk: &Desk, limit: u32, as_json: bool) -> Result {
    let jobs = desk.jobs(limit).await?;
    if as_json {
        return print(&format!("{:#}\n", json!({ "replays": jobs })));
    }
    if jobs.is_empty() {
        return print("no replays\n");
    }
    print(&jobs.iter().map(line).collect::<String>())
}

/// A replay on two lines.
fn line(job: &Job) -> String {
    let Job { id, who, asked, state, why, tally, .. } = job;
    let Tally { pending, sent, succeeded, failed, skipped, cancelled } = tally;
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!(
        "replay {id:<5} {:<9} by {who}, {asked}{why}\n        {succeeded} succeeded, {failed} failed, {sent} in flight, \
         {pending} pending, {skipped} skipped, {cancelled} cancelled\n",
        state.name()
    )
}

async fn show(desk: &Desk, id: i64, with_items: bool, as_json: bool) -> Result {
    let (job, history) = desk.job(id).await?;
    let items = if with_items { items(desk, id).await? } else { Vec::new() };
    if as_json {
        return print(&format!("{:#}\n", json!({ "replay": job, "history": history, "items": items })));
    }
    let mut lines = line(&job);
    let Terms { canary, per_second, stop_above } = &job.terms;
    writeln!(
        lines,
        "        canary {canary:?}, {per_second} a second, stops above {:.0} %",
        stop_above * 100.0
    )?;
    for entry in &history {
        writeln!(lines, "  {:.0}  {:<9} {}  {}", entry.at, entry.kind, entry.who, entry.detail)?;
    }
    for Item { seq, handler, event_id, state, result } in &items {
        writeln!(lines, "  {seq:>6}  {state:<9} {handler} {event_id}  {result}")?;
    }
    print(&lines)
}

async fn items(desk: &Desk, id: i64) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    loop {
        let after = items.last().map_or(0, |item: &Item| item.seq);
        let page = desk.items(id, after, PAGE).await?;
        if page.is_empty() {
            return Ok(items);
        }
        items.extend(page);
    }
}

async fn dry_run(desk: &Desk, id: i64, as_json: bool) -> Result {
    let (replayed, skipped) = desk.foresee(id).await?;
    if as_json {
        let skipped: Vec<_> =
            skipped.iter().map(|(why, count)| json!({ "why": why, "count": count })).collect();
        return print(&format!("{:#}\n", json!({ "replayed": replayed, "skipped": skipped })));
    }
    let mut lines = format!("{replayed} would be replayed\n");
    for (why, count) in skipped {
        writeln!(lines, "{count} skipped: {why}")?;
    }
    print(&lines)
}
