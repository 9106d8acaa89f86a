//! The mail server: connections that are kept, and what its refusals mean.

use std::time::Duration;

use despatch_domain::Reason;
use despatch_runtime::{Call, Verdict};
use lettre::transport::smtp::{self, PoolConfig, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Url;

/// How many messages are handed over at once, each on a connection of its own.
pub(crate) const CONNECTIONS: u32 = 64;

/// Reply codes that speak of our own credentials (RFC 4954).
const CREDENTIALS: [u16; 5] = [530, 534, 535, 538, 454];

/// A mail server.
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Host and port.
    server: (String, u16),
}

/// Why a message did not leave.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SmtpError {
    /// Not reached, too slow, or not now (4xx). It may have left all the same.
    #[error("the mail server did not take the message: {0}")]
    NotNow(smtp::Error),
    /// Our user or password.
    #[error("the mail server refuses our credentials: {0}")]
    Credentials(smtp::Error),
    /// The mailbox does not exist, is full, or takes no mail.
    #[error("the mail server refuses the recipient: {0}")]
    Recipient(smtp::Error),
    /// The message itself: its sender, its content, its size.
    #[error("the mail server refuses the message: {0}")]
    Message(smtp::Error),
}

impl SmtpError {
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            // With wrong credentials no other message leaves either; nobody's order is at fault.
            SmtpError::NotNow(_) | SmtpError::Credentials(_) => Verdict::Retry,
            SmtpError::Recipient(_) => Verdict::Reject(Reason::RecipientRejected),
            SmtpError::Message(_) => Verdict::Reject(Reason::MessageRejected),
        }
    }
}

impl From<smtp::Error> for SmtpError {
    fn from(error: smtp::Error) -> Self {
        let Some(code) = error.status().map(u16::from) else { return SmtpError::NotNow(error) };
        if CREDENTIALS.contains(&code) {
            return SmtpError::Credentials(error);
        }
        if error.is_transient() {
            return SmtpError::NotNow(error);
        }
        let said = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        if is_about_the_recipient(code, &said) {
            SmtpError::Recipient(error)
        } else {
            SmtpError::Message(error)
        }
    }
}

impl Smtp {
    /// Prepares to connect; connections are made when they are first needed.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, smtp::Error> {
        let pool = PoolConfig::new().max_size(CONNECTIONS);
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?
            .timeout(Some(timeout))
            .pool_config(pool)
            .build();
        Ok(Smtp { transport, server: address(url) })
    }

    /// Hands the message over. After an error it may have left or not.
    pub(crate) async fn send(&self, message: Message) -> Result<(), SmtpError> {
        let mut call = Call::smtp(&self.server.0, self.server.1);
        let sent = self.transport.send(message).await;
        if let Err(error) = &sent {
            match error.status() {
                Some(code) => call.refused(code.into()),
                None => call.unanswered(error.is_timeout()),
            }
        }
        Ok(sent.map(|_| ())?)
    }
}

/// Where the transport connects: lettre reads the URL alike, and keeps that to itself.
fn address(url: &str) -> (String, u16) {
    let Ok(url) = Url::parse(url) else { return Default::default() };
    let encrypted = url.query_pairs().any(|(name, _)| name == "tls");
    let port = match url.scheme() {
        "smtps" => SUBMISSIONS_PORT,
        _ if encrypted => SUBMISSION_PORT,
        _ => SMTP_PORT,
    };
    (url.host_str().unwrap_or_default().to_owned(), url.port().unwrap_or(port))
}

/// Whether a permanent refusal is the recipient's. The enhanced status code (RFC 3463) says so precisely: 1 is about
/// addresses (7 and 8 about the sender's), 2 about the mailbox, 4 about its host. Without one, the reply code has to do.
fn is_about_the_recipient(code: u16, said: &str) -> bool {
    let mut enhanced = said.split_whitespace().next().unwrap_or_default().split('.');
    match (enhanced.next(), enhanced.next(), enhanced.next()) {
        (Some("5"), Some("1"), Some(detail)) => !matches!(detail, "7" | "8"),
        (Some("5"), Some(subject), Some(_)) => matches!(subject, "2" | "4"),
        _ => matches!(code, 521 | 550 | 551 | 552 | 553 | 556),
    }
}

#[cfg(test)]
mod tests;
