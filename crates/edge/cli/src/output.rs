//! What commands print.

use std::io::{ErrorKind, Write as _};

use crate::result::Result;

/// Prints to standard output. A reader that went away, like `head`, is no failure.
pub(crate) fn print(text: &str) -> Result {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A text on one line that fits a terminal.
pub(crate) fn truncate(text: &str) -> String {
    const WIDTH: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_of_many_lines_becomes_one_short_line() {
        assert_eq!(truncate("no\n  answer"), "no answer");
        assert_eq!(truncate(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
