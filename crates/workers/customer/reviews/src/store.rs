//! All SQL of the reviews worker: what its handlers write, and what the edge may read.

use std::error::Error;

use despatch_runtime::{DbError, Tx};
use jiff::Timestamp;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{FromSql, Type};

/// How far the asking for an order's review is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not every parcel is delivered yet.
    AwaitingDelivery,
    /// The customer is asked, or will be.
    Asking,
    /// The customer answered.
    Answered,
    /// The order was cancelled or returned; the customer is not asked.
    Stopped,
    /// Every ask went unanswered; the customer is not asked any more.
    Lapsed,
}

impl State {
    const ALL: [State; 5] =
        [State::AwaitingDelivery, State::Asking, State::Answered, State::Stopped, State::Lapsed];

    /// The name, as tables and answers have it.
    pub const fn name(self) -> &'static str {
        match self {
            State::AwaitingDelivery => "awaiting-delivery",
            State::Asking => "asking",
            State::Answered => "answered",
            State::Stopped => "stopped",
            State::Lapsed => "lapsed",
        }
    }
}

impl<'a> FromSql<'a> for State {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let state = State::ALL.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| format!("{name:?} is no state of a review").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// Notes that a parcel arrived. `true` for the parcel that was the last to be waited for.
pub(crate) async fn delivered(
    tx: &Tx<'_>,
    order_id: &str,
    parcel: i64,
    parcels: i64,
) -> Result<bool, DbError> {
    // The parcel that is delivered again changes nothing, so it completes nothing.
    const SQL: &str = "\
        with each as (
            select * from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality
                as each(order_id, parcel, parcels, n)
        ), delivered as (
            insert into reviews.review as r (order_id, state, delivered, parcels)
            select order_id, case when parcels = 1 then 'asking' else 'awaiting-delivery' end, array[parcel], parcels
            from each
            on conflict (order_id) do update
            set delivered = r.delivered || excluded.delivered, parcels = excluded.parcels, updated_at = now(),
                state = case when r.state = 'awaiting-delivery'
                                  and cardinality(r.delivered) + 1 >= excluded.parcels then 'asking'
                             else r.state end
            where not r.delivered @> excluded.delivered
            returning order_id, state, cardinality(delivered) = parcels as complete
        )
        select n, state, complete from each join delivered using (order_id)";
    let rows = tx.execute_batched(SQL, (order_id.to_owned(), parcel, parcels)).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    Ok(row.try_get::<_, State>("state")? == State::Asking && row.try_get("complete")?)
}

/// Takes ask `ask` as done. `false` when it is not the one that is due, or the customer is not to be asked.
pub(crate) async fn asked(tx: &Tx<'_>, order_id: &str, ask: i64) -> Result<bool, DbError> {
    const SQL: &str = "\
        update reviews.review r set next_ask = ask + 1, updated_at = now()
        from unnest($1::text[], $2::bigint[]) with ordinality as each(order_id, ask, n)
        where r.order_id = each.order_id and state = 'asking' and next_ask = ask
        returning n";
    Ok(!tx.execute_batched(SQL, (order_id.to_owned(), ask)).await?.is_empty())
}

/// Ends the asking without an answer; as [`asked`].
pub(crate) async fn lapse(tx: &Tx<'_>, order_id: &str, ask: i64) -> Result<bool, DbError> {
    const SQL: &str = "\
        update reviews.review r set state = 'lapsed', updated_at = now()
        from unnest($1::text[], $2::bigint[]) with ordinality as each(order_id, ask, n)
        where r.order_id = each.order_id and state = 'asking' and next_ask = ask
        returning n";
    Ok(!tx.execute_batched(SQL, (order_id.to_owned(), ask)).await?.is_empty())
}

/// Stores an answer and ends the asking, whatever its state.
pub(crate) async fn answer(tx: &Tx<'_>, order_id: &str, rating: i64, comment: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        with each as (
            select * from unnest($1::text[], $2::bigint[], $3::text[]) as each(order_id, rating, comment)
        ), answered as (
            insert into reviews.review as r (order_id, state) select order_id, 'answered' from each
            on conflict (order_id) do update set state = 'answered', updated_at = now()
        )
        insert into reviews.answer (order_id, number, rating, comment)
        select order_id, (select count(*) + 1 from reviews.answer a where a.order_id = each.order_id), rating, comment
        from each";
    // Postgres holds every character in a text but NUL.
    tx.execute_batched(SQL, (order_id.to_owned(), rating, comment.replace('\0', ""))).await?;
    Ok(())
}

/// Ends the asking, unless it has ended.
pub(crate) async fn stop(tx: &Tx<'_>, order_id: &str, reason: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        insert into reviews.review as r (order_id, state, stopped_because) values ($1, 'stopped', $2)
        on conflict (order_id) do update set state = 'stopped', stopped_because = $2, updated_at = now()
        where r.state in ('awaiting-delivery', 'asking')";
    tx.execute(SQL, &[&order_id, &reason]).await?;
    Ok(())
}

/// An order's review, as far as it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// How far the asking is.
    pub state: State,
    /// How often the customer was asked.
    pub asks: i64,
    /// The reason code, when the asking was stopped.
    pub stopped_because: Option<String>,
    /// The first answer, if there is one.
    pub answer: Option<Answer>,
}

/// What a customer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 1 to 5 stars.
    pub rating: i64,
    /// Their words; may be empty.
    pub comment: String,
    /// When it was recorded.
    pub at: Timestamp,
}

/// The review of an order; `None` while no event that matters to it was recorded.
pub async fn review_of(
    db: &impl GenericClient,
    order_id: &str,
) -> Result<Option<Review>, tokio_postgres::Error> {
    const SQL: &str = "\
        select r.state, r.next_ask, r.stopped_because, a.rating, a.comment, a.at
        from reviews.review r left join reviews.answer a on a.order_id = r.order_id and a.number = 1
        where r.order_id = $1";
    let Some(row) = db.query_opt(SQL, &[&order_id]).await? else { return Ok(None) };
    let answer = match row.try_get::<_, Option<i64>>(3)? {
        None => None,
        Some(rating) => Some(Answer { rating, comment: row.try_get(4)?, at: row.try_get(5)? }),
    };
    let (state, asks) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Some(Review { state, asks, stopped_because: row.try_get(2)?, answer }))
}
