//! The resources of a run: of the machine ([`usage`], [`run`]), of PostgreSQL ([`statements`]) and of the stream
//! ([`messages`]); the median of several runs ([`spread`]), and its output ([`report`]).

pub(crate) mod messages;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod spread;
pub(crate) mod statements;
pub(crate) mod usage;
