//! Backs `despatch migrate` and `despatch provision`.

use std::time::SystemTime;

use crate::admin::provision;
use crate::admin::roles;
use crate::db::{Database, DbError};
use crate::health::Health;
use crate::journal::migrate;
use crate::nats::{Broker, BrokerError, reach};
use crate::settings::Settings;
use crate::worker::{HandlerSpec, Worker};

/// Migrates the schemas of these workers and, where allowed, gives each to a role of its own: `despatch migrate`.
pub async fn migrate_all(settings: &Settings, workers: &[Worker]) -> Result<(), DbError> {
    for worker in workers {
        let db = Database::new(settings.database_of(worker.name), 1)?;
        migrate::migrate(&db, worker.name, worker.migrations).await?;
    }
    for worker in workers {
        let db = Database::new(settings.database_of(worker.name), 1)?;
        if !roles::keep(&db, worker).await? {
            tracing::info!(worker = worker.name, "role skipped: this user may not create roles");
        }
    }
    Ok(())
}

/// Creates or corrects the stream and the consumers of these workers: `despatch provision`.
pub async fn provision_all(settings: &Settings, workers: &[Worker]) -> Result<(), BrokerError> {
    reach(&settings.nats_url).await?;
    let broker =
        Broker::connect(&settings.nats_url, &settings.namespace, "provisioner", &Health::of_a_command())
            .await?;
    let specs: Vec<HandlerSpec> = workers.iter().flat_map(|worker| worker.specs().cloned()).collect();
    provision::provision(&broker, settings, &specs, time(settings).await).await.map(drop)
}

/// Returns the deployment's time, or this machine's if the database is away: streams can be provisioned without it.
async fn time(settings: &Settings) -> SystemTime {
    let Ok(database) = Database::new(&settings.database_url, 1) else { return SystemTime::now() };
    // A new connection learns the time.
    let _ = database.client().await;
    database.clock().now()
}
