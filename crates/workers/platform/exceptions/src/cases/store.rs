//! The SQL of cases: what the handlers write, and what is read of one case. Searches are in `search`, people's decisions
//! in `decide`.

use despatch_contracts::Subject;
use despatch_contracts::runtime::DeadLetter;
use despatch_domain::{Money, Priority, Queue, Triage};
use despatch_runtime::{DbError, Row, Tx};
use jiff::Timestamp;
use prost::Message as _;
use tokio_postgres::GenericClient;
use uuid::Uuid;

use super::case::{Case, CaseId, HistoryEntry, QueueCounts};

/// A dead letter, in the form in which its case keeps it.
pub(super) struct Failure<'a> {
    pub(super) handler: &'a str,
    pub(super) event_id: Uuid,
    pub(super) worker: &'a str,
    pub(super) subject: &'a str,
    pub(super) event_type: &'a str,
    pub(super) reason: &'a str,
    pub(super) error: &'a str,
    pub(super) cause: String,
    pub(super) attempts: u32,
    pub(super) generation: u32,
    pub(super) trace_id: String,
    pub(super) triage: Triage,
    pub(super) due: Timestamp,
    pub(super) replayable: bool,
    pub(super) ends_with_order: bool,
    pub(super) letter: Vec<u8>,
    /// The order's natural key and its total, where the event carries the order.
    pub(super) shop: Option<&'a str>,
    pub(super) shop_order_id: Option<&'a str>,
    pub(super) value: Option<Money>,
    /// The text to search beside the error's.
    pub(super) contents: String,
    /// The kind of its history entry.
    pub(super) kind: &'static str,
}

/// Opens the failed event's case, or reopens it, and adds the failure to its history. A reopened case keeps its number, the
/// priority that a person gave it and the person who had claimed it. A dead letter of a known generation changes nothing.
/// The bulk replay that sent the event learns of it in the same statement.
///
/// Only a new case is inserted, because each insert takes a number, even one that ends in a conflict.
pub(super) async fn record_failure(tx: &Tx<'_>, failure: &Failure<'_>) -> Result<(), DbError> {
    const SQL: &str = "\
        with again as (
            update exceptions.exception
            set event_type = $5, reason = $6, error = $7, attempts = $8, generation = $9, trace_id = $10, queue = $11,
                due = $13, letter = $14, replayable = $15, value_minor = $16, currency = $17,
                search_vector = to_tsvector('simple', $18), shop = $19, shop_order_id = $20, cause = $21,
                ends_with_order = $22,
                state = case when claimed_by is null then 'open' else 'claimed' end, resolution = null,
                version = version + 1, updated_at = despatch_now()
            where handler = $1 and event_id = $2 and generation < $9
            returning version
        ),
        opened as (
            insert into exceptions.exception
                (handler, event_id, worker, subject, event_type, reason, error, attempts, generation, trace_id, queue,
                 priority, due, letter, replayable, value_minor, currency, search_vector, shop, shop_order_id,
                 cause, ends_with_order, state, version)
            select $1, $2, $3::text, $4::text, $5, $6, $7, $8, $9, $10, $11, $12::smallint, $13, $14, $15, $16, $17,
                   to_tsvector('simple', $18), $19, $20, $21, $22, 'open', 1
            where not exists (select from exceptions.exception where handler = $1 and event_id = $2)
            returning version
        ),
        item as (
            update exceptions.bulk_replay_item set state = 'failed', result = $6, updated_at = despatch_now()
             where state = 'sent' and handler = $1 and event_id = $2 and generation < $9
        )
        insert into exceptions.history (handler, event_id, seq, actor, kind, generation, reason, detail)
        select $1, $2, version, $1, $23, $9, $6, $7 from (table again union all table opened) recorded";
    let Failure { handler, event_id, worker, subject, event_type, reason, error, .. } = failure;
    let (error, shop) = (storable(error), failure.shop.map(storable));
    let shop_order_id = failure.shop_order_id.map(storable);
    let text = format!("{error} {}", failure.contents.replace('\0', " "));
    let (minor, currency) =
        (failure.value.map(|value| value.minor), failure.value.map(|value| value.currency.code()));
    tx.execute(
        SQL,
        &[
            handler,
            event_id,
            worker,
            subject,
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
            &text,
            &shop,
            &shop_order_id,
            &storable(&failure.cause),
            &failure.ends_with_order,
            &failure.kind,
        ],
    )
    .await?;
    Ok(())
}

/// Resolves the event's case, if it has one: a later generation than the failed one was handled.
/// The bulk replay that sent it learns of it in the same statement.
pub(super) async fn record_success(
    tx: &Tx<'_>,
    handler: &str,
    event_id: Uuid,
    generation: u32,
) -> Result<(), DbError> {
    const SQL: &str = "\
        with resolved as (
            update exceptions.exception
            set state = 'resolved', resolution = 'replayed', generation = $3, version = version + 1,
                updated_at = despatch_now()
            where handler = $1 and event_id = $2 and generation < $3
            returning version
        ),
        item as (
            update exceptions.bulk_replay_item set state = 'succeeded', updated_at = despatch_now()
             where state = 'sent' and handler = $1 and event_id = $2 and generation < $3
        )
        insert into exceptions.history (handler, event_id, seq, actor, kind, generation, detail)
        select $1, $2, version, $1, 'succeeded', $3, '' from resolved";
    tx.execute(SQL, &[&handler, &event_id, &int(generation)]).await?;
    Ok(())
}

/// Resolves the case of an outage, because the provider serves us again. Returns `false` if there is no such case yet.
pub(super) async fn record_recovery(
    tx: &Tx<'_>,
    handler: &str,
    outage: Uuid,
    actor: &str,
    detail: &str,
) -> Result<bool, DbError> {
    const KNOWN: &str = "select from exceptions.exception where handler = $1 and event_id = $2";
    const SQL: &str = "\
        with resolved as (
            update exceptions.exception
            set state = 'resolved', resolution = 'recovered', version = version + 1, updated_at = despatch_now()
            where handler = $1 and event_id = $2 and state <> 'resolved'
            returning version, generation
        )
        insert into exceptions.history (handler, event_id, seq, actor, kind, generation, detail)
        select $1, $2, version, $3, 'recovered', generation, $4 from resolved";
    if tx.query_opt(KNOWN, &[&handler, &outage]).await?.is_none() {
        return Ok(false);
    }
    tx.execute(SQL, &[&handler, &outage, &actor, &detail]).await?;
    Ok(true)
}

/// Records that an order is cancelled, and resolves its cases that end with it, and those from which its cancellation was
/// requested. Cancellations of long ago are forgotten: no dead letter of their orders is to come.
pub(super) async fn record_order_cancelled(tx: &Tx<'_>, order_id: &str, actor: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        with forgotten as (
            delete from exceptions.cancelled_order where cancelled_at < despatch_now() - interval '90 days'
        ),
        known as (
            insert into exceptions.cancelled_order (order_id) values ($1) on conflict do nothing
        ),
        resolved as (
            update exceptions.exception
            set state = 'resolved', resolution = 'order-cancelled', version = version + 1,
                updated_at = despatch_now()
            where subject = $2 and (ends_with_order or cancel_requested) and state <> 'resolved'
            returning handler, event_id, version, generation
        )
        insert into exceptions.history (handler, event_id, seq, actor, kind, generation, detail)
        select handler, event_id, version, $3, 'order-cancelled', generation, '' from resolved";
    tx.execute(SQL, &[&order_id, &String::from(Subject::order(order_id)), &actor]).await?;
    Ok(())
}

/// Resolves a case that ends with its order, if that order is cancelled already.
pub(super) async fn resolve_if_cancelled(
    tx: &Tx<'_>,
    handler: &str,
    event_id: Uuid,
    order_id: &str,
    actor: &str,
) -> Result<(), DbError> {
    const SQL: &str = "\
        with resolved as (
            update exceptions.exception
            set state = 'resolved', resolution = 'order-cancelled', version = version + 1,
                updated_at = despatch_now()
            where handler = $1 and event_id = $2 and state <> 'resolved'
              and exists (select from exceptions.cancelled_order where order_id = $3)
            returning version, generation
        )
        insert into exceptions.history (handler, event_id, seq, actor, kind, generation, detail)
        select $1, $2, version, $4, 'order-cancelled', generation, '' from resolved";
    tx.execute(SQL, &[&handler, &event_id, &order_id, &actor]).await?;
    Ok(())
}

/// The columns of a [`Case`].
pub(super) const CASE_COLUMNS: &str =
    "number, handler, event_id, worker, subject, event_type, reason, error, attempts, generation, trace_id, queue,
    shop, shop_order_id, value_minor, currency, priority, due, state, claimed_by, resolution, opened_at, updated_at";

/// A case; `None` when the event has none.
pub(super) async fn find(db: &impl GenericClient, id: &CaseId) -> Result<Option<Case>, DbError> {
    let sql = format!("select {CASE_COLUMNS} from exceptions.exception where handler = $1 and event_id = $2");
    db.query_opt(&sql, &[&id.handler, &id.event_id]).await?.as_ref().map(case_of).transpose()
}

/// The case of a number; `None` when there is none.
pub(super) async fn of_number(db: &impl GenericClient, number: i64) -> Result<Option<Case>, DbError> {
    let sql = format!("select {CASE_COLUMNS} from exceptions.exception where number = $1");
    db.query_opt(&sql, &[&number]).await?.as_ref().map(case_of).transpose()
}

/// The cases that were opened after the one of this number, by number: at most `limit`.
pub(super) async fn opened_after(
    db: &impl GenericClient,
    number: i64,
    limit: i64,
) -> Result<Vec<Case>, DbError> {
    let sql =
        format!("select {CASE_COLUMNS} from exceptions.exception where number > $1 order by number limit $2");
    db.query(&sql, &[&number, &limit]).await?.iter().map(case_of).collect()
}

/// The highest number of a case; 0 when there is none.
pub(super) async fn last_number(db: &impl GenericClient) -> Result<i64, DbError> {
    let sql = "select coalesce(max(number), 0) from exceptions.exception";
    Ok(db.query_one(sql, &[]).await?.try_get(0)?)
}

/// Some cases whose events have ids from the first to the last, of one handler or of any: enough to see that they are several.
pub(super) async fn of_event_ids(
    db: &impl GenericClient,
    (first, last): (Uuid, Uuid),
    handler: Option<&str>,
) -> Result<Vec<Case>, DbError> {
    let sql = format!(
        "select {CASE_COLUMNS} from exceptions.exception
          where event_id between $1 and $2 and ($3::text is null or handler = $3) order by number limit 5"
    );
    db.query(&sql, &[&first, &last, &handler]).await?.iter().map(case_of).collect()
}

/// Every case about a subject, by number.
pub(super) async fn of_subject(db: &impl GenericClient, subject: Subject<'_>) -> Result<Vec<Case>, DbError> {
    let sql = format!("select {CASE_COLUMNS} from exceptions.exception where subject = $1 order by number");
    db.query(&sql, &[&String::from(subject)]).await?.iter().map(case_of).collect()
}

/// The subject of the cases that carry this order; `None` when no case does.
pub(super) async fn subject_of(
    db: &impl GenericClient,
    shop: &str,
    shop_order_id: &str,
) -> Result<Option<String>, DbError> {
    let sql = "select subject from exceptions.exception where shop = $1 and shop_order_id = $2 limit 1";
    Ok(db.query_opt(sql, &[&shop, &shop_order_id]).await?.map(|row| row.try_get(0)).transpose()?)
}

/// The dead letter of the last failure; `None` when the event has no case.
pub(super) async fn letter(db: &impl GenericClient, id: &CaseId) -> Result<Option<DeadLetter>, DbError> {
    let sql = "select letter from exceptions.exception where handler = $1 and event_id = $2";
    let Some(row) = db.query_opt(sql, &[&id.handler, &id.event_id]).await? else { return Ok(None) };
    // This worker encoded it.
    Ok(DeadLetter::decode(row.try_get::<_, &[u8]>(0)?).ok())
}

/// The history of a case, oldest entry first.
pub(super) async fn history(db: &impl GenericClient, id: &CaseId) -> Result<Vec<HistoryEntry>, DbError> {
    let sql = "select seq, at, actor, kind, generation, reason, detail
               from exceptions.history where handler = $1 and event_id = $2 order by seq";
    let rows = db.query(sql, &[&id.handler, &id.event_id]).await?;
    rows.iter()
        .map(|row| {
            Ok(HistoryEntry {
                seq: row.try_get("seq")?,
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                kind: row.try_get("kind")?,
                generation: row.try_get("generation")?,
                reason: row.try_get("reason")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

/// The unresolved cases of each queue that has any.
pub(super) async fn queue_counts(db: &impl GenericClient) -> Result<Vec<QueueCounts>, DbError> {
    let sql = "select queue, count(*) as unresolved, count(*) filter (where due < despatch_now()) as overdue
               from exceptions.exception where state <> 'resolved' group by queue order by queue";
    let rows = db.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(QueueCounts {
                queue: queue(row, "queue")?,
                unresolved: row.try_get("unresolved")?,
                overdue: row.try_get("overdue")?,
            })
        })
        .collect()
}

/// A [`Case`] from its columns.
pub(super) fn case_of(row: &Row) -> Result<Case, DbError> {
    Ok(Case {
        number: row.try_get("number")?,
        id: CaseId { handler: row.try_get("handler")?, event_id: row.try_get("event_id")? },
        worker: row.try_get("worker")?,
        subject: row.try_get("subject")?,
        event_type: row.try_get("event_type")?,
        reason: row.try_get("reason")?,
        error: row.try_get("error")?,
        attempts: row.try_get("attempts")?,
        generation: row.try_get("generation")?,
        trace_id: row.try_get("trace_id")?,
        queue: queue(row, "queue")?,
        // The table allows no other number.
        priority: Priority::of_number(row.try_get("priority")?).unwrap_or(Priority::Normal),
        shop: row.try_get("shop")?,
        shop_order_id: row.try_get("shop_order_id")?,
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

/// A case's queue; engineering for a queue that a newer build has added.
fn queue(row: &Row, column: &str) -> Result<Queue, DbError> {
    Ok(Queue::parse(row.try_get(column)?).unwrap_or(Queue::Engineering))
}

/// A text as Postgres stores it: every character but NUL.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

pub(super) fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
