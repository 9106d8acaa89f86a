//! The worker runtime: prepare, perform, record, publish, ack.
//!
//! A worker's author writes [`Handler`]s (or [`OutsideHandler`]s, for what asks the outside) and registers them with a
//! [`Worker`]; a [`Process`] runs workers. Every guarantee follows from the order of the stages, each of which has a
//! module of its own: `receive`, `admit` (and `suspect`), `perform`, `record`, `publish`.

mod acks;
mod admit;
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
mod intake;
mod job;
mod journal;
mod keys;
mod mend;
mod meters;
mod migrate;
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
mod retry;
mod roles;
mod settings;
mod spans;
mod standing;
mod statements;
mod survey;
mod suspect;
mod task;
mod tx;
mod waiting;
mod worker;

pub use broker::{BrokerError, options as nats_options};
pub use call::Call;
pub use clock::set_timer;
pub use database::{Database, DbError, Params, Snapshot};
pub use effects::{Ask, Attempt};
pub use gather::{Gatherer, Values};
pub use handler::{Fault, Handler, OutsideHandler, Policy, Verdict};
pub use health::{Health, State};
pub use intake::{Arrival, Intake, Owed, Refusal};
pub use job::Spec;
pub use keys::Keys;
pub use migrate::Migration;
pub use permissions::{Permissions, permissions};
pub use process::{Pending, Process, StartError, migrate_all, provision_all};
pub use recover::{RecoverError, recover_all};
pub use settings::Settings;
pub use standing::{Dead, Standing, standing};
pub use survey::Survey;
pub use tokio_postgres::Row;
pub use tx::Tx;
pub use waiting::{Waiting, Which, cancel, hurry, retries, waiting};
pub use worker::Worker;
