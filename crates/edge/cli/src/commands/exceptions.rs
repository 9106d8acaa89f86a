//! `despatch exceptions`: what people do with cases, from a terminal.

mod edit;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use despatch_domain::Reason;
use despatch_exceptions::store::Cursor;
use despatch_exceptions::{Case, Desk, Entry, Id, Try};
use despatch_runtime::Database;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::args::{CaseArgs, ExceptionsCommand, ListArgs};
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{print, truncate};
use crate::result::Result;

/// Does it, and says how the case stands then.
pub(crate) async fn run(config: Config, data_dir: &DataDir, command: ExceptionsCommand) -> Result {
    let config = attach(config, data_dir)?;
    let desk = Desk::new(Database::new(config.database_of(despatch_exceptions::NAME), 1)?);
    let decision = match &command {
        ExceptionsCommand::List(args) => return list(&desk, args).await,
        ExceptionsCommand::Show { case, contents: true, .. } => {
            return edit::contents(&desk, &id(case)).await;
        }
        ExceptionsCommand::Show { case, json, .. } => return show(&desk, &id(case), *json).await,
        ExceptionsCommand::Edit { decision, from, reason, yes } => {
            edit::edit(&desk, &id(&decision.case), &decision.by, (from, reason, *yes)).await?;
            decision
        }
        ExceptionsCommand::CancelOrder { decision, reason } => {
            desk.cancel_order(&id(&decision.case), &decision.by, reason).await?;
            decision
        }
        ExceptionsCommand::Claim(decision) => {
            desk.claim(&id(&decision.case), &decision.by).await?;
            decision
        }
        ExceptionsCommand::Release(decision) => {
            desk.release(&id(&decision.case), &decision.by).await?;
            decision
        }
        ExceptionsCommand::Note { decision, text } => {
            desk.note(&id(&decision.case), &decision.by, text).await?;
            decision
        }
        ExceptionsCommand::Priority { decision, priority, reason } => {
            desk.prioritise(&id(&decision.case), &decision.by, *priority, reason).await?;
            decision
        }
        ExceptionsCommand::Replay(decision) => {
            desk.replay(&id(&decision.case), &decision.by).await?;
            decision
        }
        ExceptionsCommand::Discard { decision, reason } => {
            desk.discard(&id(&decision.case), &decision.by, reason).await?;
            decision
        }
        ExceptionsCommand::Undo(decision) => {
            desk.undo(&id(&decision.case), &decision.by).await?;
            decision
        }
    };
    let (case, _) = desk.show(&id(&decision.case)).await?;
    print(&format!("{} is {}\n", case.id, standing(&case)))
}

fn id(case: &CaseArgs) -> Id {
    Id { handler: case.handler.clone(), event_id: case.event }
}

async fn list(desk: &Desk, args: &ListArgs) -> Result {
    let filter = args.filter.filter()?;
    let cases = desk.list(&filter, args.after.as_ref(), args.limit).await?;
    let full = cases.len() == args.limit as usize;
    let next = cases.last().filter(|_| full).map(|last| Cursor::after(last).to_string());
    if args.json {
        return print(&format!("{:#}\n", json!({ "cases": cases, "next": next })));
    }
    let mut lines = String::new();
    for case in &cases {
        let due = case.due.to_zoned(TimeZone::system()).strftime("%d %b %H:%M");
        let Case { id, queue, priority, reason, order_id, .. } = case;
        writeln!(lines, "{priority:<7} {queue:<17} due {due}  {reason:<22} {}", standing(case))?;
        writeln!(lines, "        {id}  order {order_id}")?;
        writeln!(lines, "        {}", truncate(&case.error))?;
    }
    match next {
        Some(next) => writeln!(lines, "more: --after {next}")?,
        None if cases.is_empty() => writeln!(lines, "no cases")?,
        None => {}
    }
    print(&lines)
}

async fn show(desk: &Desk, id: &Id, as_json: bool) -> Result {
    let (case, history) = desk.show(id).await?;
    let (tries, edits) = (desk.tries(id).await?, desk.edits(id).await?);
    let page = Reason::parse(&case.reason).and_then(Reason::triage).map_or("", |triage| triage.page);
    if as_json {
        let edits: BTreeMap<i32, Vec<String>> = edits
            .into_iter()
            .map(|(seq, changes)| (seq, changes.iter().map(ToString::to_string).collect()))
            .collect();
        let shown = json!({ "case": case, "tries": tries, "history": history, "edits": edits, "page": page });
        return print(&format!("{shown:#}\n"));
    }
    let mut lines = String::new();
    let Case { id, event_type, order_id, reason, error, attempts, generation, .. } = &case;
    writeln!(lines, "handler    {}", id.handler)?;
    writeln!(lines, "event      {} ({event_type})", id.event_id)?;
    writeln!(lines, "order      {order_id}")?;
    writeln!(lines, "reason     {reason}")?;
    writeln!(lines, "error      {error}")?;
    writeln!(lines, "tries      {attempts}, the last of generation {generation}")?;
    writeln!(lines, "trace      {}", case.trace_id)?;
    writeln!(lines, "queue      {}, {} priority, due {}", case.queue, case.priority, case.due)?;
    writeln!(lines, "state      {}", standing(&case))?;
    writeln!(lines, "failed")?;
    for Try { generation, at, verdict, error, .. } in &tries {
        let at = at.map(|at| format!("{at:.0}")).unwrap_or_default();
        writeln!(lines, "  {generation:>3}  {at:<20}  {verdict:<11} {}", truncate(error))?;
    }
    writeln!(lines, "history")?;
    for Entry { seq, at, who, kind, reason, detail, .. } in &history {
        let said = [reason.as_str(), detail].into_iter().filter(|text| !text.is_empty());
        let said = said.collect::<Vec<_>>().join(": ");
        writeln!(lines, "  {seq:>3}  {at:.0}  {kind:<11} {who}  {said}")?;
        for change in edits.get(seq).into_iter().flatten() {
            writeln!(lines, "         {change}")?;
        }
    }
    if !page.is_empty() {
        writeln!(lines, "\n{page}")?;
    }
    print(&lines)
}

/// How a case stands, in words.
fn standing(case: &Case) -> String {
    match (&case.resolution, &case.claimed_by) {
        (Some(resolution), _) => format!("resolved: {resolution}"),
        (None, Some(who)) => format!("claimed by {who}"),
        (None, None) => case.state.name().to_owned(),
    }
}
