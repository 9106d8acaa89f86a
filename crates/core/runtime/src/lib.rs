//! The worker runtime: prepare, perform, record, publish, ack.
//!
//! The author of a worker writes [`Handler`]s, or [`EffectHandler`]s for effects at external providers, and registers
//! them with a [`Worker`]. A [`Process`] runs workers. Every guarantee follows from the order of a handler's stages.
//! Each stage is a file in `pipeline`:
//!
//! ```text
//! receive → admit ─┬──────────────────────→ record → publish → ack
//!                  ├→ quarantine ──────────→   ↑
//!                  └→ prepare → perform ───────┘
//! ```

mod admin;
mod backoff;
mod breaker;
mod clock;
mod connect_error;
mod context;
mod db;
mod error;
mod failpoint;
mod health;
mod journal;
mod maintenance;
mod nats;
mod outbox;
mod pipeline;
mod policy;
mod probe;
mod process;
mod settings;
mod supervise;
mod telemetry;
mod worker;

// For authors of workers.
pub use breaker::ExternalProvider;
pub use db::{
    BatchParams, BatchedQuery, ConcurrencyKeys, DbError, DbErrorKind, Params, QueryBatcher, Reader, Stored,
};
pub use journal::{Attempt, EffectKey, Migration};
pub use policy::{Policy, PolicyOverride};
pub use telemetry::ClientSpan;
pub use tokio_postgres::Row;
pub use worker::{
    AskError, AskHandler, EffectHandler, Handler, HandlerError, HandlerSpec, ProviderAnswer, ProviderCheck,
    ProviderFault, Retention, SqlGauge, StartAt, Timer, Tx, Verdict, Worker,
};

// For programs that run workers.
pub use health::{Health, PartState};
pub use nats::Pending;
pub use process::{Process, Readiness, StartError};
pub use settings::Settings;
pub use supervise::supervised;

// For commands that operate a deployment.
pub use admin::doctor;
pub use admin::{
    Backlog, DeadEvent, Operator, OperatorError, Outage, PendingRetry, Permissions, RecoverError,
    RetryFilter, backlog, count_retries, list_outages, list_retries, migrate_all, permissions, provision_all,
    recover_all, retries_between,
};
pub use connect_error::{ConnectError, Server, connect_hint};
pub use db::Database;
pub use error::chain as error_chain;
pub use nats::{BrokerError, options as nats_options};

// For code that takes events in from outside.
pub use journal::set_timer;
pub use outbox::{Outbox, OutboxMessage, RejectedInput, Unpublished};
