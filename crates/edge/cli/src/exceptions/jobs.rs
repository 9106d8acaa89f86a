//! `despatch exceptions jobs`: replays of many cases.

use std::fmt::Write as _;

use despatch_exceptions::{Desk, Item, Job, Tally, Terms};
use serde_json::json;

use super::filter;
use crate::args::{FreezeArgs, JobArgs, JobsCommand};
use crate::{Outcome, say};

/// How many cases of a set are read at a time.
const PAGE: u32 = 1000;

/// Does it, and says how the job stands then.
pub(super) async fn run(desk: &Desk, command: &JobsCommand) -> Outcome {
    let job = match command {
        JobsCommand::Freeze(args) => return freeze(desk, args).await,
        JobsCommand::List { limit, json } => return list(desk, *limit, *json).await,
        JobsCommand::Show { job, items, json } => return show(desk, *job, *items, *json).await,
        JobsCommand::DryRun { job, json } => return dry_run(desk, *job, *json).await,
        JobsCommand::Start { job: JobArgs { job, by }, yes } => {
            if !yes {
                let (count, _) = desk.foresee(*job).await?;
                let sure = format!("{count} cases would be replayed; repeat it with --yes to begin");
                return Err(sure.into());
            }
            desk.start(*job, by).await?;
            *job
        }
        JobsCommand::Pause(JobArgs { job, by }) => {
            desk.pause(*job, by).await?;
            *job
        }
        JobsCommand::Resume(JobArgs { job, by }) => {
            desk.resume(*job, by).await?;
            *job
        }
        JobsCommand::Cancel(JobArgs { job, by }) => {
            desk.cancel_job(*job, by).await?;
            *job
        }
    };
    let (job, _) = desk.job(job).await?;
    say(&line(&job))
}

async fn freeze(desk: &Desk, args: &FreezeArgs) -> Outcome {
    let FreezeArgs { canary, per_second, stop_above, by, json, .. } = args;
    let terms = Terms { canary: canary.clone(), per_second: *per_second, stop_above: *stop_above };
    let job = desk.freeze(&filter(&args.filter)?, &terms, by).await?;
    if *json {
        return say(&format!("{:#}\n", json!(job)));
    }
    let (id, count) = (job.id, job.tally.total());
    say(&format!(
        "job {id}: {count} cases ({})\n\
         look at it with `despatch exceptions jobs dry-run {id}`, begin it with `despatch exceptions jobs start {id}`\n",
        job.asked
    ))
}

async fn list(desk: &Desk, limit: u32, as_json: bool) -> Outcome {
    let jobs = desk.jobs(limit).await?;
    if as_json {
        return say(&format!("{:#}\n", json!({ "jobs": jobs })));
    }
    if jobs.is_empty() {
        return say("no jobs\n");
    }
    say(&jobs.iter().map(line).collect::<String>())
}

/// A job on two lines.
fn line(job: &Job) -> String {
    let Job { id, who, asked, state, why, tally, .. } = job;
    let Tally { pending, sent, succeeded, failed, skipped, cancelled } = tally;
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!(
        "job {id:<5} {:<9} by {who}, {asked}{why}\n        {succeeded} succeeded, {failed} failed, {sent} under way, \
         {pending} pending, {skipped} skipped, {cancelled} cancelled\n",
        state.name()
    )
}

async fn show(desk: &Desk, id: i64, with_items: bool, as_json: bool) -> Outcome {
    let (job, history) = desk.job(id).await?;
    let items = if with_items { items(desk, id).await? } else { Vec::new() };
    if as_json {
        return say(&format!("{:#}\n", json!({ "job": job, "history": history, "items": items })));
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
    say(&lines)
}

async fn items(desk: &Desk, id: i64) -> Outcome<Vec<Item>> {
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

async fn dry_run(desk: &Desk, id: i64, as_json: bool) -> Outcome {
    let (replayed, skipped) = desk.foresee(id).await?;
    if as_json {
        let skipped: Vec<_> =
            skipped.iter().map(|(why, count)| json!({ "why": why, "count": count })).collect();
        return say(&format!("{:#}\n", json!({ "replayed": replayed, "skipped": skipped })));
    }
    let mut lines = format!("{replayed} would be replayed\n");
    for (why, count) in skipped {
        writeln!(lines, "{count} skipped: {why}")?;
    }
    say(&lines)
}
