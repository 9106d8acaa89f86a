//! Background tasks of each process: what is due, what was left unpublished, what the stream has lost, what operators ask.

pub(crate) mod answers;
pub(crate) mod gauges;
pub(crate) mod recovery;
mod relay;
mod retries;
pub(crate) mod scheduler;
mod sweeper;

pub(crate) use retries::{AnswerCancelRetries, AnswerRetryNow};
