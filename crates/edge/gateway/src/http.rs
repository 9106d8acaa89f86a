//! The HTTP side: what is served, what a request must carry, and how it is answered.

mod description;
pub(crate) mod error;
mod extract;
mod limits;
pub(crate) mod pages;
mod refusals;
pub(crate) mod router;
mod routes;
pub(crate) mod state;
pub(crate) mod storage;
mod telemetry;
