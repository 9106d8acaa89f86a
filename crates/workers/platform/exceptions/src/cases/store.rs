//! All SQL of the exceptions worker: what its handlers write, what people decide, and what the edge may read. What is
//! about replay jobs is in `jobs`, about alarms in `alarms`.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use despatch_contracts::runtime::DeadLetter;
use despatch_domain::{Money, Priority, Queue, Triage};
use despatch_runtime::{DbError, Row, Tx};
use jiff::Timestamp;
use prost::Message as _;
use tokio_postgres::GenericClient;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::case::{Case, Entry, Id, State};

/// A dead letter, as a case keeps it.
pub(crate) struct Failure<'a> {
    pub(crate) handler: &'a str,
    pub(crate) event_id: Uuid,
    pub(crate) worker: &'a str,
    pub(crate) order_id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) error: &'a str,
    pub(crate) attempts: u32,
    pub(crate) generation: u32,
    pub(crate) trace_id: String,
    pub(crate) triage: Triage,
    pub(crate) due: Timestamp,
    pub(crate) replayable: bool,
    pub(crate) letter: Vec<u8>,
    /// What the order is worth, where the event carries it.
    pub(crate) value: Option<Money>,
    /// What can be searched for beside the error.
    pub(crate) contents: String,
}

/// Opens the failed event's case, or opens it again, and adds the failure to its history. A person's priority stays, and
/// a case that somebody had in hand returns to them. A letter of a generation that is known already changes nothing.
pub(crate) async fn failed(tx: &Tx<'_>, failure: &Failure<'_>) -> Result<(), DbError> {
    const SQL: &str = "\
        with failed as (
            insert into exceptions.exception as x
                (handler, event_id, worker, order_id, event_type, reason, error, attempts, generation, trace_id, queue,
                 priority, due, letter, replayable, value_minor, currency, words, state, version)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                    to_tsvector('simple', $18), 'open', 1)
            on conflict (handler, event_id) do update
            set event_type = excluded.event_type, reason = excluded.reason, error = excluded.error,
                attempts = excluded.attempts, generation = excluded.generation, trace_id = excluded.trace_id,
                queue = excluded.queue, due = excluded.due, letter = excluded.letter, replayable = excluded.replayable,
                value_minor = excluded.value_minor, currency = excluded.currency, words = excluded.words,
                state = case when x.claimed_by is null then 'open' else 'claimed' end, resolution = null,
                version = x.version + 1, updated_at = now()
            where x.generation < excluded.generation
            returning version
        ),
        item as (
            update exceptions.item set state = 'failed', result = $6, updated_at = now()
             where state = 'sent' and handler = $1 and event_id = $2 and generation < $9
        )
        insert into exceptions.entry (handler, event_id, seq, who, kind, generation, reason, detail)
        select $1, $2, version, $1, 'failed', $9, $6, $7 from failed";
    let Failure { handler, event_id, worker, order_id, event_type, reason, error, .. } = failure;
    // Postgres holds every character in a text but NUL.
    let error = error.replace('\0', "");
    let words = format!("{error} {}", failure.contents.replace('\0', " "));
    let (minor, currency) =
        (failure.value.map(|value| value.minor), failure.value.map(|value| value.currency.code()));
    tx.execute(
        SQL,
        &[
            handler,
            event_id,
            worker,
            order_id,
            event_type,
            reason,
            &error,
            &int(failure.attempts),
            &int(failure.generation),
            &failure.trace_id,
            &failure.triage.queue.name(),
            &failure.triage.priority.number(),
            &failure.due,
            &failure.letter,
            &failure.replayable,
            &minor,
            &currency,
            &words,
        ],
    )
    .await?;
    Ok(())
}

/// Resolves the event's case, if it has one: a later generation than the one that failed was handled.
pub(crate) async fn succeeded(
    tx: &Tx<'_>,
    handler: &str,
    event_id: Uuid,
    generation: u32,
) -> Result<(), DbError> {
    const SQL: &str = "\
        with resolved as (
            update exceptions.exception
            set state = 'resolved', resolution = 'replayed', generation = $3, version = version + 1, updated_at = now()
            where handler = $1 and event_id = $2 and generation < $3
            returning version
        ),
        item as (
            update exceptions.item set state = 'succeeded', updated_at = now()
             where state = 'sent' and handler = $1 and event_id = $2 and generation < $3
        )
        insert into exceptions.entry (handler, event_id, seq, who, kind, generation, detail)
        select $1, $2, version, $1, 'succeeded', $3, '' from resolved";
    tx.execute(SQL, &[&handler, &event_id, &int(generation)]).await?;
    Ok(())
}

/// Resolves the cases of an order from which its cancellation was asked for.
pub(crate) async fn order_cancelled(tx: &Tx<'_>, order_id: &str, who: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        with resolved as (
            update exceptions.exception
            set state = 'resolved', resolution = 'order-cancelled', version = version + 1, updated_at = now()
            where order_id = $1 and cancel_asked and state <> 'resolved'
            returning handler, event_id, version, generation
        )
        insert into exceptions.entry (handler, event_id, seq, who, kind, generation, detail)
        select handler, event_id, version, $2, 'order-cancelled', generation, '' from resolved";
    tx.execute(SQL, &[&order_id, &who]).await?;
    Ok(())
}

/// RetryFilter cases to list; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `None`: those that are not resolved.
    pub state: Option<State>,
    /// Whose they are.
    pub queue: Option<Queue>,
    /// A reason code.
    pub reason: Option<String>,
    /// E.g. `labels.create`.
    pub handler: Option<String>,
    /// E.g. `labels`.
    pub worker: Option<String>,
    /// The order that they are about.
    pub order_id: Option<String>,
    /// Who has them in hand.
    pub claimed_by: Option<String>,
    /// Opened before.
    pub opened_before: Option<Timestamp>,
    /// Words that the last failure and the event's contents have between them, all of them and in any case. A star ends the
    /// beginning of one: `SKU-17 hea*`.
    pub text: Option<String>,
    /// Orders of this currency that are worth at least this much.
    pub worth: Option<Money>,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Filter {
            state,
            queue,
            reason,
            handler,
            worker,
            order_id,
            claimed_by,
            opened_before,
            text,
            worth,
        } = self;
        f.write_str(state.map_or("unresolved", State::name))?;
        let said = [
            ("queue", queue.map(|queue| queue.name().to_owned())),
            ("reason", reason.clone()),
            ("handler", handler.clone()),
            ("worker", worker.clone()),
            ("order", order_id.clone()),
            ("claimed by", claimed_by.clone()),
            ("opened before", opened_before.map(|before| format!("{before:.0}"))),
            ("text", text.clone()),
            ("worth at least", worth.map(|worth| worth.to_string())),
        ];
        for (name, value) in said {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

/// Where a list goes on: after this case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    priority: Priority,
    due: Timestamp,
    id: Id,
}

impl Cursor {
    /// The place after a case.
    pub fn after(case: &Case) -> Self {
        Cursor { priority: case.priority, due: case.due, id: case.id.clone() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cursor { priority, due, id } = self;
        write!(f, "{}/{due}/{}/{}", priority.name(), id.event_id, id.handler)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let wrong = || format!("expected what an earlier list gave as next, found {text:?}");
        let [priority, due, event_id, handler] = parts[..] else { return Err(wrong()) };
        Ok(Cursor {
            priority: Priority::parse(priority).ok_or_else(wrong)?,
            due: due.parse().map_err(|_| wrong())?,
            id: Id { handler: handler.to_owned(), event_id: event_id.parse().map_err(|_| wrong())? },
        })
    }
}

/// The columns of a [`Case`].
const CASE: &str =
    "handler, event_id, worker, order_id, event_type, reason, error, attempts, generation, trace_id, queue,
    value_minor, currency, priority, due, state, claimed_by, resolution, opened_at, updated_at";

/// Cases, the most urgent first and then those that are due first, at most `limit` after `after`.
pub async fn list(
    db: &impl GenericClient,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Case>, DbError> {
    let asked = Asked::by(filter);
    let mut wanted = Conditions::of(filter, &asked);
    let priority = after.map(|after| -after.priority.number());
    if let (Some(after), Some(priority)) = (after, &priority) {
        let Cursor { due, id: Id { event_id, handler }, .. } = after;
        wanted.and("(-priority, due, event_id, handler) > (", &[priority, due, event_id, handler]);
        wanted.sql.push(')');
    }
    let Conditions { sql, parameters } = wanted;
    let sql = format!(
        "select {CASE} from exceptions.exception where {sql}
         order by -priority, due, event_id, handler limit {limit}"
    );
    db.query(&sql, &parameters).await?.iter().map(case).collect()
}

/// The parameters of a filter that it holds in another form.
pub(crate) struct Asked {
    queue: Option<&'static str>,
    worth: Option<Worth>,
    /// In the language of text search.
    words: Option<String>,
}

struct Worth {
    minor: i64,
    currency: &'static str,
}

impl Asked {
    pub(crate) fn by(filter: &Filter) -> Self {
        let worth = filter.worth.map(|worth| Worth { minor: worth.minor, currency: worth.currency.code() });
        Asked { queue: filter.queue.map(Queue::name), worth, words: filter.text.as_deref().map(search) }
    }
}

/// Every word of a text, each as it stands or, with a star, as the beginning of one.
fn search(text: &str) -> String {
    let term = |word: &str| {
        let (word, star) = word.strip_suffix('*').map_or((word, ""), |word| (word, ":*"));
        format!("'{}'{star}", word.replace('\\', "\\\\").replace('\'', "''"))
    };
    let words = text.split_whitespace().filter(|word| *word != "*");
    words.map(term).collect::<Vec<_>>().join(" & ")
}

/// A `where` clause in the making.
#[derive(Default)]
pub(crate) struct Conditions<'a> {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<&'a (dyn ToSql + Sync)>,
}

impl<'a> Conditions<'a> {
    /// What a filter asks for.
    pub(crate) fn of(filter: &'a Filter, asked: &'a Asked) -> Self {
        let Asked { queue, worth, words } = asked;
        let (queue, worth, words) = (queue.as_ref(), worth.as_ref(), words.as_ref());
        let mut wanted = Conditions::default();
        wanted.sql.push_str(match filter.state {
            None => "not closed",
            Some(State::Open) => "not closed and state = 'open'",
            Some(State::Claimed) => "not closed and state = 'claimed'",
            Some(State::Resolved) => "closed",
        });
        let part = [&filter.reason, &filter.handler, &filter.worker, &filter.order_id, &filter.claimed_by];
        if queue.is_none() && part.iter().all(|part| part.is_none()) {
            // Always so, and what the work list's index asks for.
            wanted.sql.push_str(" and version > 0");
        }
        wanted.equal("queue", queue);
        wanted.equal("reason", filter.reason.as_ref());
        wanted.equal("handler", filter.handler.as_ref());
        wanted.equal("worker", filter.worker.as_ref());
        wanted.equal("order_id", filter.order_id.as_ref());
        wanted.equal("claimed_by", filter.claimed_by.as_ref());
        if let Some(before) = &filter.opened_before {
            wanted.and("opened_at < ", &[before]);
        }
        if let Some(words) = words {
            wanted.and("words @@ to_tsquery('simple', ", &[words]);
            wanted.sql.push(')');
        }
        if let Some(Worth { minor, currency }) = worth {
            wanted.and("currency = ", &[currency]);
            wanted.and("value_minor >= ", &[minor]);
        }
        wanted
    }

    fn equal<T: ToSql + Sync>(&mut self, column: &str, value: Option<&'a T>) {
        if let Some(value) = value {
            self.and(&format!("{column} = "), &[value]);
        }
    }

    fn and(&mut self, condition: &str, values: &[&'a (dyn ToSql + Sync)]) {
        self.sql.push_str(" and ");
        self.sql.push_str(condition);
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

/// How many cases each queue has that are not resolved, and how many of them are past their time.
pub async fn backlog(db: &impl GenericClient) -> Result<Vec<(Queue, i64, i64)>, DbError> {
    let sql = "select queue, count(*), count(*) filter (where due < now())
               from exceptions.exception where state <> 'resolved' group by queue order by queue";
    let rows = db.query(sql, &[]).await?;
    rows.iter().map(|row| Ok((queue(row, 0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}

/// A case; `None` when the event never failed for good.
pub async fn find(db: &impl GenericClient, id: &Id) -> Result<Option<Case>, DbError> {
    let sql = format!("select {CASE} from exceptions.exception where handler = $1 and event_id = $2");
    db.query_opt(&sql, &[&id.handler, &id.event_id]).await?.as_ref().map(case).transpose()
}

/// The dead letter of the last failure; `None` when the event never failed for good.
pub(crate) async fn letter(db: &impl GenericClient, id: &Id) -> Result<Option<DeadLetter>, DbError> {
    let sql = "select letter from exceptions.exception where handler = $1 and event_id = $2";
    let Some(row) = db.query_opt(sql, &[&id.handler, &id.event_id]).await? else { return Ok(None) };
    // What this worker wrote it can read.
    Ok(DeadLetter::decode(row.try_get::<_, &[u8]>(0)?).ok())
}

/// What happened to a case, oldest first.
pub async fn history(db: &impl GenericClient, id: &Id) -> Result<Vec<Entry>, DbError> {
    let sql = "select seq, at, who, kind, generation, reason, detail
               from exceptions.entry where handler = $1 and event_id = $2 order by seq";
    let rows = db.query(sql, &[&id.handler, &id.event_id]).await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                seq: row.try_get("seq")?,
                at: row.try_get("at")?,
                who: row.try_get("who")?,
                kind: row.try_get("kind")?,
                generation: row.try_get("generation")?,
                reason: row.try_get("reason")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

/// What a person does with a case.
pub(crate) struct Decision<'a> {
    pub(crate) who: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) detail: &'a str,
    /// What it sets; `$3` is who decides.
    pub(crate) set: &'a str,
    /// When it is allowed.
    pub(crate) allowed: &'a str,
}

/// Keeps a decision with its entry; `false` when it is not allowed as the case stands, or there is none.
pub(crate) async fn decide(
    db: &impl GenericClient,
    id: &Id,
    decision: &Decision<'_>,
) -> Result<bool, DbError> {
    let Decision { who, kind, detail, set, allowed } = decision;
    let sql = format!(
        "with decided as (
             update exceptions.exception set {set}, version = version + 1, updated_at = now()
              where handler = $1 and event_id = $2 and {allowed} and $3::text is not null
             returning version, generation)
         insert into exceptions.entry (handler, event_id, seq, who, kind, generation, detail)
         select $1, $2, version, $3, $4, generation, $5 from decided"
    );
    let detail = detail.replace('\0', "");
    Ok(db.execute(&sql, &[&id.handler, &id.event_id, who, kind, &detail]).await? == 1)
}

/// Keeps what an edit changed, under the number of the case's latest entry.
pub(crate) async fn keep_edit(
    db: &impl GenericClient,
    id: &Id,
    old: &[u8],
    new: &[u8],
) -> Result<(), DbError> {
    let sql = "insert into exceptions.edit (handler, event_id, seq, old, new)
               select handler, event_id, version, $3, $4 from exceptions.exception where handler = $1 and event_id = $2";
    db.execute(sql, &[&id.handler, &id.event_id, &old, &new]).await?;
    Ok(())
}

/// The edits of a case: the number of each one's entry, and the payload before and after.
pub(crate) async fn edits(db: &impl GenericClient, id: &Id) -> Result<Vec<(i32, Bytes, Bytes)>, DbError> {
    let sql = "select seq, old, new from exceptions.edit where handler = $1 and event_id = $2 order by seq";
    let rows = db.query(sql, &[&id.handler, &id.event_id]).await?;
    let bytes = |row: &Row, column| Ok::<_, DbError>(row.try_get::<_, Vec<u8>>(column)?.into());
    rows.iter().map(|row| Ok((row.try_get("seq")?, bytes(row, "old")?, bytes(row, "new")?))).collect()
}

fn case(row: &Row) -> Result<Case, DbError> {
    Ok(Case {
        id: Id { handler: row.try_get("handler")?, event_id: row.try_get("event_id")? },
        worker: row.try_get("worker")?,
        order_id: row.try_get("order_id")?,
        event_type: row.try_get("event_type")?,
        reason: row.try_get("reason")?,
        error: row.try_get("error")?,
        attempts: row.try_get("attempts")?,
        generation: row.try_get("generation")?,
        trace_id: row.try_get("trace_id")?,
        queue: queue(row, "queue")?,
        // The table's check allows no other number.
        priority: Priority::of_number(row.try_get("priority")?).unwrap_or(Priority::Normal),
        value_minor: row.try_get("value_minor")?,
        currency: row.try_get("currency")?,
        due: row.try_get("due")?,
        state: row.try_get("state")?,
        claimed_by: row.try_get("claimed_by")?,
        resolution: row.try_get("resolution")?,
        opened_at: row.try_get("opened_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// A queue that a newer build has added is shown to those who can tell.
fn queue<I: tokio_postgres::row::RowIndex + fmt::Display>(row: &Row, column: I) -> Result<Queue, DbError> {
    Ok(Queue::parse(row.try_get(column)?).unwrap_or(Queue::Engineering))
}

pub(crate) fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
