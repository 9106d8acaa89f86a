//! The journal: inbox and outbox in one table. It holds each event's outcome and the follow-ons that are still to be
//! published.

mod breakers;
mod checkpoint;
mod dead_letter;
mod effects;
mod inbox;
mod journal;
pub(crate) mod migrate;
mod outbox;
pub(crate) mod partitions;
mod settle;
mod sql;
mod starts;
mod timers;

pub(crate) use breakers::{BreakerRow, Recovered};
pub(crate) use checkpoint::StreamCheckpoint;
pub(crate) use dead_letter::{ERROR_LENGTH, Try, is_report, note};
pub(crate) use effects::Ledger;
pub use effects::{Attempt, EffectKey};
pub(crate) use inbox::{Admission, Done, HELD, History};
pub(crate) use journal::Journal;
pub use migrate::Migration;
pub(crate) use outbox::{OutboxBatch, UnpublishedEnvelopes};
pub(crate) use settle::{Disposition, JournalRow};
pub(crate) use timers::Due;
pub use timers::set_timer;
