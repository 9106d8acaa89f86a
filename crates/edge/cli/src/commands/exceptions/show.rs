//! `despatch exceptions show`: everything about one case, and what to do next.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use despatch_contracts::json::Change;
use despatch_exceptions::{Case, CaseDetails, CaseId, CaseQueries, FailedAttempt, HistoryEntry};
use jiff::Timestamp;
use serde_json::json;

use super::find::{add_orders, order_name, state};
use crate::config::Config;
use crate::output::{Table, age, due, local, next_command, one_line, print, width};
use crate::pages::page;
use crate::result::Result;

/// Prints a case.
pub(super) async fn show(config: &Config, cases: &CaseQueries, id: &CaseId, as_json: bool) -> Result {
    let CaseDetails { mut case, attempts, history, edits } = cases.show(id).await?;
    add_orders(config, std::slice::from_mut(&mut case)).await?;
    let page = page(&case.reason, case.number).unwrap_or_default();
    if as_json {
        let edits: BTreeMap<i32, Vec<String>> = edits
            .into_iter()
            .map(|(seq, changes)| (seq, changes.iter().map(ToString::to_string).collect()))
            .collect();
        let shown =
            json!({ "case": case, "attempts": attempts, "history": history, "edits": edits, "page": page });
        return print(&format!("{shown:#}\n"));
    }
    let mut text = head(&case)?;
    text.push_str("\nattempts\n");
    text.push_str(&tried(&attempts).render(width()));
    text.push_str("\nhistory\n");
    text.push_str(&happened(&history, &edits).render(width()));
    text.push_str("\nnext\n");
    let next = next(&case);
    let wide = next.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    for (command, purpose) in next {
        writeln!(text, "  {command:<wide$}  {purpose}")?;
    }
    if !page.is_empty() {
        writeln!(text, "\n{}", page.trim_end())?;
    }
    print(&text)
}

fn head(case: &Case) -> Result<String, fmt::Error> {
    let now = Timestamp::now();
    let mut text = String::new();
    let Case { number, id, reason, error, queue, priority, event_type, trace_id, .. } = case;
    writeln!(text, "case       {number}   {reason}   {}", state(case))?;
    let worth = case.worth().map(|worth| format!("   {worth}")).unwrap_or_default();
    match order_name(case) {
        name if name.is_empty() => {}
        name => writeln!(text, "order      {name}{worth}")?,
    }
    writeln!(text, "error      {}", one_line(error))?;
    let due = if case.resolution.is_some() {
        format!("was due {}", local(case.due))
    } else {
        format!("due {} ({})", local(case.due), due(case.due, now))
    };
    writeln!(text, "priority   {priority}, {due}")?;
    writeln!(text, "queue      {queue}")?;
    writeln!(text, "opened     {} ({} ago)", local(case.opened_at), age(case.opened_at, now))?;
    let event_type = if event_type.is_empty() { String::new() } else { format!(" ({event_type})") };
    writeln!(text, "handler    {}", id.handler)?;
    writeln!(text, "event      {}{event_type}", id.event_id)?;
    if !trace_id.is_empty() {
        writeln!(text, "trace      {trace_id}")?;
    }
    Ok(text)
}

fn tried(attempts: &[FailedAttempt]) -> Table {
    let mut table = Table::new(["WHEN", "ENDED", "ERROR"]);
    for FailedAttempt { at, verdict, error, .. } in attempts {
        table.row([at.map(local).unwrap_or_default(), verdict.clone(), one_line(error)]);
    }
    table
}

fn happened(history: &[HistoryEntry], edits: &BTreeMap<i32, Vec<Change>>) -> Table {
    let mut table = Table::new(["WHEN", "WHAT", "WHO", "DETAIL"]);
    for HistoryEntry { seq, at, actor, kind, reason, detail, .. } in history {
        let said = [reason.as_str(), detail].into_iter().filter(|text| !text.is_empty());
        let said = one_line(&said.collect::<Vec<_>>().join(": "));
        table.row([local(*at), kind.clone(), actor.clone(), said]);
        for change in edits.get(seq).into_iter().flatten() {
            table.detail(change.to_string());
        }
    }
    table
}

/// The commands that the case's state allows, and what each is for.
fn next(case: &Case) -> Vec<(String, &'static str)> {
    let command =
        |verb: &str, rest: &str| next_command(format_args!("exceptions {verb} {}{rest}", case.number));
    match (case.resolution.as_deref(), &case.claimed_by) {
        (Some("discarded"), _) => vec![(command("undo", ""), "open it again")],
        (Some(_), _) => vec![("nothing".to_owned(), "the case is resolved")],
        (None, claimed) => {
            let mut next = vec![match claimed {
                None => (command("claim", ""), "nobody else works on it then"),
                Some(_) => (command("release", ""), "let others work on it"),
            }];
            if !case.event_type.is_empty() {
                next.push((command("replay", ""), "try it again, after its cause is fixed"));
                next.push((command("show", " --contents > event.json"), "get the event, to correct it"));
                next.push((command("edit", " --from event.json --reason WHY"), "try it again as corrected"));
            }
            if case.has_accepted_order() {
                next.push((command("cancel-order", " --reason WHY"), "give the order up"));
            }
            next.push((command("discard", " --reason WHY"), "leave the event as it is, for good"));
            next
        }
    }
}
