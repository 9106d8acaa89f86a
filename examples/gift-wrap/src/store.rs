//! All SQL of the worker.

use despatch_runtime::{DbError, Tx};

/// Notes that a parcel is wrapped; whether it was not before.
pub(crate) async fn wrap(tx: &Tx<'_>, order_id: &str, parcel: u32) -> Result<bool, DbError> {
    const SQL: &str = "\
        with each as (
            select * from unnest($1::text[], $2::bigint[]) with ordinality as each(order_id, number, n)
        ), wrapped as (
            insert into giftwrap.parcel (order_id, number) select order_id, number from each
            on conflict do nothing
            returning order_id, number
        )
        select n from each join wrapped using (order_id, number)";
    Ok(!tx.execute_batched(SQL, (order_id.to_owned(), i64::from(parcel))).await?.is_empty())
}

/// Counts one more sheet of a paper.
pub(crate) async fn count(tx: &Tx<'_>, colour: &str) -> Result<(), DbError> {
    const SQL: &str = "\
        insert into giftwrap.paper as p (colour, sheets) select colour, 1 from unnest($1::text[]) as each(colour)
        on conflict (colour) do update set sheets = p.sheets + 1";
    tx.execute_batched(SQL, (colour.to_owned(),)).await?;
    Ok(())
}
