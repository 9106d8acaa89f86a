//! Background tasks of each process: due work, unpublished batches, rows past their retention, lost streams, gauges, operators' requests.

pub(crate) mod answers;
mod breakers;
pub(crate) mod gauges;
pub(crate) mod pruner;
pub(crate) mod readiness;
pub(crate) mod recovery;
mod relay;
mod retries;
pub(crate) mod scheduler;
pub(crate) mod surroundings;
mod sweeper;

pub(crate) use retries::{AnswerCancelRetries, AnswerRetryNow};
