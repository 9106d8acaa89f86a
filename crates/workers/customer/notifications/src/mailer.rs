//! The recipient of messages: a mail server, or none.

use std::time::Duration;

use lettre::Message;

use crate::smtp::{Smtp, SmtpError, UrlError};

/// The URL of a mail server that accepts every message at once and keeps none.
const FAKE: &str = "fake:";

/// The recipient of messages.
pub(crate) enum Mailer {
    /// A mail server.
    Smtp(Smtp),
    /// No server: every message is accepted at once, so that benchmarks measure the rest of the system.
    Fake,
}

impl Mailer {
    /// Creates the client of a mail server, or the fake one for `fake:`.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, UrlError> {
        if url == FAKE { Ok(Mailer::Fake) } else { Smtp::new(url, timeout).map(Mailer::Smtp) }
    }

    /// Sends the message. After an error it may have been sent or not.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        match self {
            Mailer::Smtp(smtp) => smtp.send(message).await,
            Mailer::Fake => {
                // The message is formatted as for a server, because benchmarks include that cost.
                String::from_utf8(message.formatted())?;
                Ok(())
            }
        }
    }
}
