//! The worker runtime: prepare, perform, record, publish, ack.
//!
//! A worker's author writes [`Handler`]s (or [`EffectHandler`]s, for what asks the outside) and registers them with a
//! [`Worker`]; a [`Process`] runs workers. Every guarantee follows from the order of the stages, each of which has a
//! module of its own: `receive`, `admit` (and `suspect`), `perform`, `record`, `publish`.

mod acks;
mod admit;
mod backlog;
mod broker;
mod call;
mod clock;
mod database;
mod delivery;
pub mod doctor;
mod effects;
mod failpoint;
mod gather;
mod handler;
mod health;
mod host;
mod job;
mod journal;
mod keys;
mod mend;
mod meters;
mod migrate;
mod outbox;
mod outcome;
mod perform;
mod permissions;
mod process;
mod provision;
mod publish;
mod pull;
mod receive;
mod record;
mod recover;
mod retries;
mod retry;
mod roles;
mod settings;
mod spans;
mod statements;
mod survey;
mod suspect;
mod task;
mod tx;
mod worker;

pub use backlog::{Backlog, DeadEvent, backlog};
pub use broker::{BrokerError, options as nats_options};
pub use call::ClientSpan;
pub use clock::set_timer;
pub use database::{Database, DbError, Params, Reader};
pub use effects::{Attempt, EffectKey};
pub use gather::{BatchParams, QueryBatcher};
pub use handler::{EffectHandler, Handler, HandlerError, Policy, Verdict};
pub use health::{Health, PartState};
pub use job::{HandlerSpec, chain as error_chain};
pub use keys::ConcurrencyKeys;
pub use migrate::Migration;
pub use outbox::{Outbox, OutboxMessage, RejectedInput, Unpublished};
pub use permissions::{Permissions, permissions};
pub use process::{Pending, Process, StartError, migrate_all, provision_all};
pub use recover::{RecoverError, recover_all};
pub use retries::{PendingRetry, RetryFilter, cancel_retries, count_retries, list_retries, retry_now};
pub use settings::Settings;
pub use survey::SqlGauge;
pub use tokio_postgres::Row;
pub use tx::Tx;
pub use worker::Worker;
