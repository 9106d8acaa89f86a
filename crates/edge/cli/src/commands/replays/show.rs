//! Bulk replays as lists and pages.

use std::fmt::Write as _;

use despatch_exceptions::{
    BulkReplay, ReplayCounts, ReplayHistoryEntry, ReplayItem, ReplayPlan, ReplayQueries,
};
use serde_json::json;

use crate::output::{Table, local, next_command, print, width};
use crate::result::Result;

/// How many cases of a set are read at a time.
const PAGE: u32 = 1000;

/// Prints the latest bulk replays.
pub(super) async fn list(queries: &ReplayQueries, limit: u32, as_json: bool) -> Result {
    let replays = queries.list(limit).await?;
    if as_json {
        return print(&format!("{:#}\n", json!({ "replays": replays })));
    }
    let columns = ["REPLAY", "STATE", "CASES", "HANDLED", "FAILED", "SKIPPED", "LEFT", "CREATED", "WHO"];
    let mut table = Table::new(columns).right(&["REPLAY", "CASES", "HANDLED", "FAILED", "SKIPPED", "LEFT"]);
    for replay in &replays {
        let ReplayCounts { succeeded, failed, skipped, pending, sent, .. } = replay.counts;
        table.row([
            replay.id.to_string(),
            replay.state.name().to_owned(),
            replay.counts.total().to_string(),
            succeeded.to_string(),
            failed.to_string(),
            skipped.to_string(),
            (pending + sent).to_string(),
            local(replay.created_at),
            replay.created_by.clone(),
        ]);
        table.detail(filter(replay));
    }
    let Some(latest) = replays.first() else {
        return print(&format!(
            "no replay was created   {}\n",
            next_command("replays create --reason REASON")
        ));
    };
    let show = next_command(format_args!("replays show {}", latest.id));
    print(&format!("{}{show}\n", table.render(width())))
}

/// Prints a bulk replay, its history, and perhaps its cases.
pub(super) async fn show(queries: &ReplayQueries, id: i64, with_items: bool, as_json: bool) -> Result {
    let (replay, history) = queries.show(id).await?;
    let items = if with_items { items(queries, id).await? } else { Vec::new() };
    if as_json {
        return print(&format!("{:#}\n", json!({ "replay": replay, "history": history, "items": items })));
    }
    let BulkReplay { created_by, state, counts, .. } = &replay;
    let ReplayCounts { pending, sent, succeeded, failed, skipped, cancelled } = counts;
    let ReplayPlan { canary, per_second, stop_above } = &replay.plan;
    let canary: Vec<String> = canary.iter().map(u32::to_string).collect();
    let mut text = format!("replay     {id}   {}   by {created_by}\n", state.name());
    writeln!(text, "cases      {}", filter(&replay))?;
    writeln!(
        text,
        "so far     {succeeded} handled, {failed} failed again, {sent} in flight, {pending} not replayed yet, \
         {skipped} skipped, {cancelled} cancelled"
    )?;
    writeln!(
        text,
        "plan       first {}, then the rest; at most {per_second} a second; stops above {:.0} % failures",
        canary.join(", "),
        stop_above * 100.0
    )?;
    let mut table = Table::new(["WHEN", "WHAT", "WHO", "DETAIL"]);
    for ReplayHistoryEntry { at, actor, kind, detail } in &history {
        table.row([local(*at), kind.clone(), actor.clone(), detail.clone()]);
    }
    writeln!(text, "\nhistory\n{}", table.render(width()).trim_end())?;
    if with_items {
        let mut table = Table::new(["CASE", "STATE", "RESULT", "HANDLER", "EVENT"]).right(&["CASE"]);
        for ReplayItem { number, handler, event_id, state, result, .. } in &items {
            table.row([
                number.to_string(),
                state.clone(),
                result.clone(),
                handler.clone(),
                event_id.to_string(),
            ]);
        }
        writeln!(text, "\ncases\n{}", table.render(width()).trim_end())?;
    }
    print(&text)
}

/// Which cases the set has, and why it stopped.
fn filter(replay: &BulkReplay) -> String {
    let BulkReplay { filter, stop_reason, .. } = replay;
    if stop_reason.is_empty() { filter.clone() } else { format!("{filter}; stopped: {stop_reason}") }
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
