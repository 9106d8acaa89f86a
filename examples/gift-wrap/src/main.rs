//! The commands of despatch, with the worker of this example beside the others.

use std::process::ExitCode;

use despatch::{Entry, Registry};

fn main() -> ExitCode {
    let gift_wrap = Entry::own(gift_wrap::NAME, gift_wrap::DEFAULTS, gift_wrap::worker);
    // `Registry::empty()` instead would run this worker alone.
    let registry = Registry::default().with(gift_wrap);
    despatch::run(&registry, std::env::args_os())
}
