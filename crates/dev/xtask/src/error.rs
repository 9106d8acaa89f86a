//! Errors of tasks.

use std::path::Path;
use std::{fmt, io};

/// An error that stops a task. A check's finding is not such an error: it is printed, and the task fails.
#[derive(Debug)]
pub(crate) enum TaskError {
    /// A program that a task needs does not run.
    Program { name: String, source: io::Error },
    /// `cargo metadata` failed, or answered with an undocumented format.
    Metadata(String),
    /// The tests read labels, and a program for that could not be installed.
    NoReader { name: &'static str, tried: String },
    /// A file or a directory could not be created, read or removed.
    Path { path: String, source: io::Error },
    /// Rust source does not parse.
    Syntax { path: String, line: usize, cause: String },
    /// A task was called with unknown arguments.
    Usage(String),
    /// The README has no block of commands where one is expected.
    NoCommands(String),
    /// `bench --json` printed something unexpected.
    Figures { of: String, cause: String },
    /// A list of workers is not at its expected place.
    List(String),
    /// A page changes a file that differs from the page's old text.
    Diff(String),
    /// A list of words cannot be read.
    Words(String),
    /// Servers that tests started are still running after all tests have ended.
    Leftovers(Vec<String>),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { name, source } => write!(f, "cannot run {name}: {source}"),
            Self::Metadata(cause) => write!(f, "cargo metadata: {cause}"),
            Self::NoReader { name, tried } => write!(
                f,
                "the label tests read labels with {name}, which is missing ({tried}). Install it:\n  \
                 Debian   apt-get install zbar-tools poppler-utils\n  \
                 macOS    brew install zbar poppler\n  \
                 Fedora   dnf install zbar poppler-utils\n\
                 or leave these tests out: cargo test --workspace"
            ),
            Self::Path { path, source } => write!(f, "{path}: {source}"),
            Self::Syntax { path, line, cause } => write!(f, "{path}:{line}: {cause}"),
            Self::Usage(usage) => write!(f, "usage: {usage}"),
            Self::NoCommands(heading) => write!(f, "README.md has no block of commands under {heading}"),
            Self::Figures { of, cause } => write!(f, "{of}: {cause}"),
            Self::List(file) => {
                write!(
                    f,
                    "{file} has no place for a worker; say in crates/dev/xtask/src/new_worker/lists.rs where it is now"
                )
            }
            Self::Diff(file) => write!(f, "{file} is not as the page has it before its change"),
            Self::Words(cause) => f.write_str(cause),
            Self::Leftovers(servers) => {
                write!(f, "servers that tests started have outlived them:\n  {}", servers.join("\n  "))
            }
        }
    }
}

/// For `map_err`: a program could not be started.
pub(crate) fn program(name: &str) -> impl FnOnce(io::Error) -> TaskError {
    let name = name.to_owned();
    move |source| TaskError::Program { name, source }
}

/// For `map_err`: a file or directory could not be used.
pub(crate) fn path(path: &Path) -> impl FnOnce(io::Error) -> TaskError {
    let path = path.display().to_string();
    move |source| TaskError::Path { path, source }
}
