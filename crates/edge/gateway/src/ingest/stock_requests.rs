//! Requests about stock, each known by its id.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::{Object, Transaction};
use despatch_runtime::DbError;
use uuid::Uuid;

use crate::sources::stock_json::StockCommand;

/// The known and the new requests of a batch, by their events.
#[derive(Default)]
pub(crate) struct NotedRequests {
    /// Requests whose id is new.
    pub(crate) first: HashSet<Uuid>,
    /// Requests whose id came before with other contents.
    pub(crate) changed: HashSet<Uuid>,
}

/// Notes the requests whose id is new. They are sorted, so that two gateways cannot deadlock.
pub(crate) async fn note(
    tx: &Transaction<'_>,
    requests: &[(&StockCommand, Uuid)],
) -> Result<NotedRequests, DbError> {
    let statement = tx
        .prepare_cached(
            "insert into gateway.stock_request (request_id, digest, event_id)
             select request_id, digest, event_id
               from unnest($1::text[], $2::bytea[], $3::uuid[]) with ordinality
                    as sent(request_id, digest, event_id, at)
              order by request_id, at
             on conflict (request_id) do nothing
             returning event_id",
        )
        .await?;
    let ids: Vec<&str> = requests.iter().map(|(command, _)| &*command.request_id).collect();
    let digests: Vec<&[u8]> = requests.iter().map(|(command, _)| &command.digest[..]).collect();
    let events: Vec<Uuid> = requests.iter().map(|(_, event)| *event).collect();
    let rows = tx.query(&statement, &[&ids, &digests, &events]).await?;
    let first: HashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    if first.len() == requests.len() {
        return Ok(NotedRequests { first, changed: HashSet::new() });
    }
    let statement = tx
        .prepare_cached("select request_id, digest from gateway.stock_request where request_id = any($1)")
        .await?;
    let rows = tx.query(&statement, &[&ids]).await?;
    let known: HashMap<&str, &[u8]> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let changed = ids
        .iter()
        .zip(&digests)
        .zip(&events)
        .filter(|((id, digest), _)| known.get(**id).is_some_and(|known| known != *digest))
        .map(|(_, event)| *event)
        .collect();
    Ok(NotedRequests { first, changed })
}

/// Returns whether a request with this id came.
pub(crate) async fn is_known(db: &Object, request_id: &str) -> Result<bool, DbError> {
    let statement = db.prepare_cached("select 1 from gateway.stock_request where request_id = $1").await?;
    Ok(db.query_opt(&statement, &[&request_id]).await?.is_some())
}
