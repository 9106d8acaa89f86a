//! Recovery by hand: `despatch recover`.

use crate::db::{Database, DbError};
use crate::health::Health;
use crate::journal::Journal;
use crate::maintenance::recovery::publish_recorded;
use crate::nats::{Broker, BrokerError, Headers, reach};
use crate::settings::Settings;
use despatch_contracts::runtime::Envelope;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// Publishes again everything that these workers recorded since `since`, whatever the stream holds: `despatch recover`.
/// Returns the number of messages of each worker's journal.
pub async fn recover_all(
    settings: &Settings,
    workers: &[&'static str],
    since: SystemTime,
) -> Result<Vec<(&'static str, u64)>, RecoverError> {
    reach(&settings.nats_url).await?;
    let broker =
        Broker::connect(&settings.nats_url, &settings.namespace, "operator", &Health::of_a_command()).await?;
    let never = CancellationToken::new();
    let mut counts = Vec::new();
    for worker in workers {
        let db = Database::with_index_plans(settings.database_of(worker), 1)?;
        let journal = Journal::new(worker);
        // This token is never cancelled, so everything is stored.
        let copies = (&broker, Envelope::headers_without_msg_id as Headers, &never);
        let (_, count) = publish_recorded((&db, &journal), Some(since), copies).await?;
        counts.push((*worker, count));
    }
    Ok(counts)
}

/// Why a recovery by hand failed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The broker's URL is malformed, or the connection failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A journal cannot be read.
    #[error(transparent)]
    Database(#[from] DbError),
}
