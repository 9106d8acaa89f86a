//! The HTTP side: the routes, the requirements for a request, and the answers.

mod description;
pub(crate) mod error;
mod extract;
mod ignored;
mod limits;
mod order_page;
pub(crate) mod pages;
mod refusals;
pub(crate) mod router;
mod routes;
pub(crate) mod state;
pub(crate) mod storage;
mod telemetry;
