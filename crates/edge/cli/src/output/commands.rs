//! Commands that are printed for a person to type next.

use std::fmt::Display;
use std::sync::OnceLock;

/// The options that this command was given and that the next one needs, each with a space before it.
static OPTIONS: OnceLock<String> = OnceLock::new();

/// Sets the options that every printed command gets, once for the process.
pub(crate) fn next_commands_have(options: String) {
    // A second command line in one process keeps the first one's, which can only be a test's.
    let _ = OPTIONS.set(options);
}

/// A command of this program, with the options that lead it to the same deployment.
pub(crate) fn next_command(command: impl Display) -> String {
    format!("despatch {command}{}", OPTIONS.get().map_or("", String::as_str))
}
