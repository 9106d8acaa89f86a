//! The output of the binary: on a terminal of 80 columns, on a pipe, without colours. Texts are compared with those under
//! `snapshots`; `INSTA_UPDATE=always cargo test -p despatch --test outputs` writes them again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod binary;
mod help;
#[path = "../pty.rs"]
mod pty;
mod shell;
mod terminal;
