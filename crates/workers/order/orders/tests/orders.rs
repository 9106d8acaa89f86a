//! The orders worker against real servers. Every event goes through the runtime, and is delivered twice.

#[path = "orders/accept.rs"]
mod accept;
#[path = "orders/cancel.rs"]
mod cancel;
#[path = "orders/fixture.rs"]
mod fixture;
#[path = "orders/track.rs"]
mod track;
