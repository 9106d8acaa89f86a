//! The binary `despatch`; all of it is in the library.

use std::process::ExitCode;

/// Many small, short-lived allocations on two threads: a third of the time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    despatch::main(std::env::args_os())
}
