//! The gateway over HTTP, with a real Postgres and NATS behind it.

mod bad_input;
mod customers;
mod description;
mod fixture;
mod orders;
mod outages;
mod parcels;
mod placed;
mod surroundings;
