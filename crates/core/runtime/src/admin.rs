//! Operator actions behind the commands: they act on a deployment from outside of its processes.

mod ask;
mod backlog;
pub mod doctor;
mod migrate;
mod outages;
mod permissions;
pub(crate) mod provision;
mod recover;
mod retries;
mod roles;

pub use ask::{Operator, OperatorError};
pub use backlog::{Backlog, DeadEvent, backlog};
pub use migrate::{migrate_all, provision_all};
pub use outages::{Outage, list_outages};
pub use permissions::{Permissions, permissions};
pub use recover::{RecoverError, recover_all};
pub use retries::{PendingRetry, RetryFilter, count_retries, list_retries, retries_between};
