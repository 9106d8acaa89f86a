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
    let mut text = table(&found, Timestamp::now(), width()).render(width());
    let show = next_command(format_args!("exceptions show {}", first.number));
    writeln!(text, "{}   {show}   ·   by cause: --group", counted(counts))?;
    if let Some(next) = next {
        writeln!(text, "more: --after {next}")?;
    }
    print(&text)
}

/// The cases in rows. Where the whole rows do not fit, the queue is left out, because a reason tells it, and the order
/// moves to the line below. So the worth and the person stay.
fn table(cases: &[Case], now: Timestamp, width: Option<usize>) -> Table {
    let whole = rows(cases, now, true);
    if whole.fits(width) { whole } else { rows(cases, now, false) }
}

fn rows(cases: &[Case], now: Timestamp, whole: bool) -> Table {
    let columns: &[&str] = if whole {
        &["CASE", "PRIORITY", "DUE", "QUEUE", "REASON", "ORDER", "WORTH", "WHO"]
    } else {
        &["CASE", "PRIORITY", "DUE", "REASON", "WORTH", "WHO"]
    };
    let mut table = Table::new(columns.iter().copied()).right(&["CASE", "WORTH"]);
    for case in cases {
        let number = case.number.to_string();
        let priority = case.priority.to_string();
        let due = case.resolution.clone().unwrap_or_else(|| due(case.due, now));
        let (queue, reason, order) = (case.queue.to_string(), case.reason.clone(), order_name(case));
        let worth = case.worth().map(|worth| worth.to_string()).unwrap_or_default();
        let who = case.claimed_by.clone().unwrap_or_default();
        let error = one_line(&case.error);
        if whole {
            table.row([number, priority, due, queue, reason, order, worth, who]);
            if !error.is_empty() {
                table.detail(error);
            }
        } else {
            table.row([number, priority, due, reason, worth, who]);
            let parts = [order, error].into_iter().filter(|part| !part.is_empty());
            table.detail(parts.collect::<Vec<_>>().join(": "));
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

#[cfg(test)]
mod tests {
    use despatch_domain::{Priority, Queue};
    use despatch_exceptions::{CaseId, CaseState};
    use uuid::Uuid;

    use super::*;

    fn case(number: i64, reason: &str, order: &str) -> Case {
        let now = Timestamp::UNIX_EPOCH;
        Case {
            number,
            id: CaseId { handler: "labels.create".into(), event_id: Uuid::nil() },
            worker: "labels".into(),
            subject: "order/1".into(),
            event_type: "stock.picked".into(),
            reason: reason.into(),
            error: "the carrier cannot deliver to this address, whichever way one looks at it".into(),
            attempts: 1,
            generation: 0,
            trace_id: String::new(),
            queue: Queue::CustomerService,
            priority: Priority::Urgent,
            shop: Some("superstore".into()),
            shop_order_id: Some(order.into()),
            value_minor: Some(2_297_201),
            currency: Some("USD".into()),
            due: now,
            state: CaseState::Claimed,
            claimed_by: Some("ada".into()),
            resolution: None,
            opened_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn a_narrow_terminal_keeps_the_worth_and_the_person() {
        let cases = [case(12, "address-undeliverable", "CA-2016-152156"), case(1300, "stock-short", "1")];
        let shown = |width: Option<usize>| {
            let text = table(&cases, Timestamp::UNIX_EPOCH, width).render(width);
            anstream::adapter::strip_str(&text).to_string()
        };
        let narrow = shown(Some(80));
        insta::assert_snapshot!(narrow, @r"
CASE  PRIORITY  DUE     REASON                        WORTH  WHO
  12  urgent    in 0 s  address-undeliverable  22972.01 USD  ada
    superstore/CA-2016-152156: the carrier cannot deliver to this address, whic…
1300  urgent    in 0 s  stock-short            22972.01 USD  ada
    superstore/1: the carrier cannot deliver to this address, whichever way one…
");
        assert!(shown(None).contains("QUEUE"), "a wide one shows all");
        assert_eq!(shown(None), shown(Some(200)));
    }
}
