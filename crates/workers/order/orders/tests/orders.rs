//! The orders worker through the runtime, against real servers. Every event is delivered twice.

#[path = "orders/accept.rs"]
mod accept;
#[path = "orders/add.rs"]
mod add;
#[path = "orders/address.rs"]
mod address;
#[path = "orders/cancel.rs"]
mod cancel;
#[path = "orders/collect.rs"]
mod collect;
#[path = "orders/fixture.rs"]
mod fixture;
#[path = "orders/listed.rs"]
mod listed;
#[path = "orders/prune.rs"]
mod prune;
#[path = "orders/refund.rs"]
mod refund;
#[path = "orders/track.rs"]
mod track;
#[path = "orders/update.rs"]
mod update;
