//! All SQL of the orders worker: the statements of its handlers, and the counts for an audit.

use std::time::Duration;

use despatch_contracts::order::{Address, Order};
use despatch_domain::Reason;
use despatch_runtime::{BatchedQuery, DbError, Retention, Stored, Tx};
use despatch_status::OrderState;
use jiff::Timestamp;
use prost::Message as _;
use tokio_postgres::types::Json;
use tokio_postgres::{GenericClient, Row};

use crate::lifecycle::{Lifecycle, Step};
use crate::moved::Moved;

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[LIFECYCLE, AGE];

const LIFECYCLE: BatchedQuery = BatchedQuery::new(
    "\
    select each.n, version, lifecycle
    from unnest($1::text[]) with ordinality as each(order_id, n) join orders.progress using (order_id)",
);

const AGE: BatchedQuery = BatchedQuery::new(
    "\
    select each.n, extract(epoch from despatch_now() - placed_at)::float8
    from unnest($1::text[]) with ordinality as each(order_id, n) join orders.orders using (order_id)",
);

/// The text of a timeline entry besides the step itself.
#[derive(Debug)]
pub(crate) struct Note<'a> {
    pub(crate) event_type: &'static str,
    pub(crate) detail: &'a str,
}

/// Stores an accepted order with its first timeline entry. Returns `false` and stores nothing if its id or its shop's
/// order id exists already.
pub(crate) async fn accept(tx: &Tx<'_>, order: &Order, note: &Note<'_>) -> Result<bool, DbError> {
    const SQL: &str = "\
        with accepted as (
            insert into orders.orders (order_id, shop, shop_order_id, channel, customer_email, currency, total_minor,
                                       placed_at, document)
            select $1, $2, $3, $4, $5, $6, $7, coalesce($8, despatch_now()), $9
            where not exists (select from orders.pruned where order_id = $1)
            on conflict do nothing
            returning order_id
        ), started as (
            insert into orders.progress (order_id, state, version, lifecycle)
            select order_id, $10, 1, $11 from accepted
        )
        insert into orders.timeline (order_id, seq, event_type, to_state, reason, detail)
        select order_id, 1, $12, $10, $13, $14 from accepted";
    let lifecycle = Lifecycle::of(order);
    let email = order.customer.as_ref().map_or("", |customer| &customer.email);
    let placed_at = order
        .placed_at
        .as_ref()
        .and_then(|placed_at| Timestamp::new(placed_at.seconds, placed_at.nanos).ok());
    let stored = tx
        .execute(
            SQL,
            &[
                &order.order_id,
                &order.shop,
                &order.shop_order_id,
                &order.channel,
                &email,
                &order.currency,
                &order.total_minor,
                &placed_at,
                &order.encode_to_vec(),
                &lifecycle.state().name(),
                &Json(&lifecycle),
                &note.event_type,
                &Reason::OrderValid.code(),
                &text(note.detail),
            ],
        )
        .await?;
    Ok(stored == 1)
}

/// Changes an accepted order: reads its lifecycle, applies `change`, and stores the step with one timeline entry.
/// Returns `None` and stores nothing if the order was not accepted (yet).
///
/// The runtime holds the order's concurrency key, so no other handler writes between the read and the write.
pub(crate) async fn advance<E: From<DbError>>(
    tx: &Tx<'_>,
    order_id: &str,
    note: &Note<'_>,
    change: impl FnOnce(&mut Lifecycle) -> Result<Step, E>,
) -> Result<Option<Step>, E> {
    let Some((version, mut lifecycle)) = lifecycle(tx, order_id).await? else { return Ok(None) };
    let step = change(&mut lifecycle)?;
    keep(tx, order_id, (version + 1, lifecycle), &step, note).await?;
    Ok(Some(step))
}

/// Returns an order's lifecycle and the number of its last timeline entry.
pub(crate) async fn lifecycle(tx: &Tx<'_>, order_id: &str) -> Result<Option<(i32, Lifecycle)>, DbError> {
    let rows = tx.query_batched(LIFECYCLE, (order_id.to_owned(),)).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let Json(lifecycle) = row.try_get("lifecycle")?;
    Ok(Some((row.try_get("version")?, lifecycle)))
}

async fn keep(
    tx: &Tx<'_>,
    order_id: &str,
    (version, lifecycle): (i32, Lifecycle),
    step: &Step,
    note: &Note<'_>,
) -> Result<(), DbError> {
    const SQL: &str = "\
        with each as (
            select * from unnest($1::text[], $2::text[], $3::int[], $4::jsonb[], $5::text[], $6::text[], $7::text[],
                                 $8::text[])
                as each(order_id, to_state, version, lifecycle, event_type, from_state, reason, detail)
        ), advanced as (
            update orders.progress p
            set state = to_state, version = each.version, lifecycle = each.lifecycle, updated_at = despatch_now(),
                completed_at = case when to_state = 'completed' then coalesce(completed_at, despatch_now())
                                    else completed_at end
            from each where p.order_id = each.order_id
        )
        insert into orders.timeline (order_id, seq, event_type, from_state, to_state, reason, detail)
        select order_id, version, event_type, from_state, to_state, reason, detail from each";
    let values = (
        order_id.to_owned(),
        step.to.name(),
        version,
        Json(lifecycle),
        note.event_type,
        step.from.name(),
        step.reason.code(),
        text(note.detail),
    );
    tx.execute_batched(SQL, values).await?;
    Ok(())
}

/// Number of open orders, by state.
pub(crate) const UNDER_WAY: &str = "\
    select state, count(*)::float8 from orders.progress
    where completed_at is null and state not in ('cancelled', 'returned') group by state";

/// Seconds since the last step of the stalest open order, by state.
pub(crate) const STOOD_STILL: &str = "\
    select state, extract(epoch from despatch_now() - min(updated_at))::float8 from orders.progress
    where completed_at is null and state not in ('cancelled', 'returned') group by state";

/// Returns the seconds since an order was placed.
pub(crate) async fn age(tx: &Tx<'_>, order_id: &str) -> Result<Option<f64>, DbError> {
    let rows = tx.query_batched(AGE, (order_id.to_owned(),)).await?;
    rows.first().map(|row| row.try_get(1)).transpose().map_err(Into::into)
}

/// An accepted order.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// As it is now.
    pub(crate) order: Order,
    /// The change of its address that its shop does not know of.
    pub(crate) moved: Option<Moved>,
}

/// Returns an accepted order.
pub(crate) async fn document(tx: &Tx<'_>, order_id: &str) -> Result<Option<Accepted>, DbError> {
    const SQL: &str = "select document, moved_from, moved_at from orders.orders where order_id = $1";
    let Some(row) = tx.query_opt(SQL, &[&order_id]).await? else { return Ok(None) };
    let Stored(order) = row.try_get(0)?;
    Ok(Some(Accepted { order, moved: moved(&row)? }))
}

/// Reads the columns `moved_from` and `moved_at`.
fn moved(row: &Row) -> Result<Option<Moved>, DbError> {
    let from = row.try_get::<_, Option<Stored<Address>>>("moved_from")?;
    let at = row.try_get::<_, Option<Timestamp>>("moved_at")?;
    Ok(from.zip(at).map(|(Stored(from), at)| Moved { from, at }))
}

/// Stores an accepted order as it is now.
pub(crate) async fn change_document(
    tx: &Tx<'_>,
    order: &Order,
    moved: Option<&Moved>,
) -> Result<(), DbError> {
    const SQL: &str = "\
        update orders.orders
           set document = $2, total_minor = $3, customer_email = $4, moved_from = $5, moved_at = $6
         where order_id = $1";
    let email = order.customer.as_ref().map_or("", |customer| &customer.email);
    let (from, at) = (moved.map(|moved| moved.from.encode_to_vec()), moved.map(|moved| moved.at));
    tx.execute(SQL, &[&order.order_id, &order.encode_to_vec(), &order.total_minor, &email, &from, &at])
        .await?;
    Ok(())
}

/// Stores an accepted order under an address that its shop does not know of. `former` is the one before.
pub(crate) async fn move_order(tx: &Tx<'_>, order: &Order, former: &Address) -> Result<(), DbError> {
    const SQL: &str = "\
        update orders.orders
           set document = $2, moved_from = coalesce(moved_from, $3), moved_at = despatch_now()
         where order_id = $1";
    tx.execute(SQL, &[&order.order_id, &order.encode_to_vec(), &former.encode_to_vec()]).await?;
    Ok(())
}

/// How long a payment may take: a bank transfer over holidays.
pub(crate) const PAID_WITHIN: Duration = Duration::from_secs(14 * 24 * 3600);

/// An order that waits for its payment, or did.
pub(crate) struct Unpaid {
    pub(crate) order: Order,
    pub(crate) is_given_up: bool,
    /// As of an accepted order.
    pub(crate) moved: Option<Moved>,
}

/// Keeps an order that is not paid yet; returns false if it is kept already.
pub(crate) async fn keep_unpaid(tx: &Tx<'_>, order: &Order) -> Result<bool, DbError> {
    const SQL: &str = "insert into orders.unpaid (order_id, document)
                       select $1, $2 where not exists (select from orders.orders where order_id = $1)
                       on conflict do nothing";
    Ok(tx.execute(SQL, &[&order.order_id, &order.encode_to_vec()]).await? == 1)
}

/// Returns an order that waits for its payment, or whose payment did not come.
pub(crate) async fn unpaid(tx: &Tx<'_>, order_id: &str) -> Result<Option<Unpaid>, DbError> {
    const SQL: &str = "select document, moved_from, moved_at,
                              given_up_at is not null or placed_at <= despatch_now() - $2::float8 * interval '1 second' as is_given_up
                         from orders.unpaid where order_id = $1";
    let Some(row) = tx.query_opt(SQL, &[&order_id, &PAID_WITHIN.as_secs_f64()]).await? else {
        return Ok(None);
    };
    let Stored(order) = row.try_get(0)?;
    Ok(Some(Unpaid { order, is_given_up: row.try_get("is_given_up")?, moved: moved(&row)? }))
}

/// Stores an order that is not paid yet as it is now.
pub(crate) async fn change_unpaid(tx: &Tx<'_>, order: &Order, moved: Option<&Moved>) -> Result<(), DbError> {
    const SQL: &str =
        "update orders.unpaid set document = $2, moved_from = $3, moved_at = $4 where order_id = $1";
    let (from, at) = (moved.map(|moved| moved.from.encode_to_vec()), moved.map(|moved| moved.at));
    tx.execute(SQL, &[&order.order_id, &order.encode_to_vec(), &from, &at]).await?;
    Ok(())
}

/// Stores an order that is not paid yet under an address that its shop does not know of.
pub(crate) async fn move_unpaid(tx: &Tx<'_>, order: &Order, former: &Address) -> Result<(), DbError> {
    const SQL: &str = "\
        update orders.unpaid
           set document = $2, moved_from = coalesce(moved_from, $3), moved_at = despatch_now()
         where order_id = $1";
    tx.execute(SQL, &[&order.order_id, &order.encode_to_vec(), &former.encode_to_vec()]).await?;
    Ok(())
}

/// Notes that nobody waits for the payment of this order any more.
pub(crate) async fn give_up(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    const SQL: &str =
        "update orders.unpaid set given_up_at = despatch_now() where order_id = $1 and given_up_at is null";
    tx.execute(SQL, &[&order_id]).await?;
    Ok(())
}

/// Removes an order that is paid from those that are not.
pub(crate) async fn forget_unpaid(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    tx.execute("delete from orders.unpaid where order_id = $1", &[&order_id]).await?;
    Ok(())
}

/// Orders that are at their end, and orders that nobody paid. Their ids stay, so that they are never accepted again.
pub(crate) fn retentions() -> [Retention; 2] {
    let closed = "\
        with old as (
            select order_id from orders.progress
            where order_id < $3 and state in ('completed', 'cancelled', 'returned') and updated_at < $1
            order by order_id limit $2 for update skip locked
        ), gone as (
            delete from orders.progress using old where progress.order_id = old.order_id returning old.order_id
        ), contents as (
            delete from orders.orders using old where orders.order_id = old.order_id
        ), steps as (
            delete from orders.timeline using old where timeline.order_id = old.order_id
        ), noted as (
            insert into orders.pruned (order_id) select order_id from gone on conflict do nothing
        )
        select count(*) from gone";
    let unpaid = "\
        with old as (
            select order_id from orders.unpaid where order_id < $3 and given_up_at < $1
            order by order_id limit $2 for update skip locked
        ), gone as (
            delete from orders.unpaid using old where unpaid.order_id = old.order_id returning old.order_id
        ), noted as (
            insert into orders.pruned (order_id) select order_id from gone on conflict do nothing
        )
        select count(*) from gone";
    [Retention::new("orders", KEPT_DAYS, closed), Retention::new("orders", KEPT_DAYS, unpaid)]
}

/// Days for which an order is kept by default: two years, in which customers have rights about what they bought.
const KEPT_DAYS: u32 = 730;

/// Removes NUL, the only character that PostgreSQL does not accept in a text. Carriers and shops may send it.
fn text(words: &str) -> String {
    words.replace('\0', "")
}

/// Counts the orders in each state; leaves out states without orders.
pub async fn counts_by_state(
    db: &impl GenericClient,
) -> Result<Vec<(OrderState, i64)>, tokio_postgres::Error> {
    const SQL: &str = "select state, count(*) from orders.progress group by state";
    let rows = db.query(SQL, &[]).await?;
    let mut counts =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, _>>()?;
    counts.sort();
    Ok(counts)
}
