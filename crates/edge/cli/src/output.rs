//! Results for people: text on standard output, tables, times, and errors with their hint.

mod commands;
mod errors;
mod money;
mod table;
mod times;

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

pub(crate) use commands::{next_command, next_commands_have};
pub(crate) use errors::print_error;
pub(crate) use money::amount;
pub(crate) use table::{Table, cut};
pub(crate) use times::{age, due, local, span};

use crate::result::Result;

/// Prints to standard output, without styles where they are not wanted. A closed pipe, as after `head`, is no failure.
pub(crate) fn print(text: &str) -> Result {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints bytes to standard output as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result {
    let mut stdout = std::io::stdout();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Tells on standard error what is no result of the command. A reader that has gone away is no failure.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether colours are wanted here: on a terminal, unless the environment or the command line says otherwise.
pub(crate) fn colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// The terminal's width in columns; `None` where standard output is not a terminal, so that nothing is cut.
pub(crate) fn width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// A text on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_many_lines_becomes_one() {
        assert_eq!(one_line("no\n  answer"), "no answer");
    }
}
