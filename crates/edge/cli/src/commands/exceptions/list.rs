//! `despatch exceptions list`: cases one by one, or grouped by their cause.

use std::fmt::Write as _;

use despatch_exceptions::{Case, CaseCounts, CaseFilter, CaseQueries, Cursor};
use jiff::Timestamp;
use serde_json::json;

use super::find::{add_orders, order_name};
use crate::args::ListArgs;
use crate::commands::case_filter::case_filter;
use crate::config::Config;
use crate::output::{Table, due, local, next_command, one_line, print, width};
use crate::registry::Registry;
use crate::result::Result;

/// Lists what the filter matches.
pub(super) async fn list(
    registry: &Registry,
    config: &Config,
    cases: &CaseQueries,
    args: &ListArgs,
) -> Result {
    let filter = case_filter(registry, config, cases, &args.filter).await?;
    let counts = cases.counts(&filter).await?;
    if args.group {
        groups(cases, &filter, counts, args).await
    } else {
        one_by_one(config, cases, &filter, counts, args).await
    }
}

async fn one_by_one(
    config: &Config,
    cases: &CaseQueries,
    filter: &CaseFilter,
    counts: CaseCounts,
    args: &ListArgs,
) -> Result {
    let mut found = cases.list(filter, args.after.as_ref(), args.limit).await?;
    let full = found.len() == args.limit as usize;
    let next = found.last().filter(|_| full).map(|last| Cursor::after(last).to_string());
    add_orders(config, &mut found).await?;
    if args.json {
        let CaseCounts { cases, overdue } = counts;
        let listed = json!({ "cases": found, "next": next, "count": cases, "overdue": overdue });
        return print(&format!("{listed:#}\n"));
    }
    let Some(first) = found.first() else { return nothing(filter, args) };
    let mut text = table(&found, Timestamp::now()).render(width());
    let show = next_command(format_args!("exceptions show {}", first.number));
    writeln!(text, "{}   {show}   ·   by cause: --group", counted(counts))?;
    if let Some(next) = next {
        writeln!(text, "more: --after {next}")?;
    }
    print(&text)
}

fn table(cases: &[Case], now: Timestamp) -> Table {
    let columns = ["CASE", "PRIORITY", "DUE", "QUEUE", "REASON", "ORDER", "WORTH", "WHO"];
    let mut table = Table::new(columns).right(&["CASE", "WORTH"]);
    for case in cases {
        table.row([
            case.number.to_string(),
            case.priority.to_string(),
            case.resolution.clone().unwrap_or_else(|| due(case.due, now)),
            case.queue.to_string(),
            case.reason.clone(),
            order_name(case),
            case.worth().map(|worth| worth.to_string()).unwrap_or_default(),
            case.claimed_by.clone().unwrap_or_default(),
        ]);
        if !case.error.is_empty() {
            table.detail(one_line(&case.error));
        }
    }
    table
}

async fn groups(cases: &CaseQueries, filter: &CaseFilter, counts: CaseCounts, args: &ListArgs) -> Result {
    let groups = cases.groups(filter, args.limit).await?;
    if args.json {
        let CaseCounts { cases, overdue } = counts;
        let listed = json!({ "groups": groups, "count": cases, "overdue": overdue });
        return print(&format!("{listed:#}\n"));
    }
    let Some(largest) = groups.first() else { return nothing(filter, args) };
    let mut table =
        Table::new(["CASES", "REASON", "HANDLER", "FIRST", "LAST", "E.G."]).right(&["CASES", "E.G."]);
    for group in &groups {
        table.row([
            group.count.to_string(),
            group.reason.clone(),
            group.handler.clone(),
            local(group.first),
            local(group.last),
            group.sample_number.to_string(),
        ]);
        if !group.sample.is_empty() {
            table.detail(one_line(&group.sample));
        }
    }
    let mut text = table.render(width());
    let (number, reason) = (largest.sample_number, &largest.reason);
    let show = next_command(format_args!("exceptions show {number}"));
    let replay = next_command(format_args!("replays create --reason {reason}"));
    writeln!(text, "{}   {show}", counted(counts))?;
    writeln!(text, "all of a reason, once its cause is fixed: {replay}")?;
    print(&text)
}

/// An empty list says what it looked for.
fn nothing(filter: &CaseFilter, args: &ListArgs) -> Result {
    if args.after.is_some() {
        return print("no more cases\n");
    }
    if *filter == CaseFilter::default() {
        return print("no case is open\n");
    }
    print(&format!("no case matches: {filter}\n"))
}

fn counted(CaseCounts { cases, overdue }: CaseCounts) -> String {
    let noun = if cases == 1 { "case" } else { "cases" };
    format!("{cases} {noun}, {overdue} overdue.")
}
