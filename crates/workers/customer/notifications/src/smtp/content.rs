//! A message's content as DATA sends it.

use std::fmt;

/// A message, formatted as it is sent, with the dot at its end. It goes out in one piece, because a second small packet
/// would wait until the server has confirmed the first (Nagle's algorithm against delayed acknowledgements, some 40
/// ms).
pub(super) struct Content(pub(super) String);

impl fmt::Display for Content {
    /// Doubles a dot that begins a line (RFC 5321, section 4.5.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &*self.0;
        if rest.starts_with('.') {
            f.write_str(".")?;
        }
        while let Some(at) = rest.find("\r\n.") {
            let (line, next) = rest.split_at(at + "\r\n.".len());
            f.write_str(line)?;
            f.write_str(".")?;
            rest = next;
        }
        f.write_str(rest)?;
        f.write_str(if self.0.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_dot_stands_alone() {
        let sent = |content: &str| Content(content.to_owned()).to_string();
        assert_eq!(sent("a\r\n"), "a\r\n.\r\n");
        assert_eq!(sent("a"), "a\r\n.\r\n");
        assert_eq!(sent(".\r\n.\r\n..\r\na.b\r\n"), "..\r\n..\r\n...\r\na.b\r\n.\r\n");
    }
}
