//! `despatch exceptions`: what people do with cases, from a terminal.

mod edit;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use despatch_contracts::exception::{
    CancelOrderOfCase, CaseDecided, CaseDecision, ClaimCase, DiscardCase, EditAndReplayCase, NoteOnCase,
    ReleaseCase, ReplayCase, SetCasePriority, UndoDiscard,
};
use despatch_exceptions::{Case, CaseDetails, CaseId, CaseQueries, Cursor, FailedAttempt, HistoryEntry};
use despatch_runtime::Database;
use jiff::Timestamp;
use serde_json::json;

use crate::args::{CaseArgs, DecisionArgs, ExceptionsCommand, ListArgs};
use crate::ask::ask;
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{Table, age, due, local, one_line, print, width};
use crate::pages::page;
use crate::result::Result;

/// Runs the subcommand. Lists and cases are read from the database; decisions are asked of the exceptions worker. After one
/// it prints the case's state.
pub(crate) async fn run(config: Config, data_dir: &DataDir, command: ExceptionsCommand) -> Result {
    let config = attach(config, data_dir)?;
    let queries = CaseQueries::new(Database::new(config.database_of(despatch_exceptions::NAME), 1)?);
    let case = match &command {
        ExceptionsCommand::List(args) => return list(&queries, args).await,
        ExceptionsCommand::Show { case, contents: true, .. } => {
            return edit::contents(&queries, &id(case)).await;
        }
        ExceptionsCommand::Show { case, json, .. } => return show(&queries, &id(case), *json).await,
        ExceptionsCommand::Edit { decision, .. }
        | ExceptionsCommand::CancelOrder { decision, .. }
        | ExceptionsCommand::Note { decision, .. }
        | ExceptionsCommand::Priority { decision, .. }
        | ExceptionsCommand::Discard { decision, .. }
        | ExceptionsCommand::Claim(decision)
        | ExceptionsCommand::Release(decision)
        | ExceptionsCommand::Replay(decision)
        | ExceptionsCommand::Undo(decision) => id(&decision.case),
    };
    decide(&config, &queries, command).await?;
    let case = queries.show(&case).await?.case;
    print(&format!("{} is {}\n", case.id, state(&case)))
}

/// Asks the worker for the decision and waits for its answer.
async fn decide(config: &Config, queries: &CaseQueries, command: ExceptionsCommand) -> Result {
    let asked = match command {
        ExceptionsCommand::List(_) | ExceptionsCommand::Show { .. } => return Ok(()),
        ExceptionsCommand::Edit { decision, from, reason, yes } => {
            let edited = edit::edited(queries, &id(&decision.case), &from, yes).await?;
            let edit::EditedEvent { generation, contents } = edited;
            let decision = Some(made(decision));
            ask(config, &EditAndReplayCase { decision, generation, contents, reason }).await
        }
        ExceptionsCommand::CancelOrder { decision, reason } => {
            ask(config, &CancelOrderOfCase { decision: Some(made(decision)), reason }).await
        }
        ExceptionsCommand::Claim(decision) => {
            ask(config, &ClaimCase { decision: Some(made(decision)) }).await
        }
        ExceptionsCommand::Release(decision) => {
            ask(config, &ReleaseCase { decision: Some(made(decision)) }).await
        }
        ExceptionsCommand::Note { decision, text } => {
            ask(config, &NoteOnCase { decision: Some(made(decision)), text }).await
        }
        ExceptionsCommand::Priority { decision, priority, reason } => {
            let priority = priority.name().to_owned();
            ask(config, &SetCasePriority { decision: Some(made(decision)), priority, reason }).await
        }
        ExceptionsCommand::Replay(decision) => {
            ask(config, &ReplayCase { decision: Some(made(decision)) }).await
        }
        ExceptionsCommand::Discard { decision, reason } => {
            ask(config, &DiscardCase { decision: Some(made(decision)), reason }).await
        }
        ExceptionsCommand::Undo(decision) => {
            ask(config, &UndoDiscard { decision: Some(made(decision)) }).await
        }
    };
    asked.map(|CaseDecided {}| ())
}

fn id(case: &CaseArgs) -> CaseId {
    CaseId { handler: case.handler.clone(), event_id: case.event }
}

fn made(decision: DecisionArgs) -> CaseDecision {
    let DecisionArgs { case, by } = decision;
    CaseDecision { handler: case.handler, event_id: case.event.to_string(), by }
}

async fn list(queries: &CaseQueries, args: &ListArgs) -> Result {
    let filter = args.filter.filter()?;
    let cases = queries.list(&filter, args.after.as_ref(), args.limit).await?;
    let full = cases.len() == args.limit as usize;
    let next = cases.last().filter(|_| full).map(|last| Cursor::after(last).to_string());
    if args.json {
        return print(&format!("{:#}\n", json!({ "cases": cases, "next": next })));
    }
    let now = Timestamp::now();
    let mut table = Table::new(["PRIORITY", "DUE", "OPEN FOR", "QUEUE", "REASON", "STATE", "CASE"]);
    for case in &cases {
        let Case { id, queue, priority, reason, .. } = case;
        table.row([
            priority.to_string(),
            due(case.due, now),
            age(case.opened_at, now),
            queue.to_string(),
            reason.clone(),
            state(case),
            id.to_string(),
        ]);
        table.detail(one_line(&case.error));
    }
    if table.is_empty() {
        return print("no cases\n");
    }
    let more = next.map(|next| format!("more: --after {next}\n")).unwrap_or_default();
    print(&format!("{}{more}", table.render(width())))
}

async fn show(queries: &CaseQueries, id: &CaseId, as_json: bool) -> Result {
    let CaseDetails { case, attempts, history, edits } = queries.show(id).await?;
    let page = page(&case.reason).unwrap_or_default();
    if as_json {
        let edits: BTreeMap<i32, Vec<String>> = edits
            .into_iter()
            .map(|(seq, changes)| (seq, changes.iter().map(ToString::to_string).collect()))
            .collect();
        let shown =
            json!({ "case": case, "attempts": attempts, "history": history, "edits": edits, "page": page });
        return print(&format!("{shown:#}\n"));
    }
    let mut lines = String::new();
    let Case { id, event_type, subject, reason, error, generation, .. } = &case;
    writeln!(lines, "handler    {}", id.handler)?;
    writeln!(lines, "event      {} ({event_type})", id.event_id)?;
    writeln!(lines, "subject    {subject}")?;
    writeln!(lines, "reason     {reason}")?;
    writeln!(lines, "error      {error}")?;
    writeln!(lines, "attempts   {}, the last of generation {generation}", case.attempts)?;
    writeln!(lines, "trace      {}", case.trace_id)?;
    writeln!(lines, "queue      {}, {} priority, due {}", case.queue, case.priority, local(case.due))?;
    writeln!(lines, "state      {}", state(&case))?;
    writeln!(lines, "failed")?;
    for FailedAttempt { generation, at, verdict, error, .. } in &attempts {
        let at = at.map(|at| format!("{at:.0}")).unwrap_or_default();
        writeln!(lines, "  {generation:>3}  {at:<20}  {verdict:<11} {}", one_line(error))?;
    }
    writeln!(lines, "history")?;
    for HistoryEntry { seq, at, actor, kind, reason, detail, .. } in &history {
        let said = [reason.as_str(), detail].into_iter().filter(|text| !text.is_empty());
        let said = said.collect::<Vec<_>>().join(": ");
        writeln!(lines, "  {seq:>3}  {at:.0}  {kind:<11} {actor}  {said}")?;
        for change in edits.get(seq).into_iter().flatten() {
            writeln!(lines, "         {change}")?;
        }
    }
    if !page.is_empty() {
        writeln!(lines, "\n{page}")?;
    }
    print(&lines)
}

/// A case's state in words.
fn state(case: &Case) -> String {
    match (&case.resolution, &case.claimed_by) {
        (Some(resolution), _) => format!("resolved: {resolution}"),
        (None, Some(person)) => format!("claimed by {person}"),
        (None, None) => case.state.name().to_owned(),
    }
}
