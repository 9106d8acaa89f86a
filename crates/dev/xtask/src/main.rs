//! Project tasks: `cargo xtask test` runs the whole test suite with everything it needs, `cargo xtask
//! check-layers` holds the direction of dependencies between the workspace's crates.

use std::process::ExitCode;
use std::{env, fmt, io};

mod barcode;
mod layers;
mod leftovers;
mod test;

const USAGE: &str = "\
usage: cargo xtask TASK

  test [ARGUMENT...]   install what tests need beyond Rust, then run `cargo test --workspace`;
                       arguments replace `--workspace`: cargo xtask test -p despatch-labels
  check-layers         check that dependencies point one way: edge -> workers -> core";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let done = match args.next().as_deref() {
        Some("test") => test::run(args.collect()),
        Some("check-layers") => layers::check(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error}");
        ExitCode::FAILURE
    })
}

/// Why a task could not be carried out.
#[derive(Debug)]
enum TaskError {
    /// A program that every task needs does not run.
    Program { name: String, source: io::Error },
    /// `cargo metadata` failed, or answered something else than it documents.
    Metadata(String),
    /// The tests read barcodes, and no program for that could be installed.
    NoBarcodeReader { tried: String },
    /// A directory could not be created, read or removed.
    Directory { path: String, source: io::Error },
    /// Servers that tests started are still there when all tests have ended.
    Leftovers(Vec<String>),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { name, source } => write!(f, "cannot run {name}: {source}"),
            Self::Metadata(told) => write!(f, "cargo metadata: {told}"),
            Self::NoBarcodeReader { tried } => write!(
                f,
                "the label tests read barcodes with zbarimg, which is missing ({tried}). Install it:\n  \
                 Debian   apt-get install zbar-tools\n  \
                 macOS    brew install zbar\n  \
                 Fedora   dnf install zbar\n\
                 or leave these tests out: cargo test --workspace"
            ),
            Self::Directory { path, source } => write!(f, "{path}: {source}"),
            Self::Leftovers(servers) => {
                write!(f, "servers that tests started have outlived them:\n  {}", servers.join("\n  "))
            }
        }
    }
}

fn program(name: &str) -> impl FnOnce(io::Error) -> TaskError {
    let name = name.to_owned();
    move |source| TaskError::Program { name, source }
}
