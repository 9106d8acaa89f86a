//! All SQL of the {{name}} worker.

use despatch_runtime::{DbError, Tx};

/// Notes an order; whether it was not noted before.
pub(crate) async fn note(tx: &Tx<'_>, order_id: &str) -> Result<bool, DbError> {
    const SQL: &str = "\
        with each as (
            select order_id, n from unnest($1::text[]) with ordinality as each(order_id, n)
        ), noted as (
            insert into {{name}}.note (order_id) select order_id from each
            on conflict (order_id) do nothing
            returning order_id
        )
        select n from each join noted using (order_id)";
    Ok(!tx.execute_batched(SQL, (order_id.to_owned(),)).await?.is_empty())
}
