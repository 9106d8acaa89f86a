//! The events that workers exchange: protobuf messages, and for each its NATS subject and what it is about.
//!
//! This crate is the only place that knows what is on the wire. Workers speak of event *types*; subjects, headers
//! and identities follow from them here.

mod ask;
mod envelope;
mod event;
mod events;
mod id;
pub mod json;
mod subject;
mod trace;

pub use ask::{Ask, ask_subject};
pub use envelope::{Malformed, event_subject, now, replay_subject, subscription_subject};
pub use event::{DecodeError, Emits, Emitted, Event, Incoming};
pub use events::{ALL, subject_of};
pub use id::EventId;
pub use subject::Subject;
pub use trace::{Trace, collect_spans, span};

#[doc(hidden)]
pub use bytes::Bytes;

/// The generated protobuf types, one module per context as in `proto/despatch`.
#[allow(missing_docs, reason = "documented in the .proto files, which prost carries over")]
#[allow(clippy::all, clippy::pedantic, reason = "generated code")]
pub mod proto {
    // Generated code refers to other packages by their full path, `despatch.order.v1`.
    macro_rules! packages {
        ($($name:ident),*) => {$(
            pub mod $name {
                pub mod v1 {
                    include!(concat!(env!("OUT_DIR"), "/despatch.", stringify!($name), ".v1.rs"));
                }
            }
        )*};
    }
    packages!(order, payment, stock, label, shipment, review, notification, exception, alert, runtime);
}

pub use proto::{
    alert::v1 as alert, exception::v1 as exception, label::v1 as label, notification::v1 as notification,
    order::v1 as order, payment::v1 as payment, review::v1 as review, runtime::v1 as runtime,
    shipment::v1 as shipment, stock::v1 as stock,
};
