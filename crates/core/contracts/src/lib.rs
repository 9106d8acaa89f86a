//! The events that workers exchange: protobuf messages, with a type, a subject and a NATS subject for each.
//!
//! This crate is the only place that knows the wire format. Workers name event *types*; NATS subjects, headers and ids
//! follow from them here.

mod address;
mod amounts;
mod ask;
mod envelope;
mod event;
mod events;
mod fulfilment;
mod id;
mod id_prefix;
pub mod json;
mod names;
mod subject;
pub mod tender;
mod trace;

pub use ask::{Ask, ask_subject};
pub use envelope::{Malformed, event_subject, now, replay_subject, subscription_subject};
pub use event::{DecodeError, Emits, Emitted, Event, Incoming};
pub use events::{ALL, subject_of};
pub use id::EventId;
pub use id_prefix::id_range;
pub use subject::Subject;
pub use trace::{Trace, collect_spans, span};

#[doc(hidden)]
pub use bytes::Bytes;

/// The generated protobuf types, one module per context as in `proto/despatch`.
#[allow(missing_docs, reason = "documented in the .proto files, which prost carries over")]
#[allow(clippy::all, clippy::pedantic, reason = "generated code")]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

// Each context by its short name: `order` for `proto::despatch::order::v1`.
include!(concat!(env!("OUT_DIR"), "/contexts.rs"));
