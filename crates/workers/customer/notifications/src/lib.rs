//! The notifications worker: customers get an e-mail at each milestone of their order, once.
//!
//! It writes at acceptance, despatch, delivery and when a review is requested, and stores who unsubscribed from review
//! requests. A supplier gets one about a delivery that is overdue. Operators' alerts go to a webhook instead ([`Alerts`]).

mod alert;
mod alerts;
mod config;
mod error;
mod mailer;
mod message;
mod milestone;
mod notify;
mod parcel_mails;
mod remind_supplier;
mod reminder;
mod smtp;
mod store;
mod store_contact;
mod template_data;
mod templates;
mod unsubscribe;

use std::time::Duration;

use despatch_runtime::{Migration, Worker};

pub use alerts::{Alert, AlertError, Alerts};
pub use config::{Config, SetupError};
use mailer::Mailer;
pub use message::UNSUBSCRIBE;

/// The worker's name and schema.
pub const NAME: &str = "notifications";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_notifications", sql: include_str!("../migrations/0001_notifications.sql") }];

/// Creates the worker with its handlers. Call it on a tokio runtime, which closes idle connections.
pub fn worker(config: &Config) -> Result<Worker, SetupError> {
    let alerts = Alerts::new(&config.alert_webhook)?;
    let worker = Worker::new(NAME, MIGRATIONS);
    let worker = alerts.clone().into_iter().fold(worker, Worker::provider);
    let timeout = Duration::from_secs(config.smtp_timeout_seconds);
    let worker = match Mailer::new(&config.smtp_url, timeout)? {
        Mailer::Smtp(server) => worker.provider(server),
        Mailer::Fake => worker,
    };
    Ok(worker
        .queries(store::QUERIES)
        .prunes(store::retentions())
        .handler(store_contact::StoreContact)
        .effect_handler(notify::Notify::new(config)?)
        .effect_handler(remind_supplier::RemindSupplier::new(config)?)
        .effect_handler(alert::NotifyOperators { alerts })
        .handler(unsubscribe::Unsubscribe))
}
