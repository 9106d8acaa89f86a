//! End to end: the real binary over real servers, seen only from outside, as an operator, a shop and the providers see
//! it. Whatever a test starts ends with it, however the test ends.

mod child;
mod cli;
mod deployment;
mod drain;
mod kills;
mod replicas;
mod waiting;
