//! End to end: the real binary over real servers, seen only from outside, as an operator, a shop and the providers see
//! it. Every process that a test starts ends with it, however the test ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod cases;
mod changed_orders;
mod child;
mod cli;
mod collector;
mod deployment;
mod doctor;
mod drain;
mod fulfilment;
mod identity;
mod kills;
mod local_deployment;
mod orders;
mod outages;
mod pressure;
mod private_servers;
mod privileges;
#[path = "../pty.rs"]
mod pty;
mod refused_webhooks;
mod replicas;
mod rollout;
mod shop_inputs;
mod stock;
mod tls;
mod traces;
mod until;
mod up;
