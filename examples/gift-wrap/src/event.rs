//! The event of this worker. A message becomes an event by its type and by what it is about.

use despatch_contracts::{Event, Subject};

#[allow(missing_docs, reason = "documented in the .proto file, which prost carries over")]
#[allow(clippy::all, clippy::pedantic, reason = "generated code")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/giftwrap.v1.rs"));
}

pub use proto::GiftWrapped;

impl Event for GiftWrapped {
    const TYPE: &'static str = "giftwrap.gift-wrapped";

    fn subject(&self) -> Subject<'_> {
        Subject::order(&self.order_id)
    }
}
