//! Where messages are handed over: to a mail server, or to nothing.

use std::time::Duration;

use lettre::Message;

use crate::smtp::{Smtp, SmtpError, UrlError};

/// The URL of the mail server that takes every message at once and keeps none.
const FAKE: &str = "fake:";

/// What takes messages.
pub(crate) enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// Nothing: every message is taken at once. With it, benchmarks measure the rest of the system.
    Fake,
}

impl Mailer {
    /// The mail server of a URL, or nothing for `fake:`.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, UrlError> {
        if url == FAKE { Ok(Mailer::Fake) } else { Smtp::new(url, timeout).map(Mailer::Smtp) }
    }

    /// Hands the message over. After an error it may have left or not.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        match self {
            Mailer::Smtp(smtp) => smtp.send(message).await,
            Mailer::Fake => {
                // What is not written costs nothing; a message is written as one for a server is.
                String::from_utf8(message.formatted())?;
                Ok(())
            }
        }
    }
}
