//! The SQL of searching cases by a filter.

use despatch_domain::Queue;
use despatch_runtime::DbError;
use tokio_postgres::GenericClient;
use tokio_postgres::types::ToSql;

use super::case::{Case, CaseId, CaseState};
use super::case_group::{CaseCounts, CaseGroup};
use super::filter::{CaseFilter, Cursor};
use super::store::{CASE_COLUMNS, case_of};

/// Cases by urgency and then by due time, at most `limit` of those after `after`.
pub(super) async fn list(
    db: &impl GenericClient,
    filter: &CaseFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Case>, DbError> {
    let values = FilterValues::of(filter);
    let mut condition = Condition::of(filter, &values);
    let priority = after.map(|after| -after.priority.number());
    if let (Some(after), Some(priority)) = (after, &priority) {
        let Cursor { due, id: CaseId { event_id, handler }, .. } = after;
        condition.and("(-priority, due, event_id, handler) > (", &[priority, due, event_id, handler]);
        condition.sql.push(')');
    }
    let Condition { sql, parameters } = condition;
    let sql = format!(
        "select {CASE_COLUMNS} from exceptions.exception where {sql}
         order by -priority, due, event_id, handler limit {limit}"
    );
    db.query(&sql, &parameters).await?.iter().map(case_of).collect()
}

/// Cases by reason, handler and cause: at most `limit` groups, the largest first.
pub(super) async fn groups(
    db: &impl GenericClient,
    filter: &CaseFilter,
    limit: i64,
) -> Result<Vec<CaseGroup>, DbError> {
    let values = FilterValues::of(filter);
    let Condition { sql, parameters } = Condition::of(filter, &values);
    let sql = format!(
        "select reason, handler, cause, count(*) as count, min(opened_at) as first, max(opened_at) as last,
                (array_agg(error order by number))[1] as sample, min(number) as sample_number
           from exceptions.exception where {sql}
          group by reason, handler, cause order by count desc, sample_number limit {limit}"
    );
    let rows = db.query(&sql, &parameters).await?;
    rows.iter()
        .map(|row| {
            Ok(CaseGroup {
                reason: row.try_get("reason")?,
                handler: row.try_get("handler")?,
                cause: row.try_get("cause")?,
                count: row.try_get("count")?,
                first: row.try_get("first")?,
                last: row.try_get("last")?,
                sample: row.try_get("sample")?,
                sample_number: row.try_get("sample_number")?,
            })
        })
        .collect()
}

/// How many cases there are, and how many of them are overdue.
pub(super) async fn counts(db: &impl GenericClient, filter: &CaseFilter) -> Result<CaseCounts, DbError> {
    let values = FilterValues::of(filter);
    let Condition { sql, parameters } = Condition::of(filter, &values);
    let sql = format!(
        "select count(*) as cases, count(*) filter (where not closed and due < despatch_now()) as overdue
           from exceptions.exception where {sql}"
    );
    let row = db.query_one(&sql, &parameters).await?;
    Ok(CaseCounts { cases: row.try_get("cases")?, overdue: row.try_get("overdue")? })
}

/// A filter's values in the form in which Postgres takes them.
pub(crate) struct FilterValues {
    queue: Option<&'static str>,
    worth: Option<Worth>,
    /// A query of the text search.
    words: Option<String>,
}

struct Worth {
    minor: i64,
    currency: &'static str,
}

impl FilterValues {
    pub(crate) fn of(filter: &CaseFilter) -> Self {
        let worth = filter.worth.map(|worth| Worth { minor: worth.minor, currency: worth.currency.code() });
        FilterValues {
            queue: filter.queue.map(Queue::name),
            worth,
            words: filter.text.as_deref().map(text_query),
        }
    }
}

/// A text search for every word of `text`; a word with a star at its end is a prefix.
fn text_query(text: &str) -> String {
    let term = |word: &str| {
        let (word, star) = word.strip_suffix('*').map_or((word, ""), |word| (word, ":*"));
        format!("'{}'{star}", word.replace('\\', "\\\\").replace('\'', "''"))
    };
    let words = text.split_whitespace().filter(|word| *word != "*");
    words.map(term).collect::<Vec<_>>().join(" & ")
}

/// A `where` clause with its parameters.
#[derive(Default)]
pub(crate) struct Condition<'a> {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Condition<'a> {
    /// The cases that a filter matches.
    pub(crate) fn of(filter: &'a CaseFilter, values: &'a FilterValues) -> Self {
        let FilterValues { queue, worth, words } = values;
        let (queue, worth, words) = (queue.as_ref(), worth.as_ref(), words.as_ref());
        let mut condition = Condition::default();
        condition.sql.push_str(match filter.state {
            None => "not closed",
            Some(CaseState::Open) => "not closed and state = 'open'",
            Some(CaseState::Claimed) => "not closed and state = 'claimed'",
            Some(CaseState::Resolved) => "closed",
        });
        let indexed = [&filter.reason, &filter.handler, &filter.worker, &filter.subject, &filter.claimed_by];
        if queue.is_none() && indexed.iter().all(|value| value.is_none()) {
            // Always true; without it Postgres cannot use the work list's index.
            condition.sql.push_str(" and version > 0");
        }
        condition.equal("queue", queue);
        condition.equal("reason", filter.reason.as_ref());
        condition.equal("handler", filter.handler.as_ref());
        condition.equal("worker", filter.worker.as_ref());
        condition.equal("subject", filter.subject.as_ref());
        condition.equal("claimed_by", filter.claimed_by.as_ref());
        if let Some(before) = &filter.opened_before {
            condition.and("opened_at < ", &[before]);
        }
        if let Some(words) = words {
            condition.and("search_vector @@ to_tsquery('simple', ", &[words]);
            condition.sql.push(')');
        }
        if let Some(Worth { minor, currency }) = worth {
            condition.and("currency = ", &[currency]);
            condition.and("value_minor >= ", &[minor]);
        }
        condition
    }

    fn equal<T: ToSql + Sync>(&mut self, column: &str, value: Option<&'a T>) {
        if let Some(value) = value {
            self.and(&format!("{column} = "), &[value]);
        }
    }

    fn and(&mut self, sql: &str, values: &[&'a (dyn ToSql + Sync)]) {
        self.sql.push_str(" and ");
        self.sql.push_str(sql);
        self.parameters(values);
    }

    fn parameters(&mut self, values: &[&'a (dyn ToSql + Sync)]) {
        for (place, value) in values.iter().enumerate() {
            self.parameters.push(*value);
            self.sql.push_str(if place > 0 { ", $" } else { "$" });
            self.sql.push_str(&self.parameters.len().to_string());
        }
    }
}
