//! End to end: the real binary over real servers, seen only from outside, as an operator, a shop and the providers see
//! it. Whatever a test starts ends with it, however the test ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod child;
mod cli;
mod collector;
mod deployment;
mod drain;
mod kills;
mod mending;
mod privileges;
mod replicas;
mod rollout;
mod site;
mod tls;
mod traces;
mod waiting;
