//! All SQL of the reviews worker.

use despatch_runtime::{DbError, Tx};
use despatch_status::ReviewState;

/// Notes that a parcel arrived. Returns `true` for the parcel that completes the delivery.
pub(crate) async fn delivered(
    tx: &Tx<'_>,
    order_id: &str,
    parcel: i64,
    parcels: i64,
) -> Result<bool, DbError> {
    // A parcel that is delivered again changes nothing, so it completes nothing.
    const SQL: &str = "\
        with each as (
            select * from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality
                as each(order_id, parcel, parcels, n)
        ), delivered as (
            insert into reviews.review as r (order_id, state, delivered, parcels)
            select order_id, case when parcels = 1 then 'asking' else 'awaiting-delivery' end, array[parcel], parcels
            from each
            on conflict (order_id) do update
            set delivered = r.delivered || excluded.delivered, parcels = excluded.parcels, updated_at = despatch_now(),
                state = case when r.state = 'awaiting-delivery'
                                  and cardinality(r.delivered) + 1 >= excluded.parcels then 'asking'
                             else r.state end
            where not r.delivered @> excluded.delivered
            returning order_id, state, cardinality(delivered) = parcels as complete
        )
        select n, state, complete from each join delivered using (order_id)";
    let rows = tx.execute_batched(SQL, (order_id.to_owned(), parcel, parcels)).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    Ok(row.try_get::<_, ReviewState>("state")? == ReviewState::Asking && row.try_get("complete")?)
}

/// Notes that request `ask` was made. Returns `false` if it is not the due one, or the customer is not to be asked.
pub(crate) async fn asked(tx: &Tx<'_>, order_id: &str, ask: i64) -> Result<bool, DbError> {
    const SQL: &str = "\
        update reviews.review r set next_ask = ask + 1, updated_at = despatch_now()
        from unnest($1::text[], $2::bigint[]) with ordinality as each(order_id, ask, n)
        where r.order_id = each.order_id and state = 'asking' and next_ask = ask
        returning n";
    Ok(!tx.execute_batched(SQL, (order_id.to_owned(), ask)).await?.is_empty())
}

/// Ends the requests without an answer; returns as [`asked`].
pub(crate) async fn lapse(tx: &Tx<'_>, order_id: &str, ask: i64) -> Result<bool, DbError> {
    const SQL: &str = "\
        update reviews.review r set state = 'lapsed', updated_at = despatch_now()
        from unnest($1::text[], $2::bigint[]) with ordinality as each(order_id, ask, n)
        where r.order_id = each.order_id and state = 'asking' and next_ask = ask
        returning n";
    Ok(!tx.execute_batched(SQL, (order_id.to_owned(), ask)).await?.is_empty())
}

/// Ends the requests that reach nobody; returns false if they have ended.
pub(crate) async fn lapse_unasked(tx: &Tx<'_>, order_id: &str) -> Result<bool, DbError> {
    const SQL: &str = "\
        update reviews.review set state = 'lapsed', updated_at = despatch_now()
        where order_id = $1 and state = 'asking'";
    Ok(tx.execute(SQL, &[&order_id]).await? == 1)
}

/// Stores an answer and ends the requests, whatever their state.
pub(crate) async fn answer(tx: &Tx<'_>, order_id: &str, rating: i64, comment: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        with each as (
            select * from unnest($1::text[], $2::bigint[], $3::text[]) as each(order_id, rating, comment)
        ), answered as (
            insert into reviews.review as r (order_id, state) select order_id, 'answered' from each
            on conflict (order_id) do update set state = 'answered', updated_at = despatch_now()
        )
        insert into reviews.answer (order_id, number, rating, comment)
        select order_id, (select count(*) + 1 from reviews.answer a where a.order_id = each.order_id), rating, comment
        from each";
    // PostgreSQL accepts every character in a text except NUL.
    tx.execute_batched(SQL, (order_id.to_owned(), rating, comment.replace('\0', ""))).await?;
    Ok(())
}

/// Ends the requests, unless they have ended.
pub(crate) async fn stop(tx: &Tx<'_>, order_id: &str, reason: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        insert into reviews.review as r (order_id, state, stopped_because) values ($1, 'stopped', $2)
        on conflict (order_id) do update set state = 'stopped', stopped_because = $2, updated_at = despatch_now()
        where r.state in ('awaiting-delivery', 'asking')";
    tx.execute(SQL, &[&order_id, &reason]).await?;
    Ok(())
}
