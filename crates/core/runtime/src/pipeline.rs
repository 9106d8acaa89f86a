//! The pipeline of a handler: one file for each stage, and the types that the stages share.

mod admit;
mod chains;
mod guard;
mod handle;
mod outcome;
mod perform;
mod pipeline;
mod publish;
mod quarantine;
mod receive;
mod record;
mod split;
mod stale;
mod task;

pub(crate) use pipeline::run_handler;
