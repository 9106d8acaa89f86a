//! The mail server: connections that are kept, and the meaning of its refusals.
//!
//! This uses lettre's commands, not its transport, for two reasons. Its pool asks each kept connection whether it is
//! alive, a round trip for each message. It also sends a message's end as a packet of its own (see `content`).

mod content;
mod health;
mod server;

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use despatch_domain::Reason;
use despatch_runtime::{ClientSpan, Verdict};
use lettre::Message;
use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::time::timeout;

use content::Content;
use server::Server;

pub(crate) use server::UrlError;

/// Messages that are sent at once, each on a connection of its own.
pub(crate) const CONNECTIONS: usize = 64;

/// How long a connection may be idle before it is not used again. Servers wait at least five minutes (RFC 5321, section
/// 4.5.3.2.7); devices in between forget it sooner.
const KEPT: Duration = Duration::from_secs(60);

/// The server is about to close the connection (RFC 5321, section 4.2.3).
const CLOSING: u16 = 421;

/// Reply codes about the client's credentials (RFC 4954).
const CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// A mail server.
pub(crate) struct Smtp {
    server: Server,
    timeout: Duration,
    /// Idle connections, the latest last.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SmtpError {
    /// The server is unreachable, closes the connection or cannot take mail now. The message may have been sent all the
    /// same.
    #[error("the mail server did not accept the message: {0}")]
    Unavailable(smtp::Error),
    /// The server puts off this mail alone, as with greylisting (RFC 6647). The message was not sent.
    #[error("the mail server puts off the message: {0}")]
    PutOff(smtp::Error),
    /// No answer in time. The message may have been sent all the same.
    #[error("the mail server did not answer within {0:?}")]
    TooSlow(Duration),
    /// The server refuses the user or password.
    #[error("the mail server refuses the credentials: {0}")]
    Credentials(smtp::Error),
    /// The mailbox does not exist, is full, or accepts no mail.
    #[error("the mail server refuses the recipient: {0}")]
    Recipient(smtp::Error),
    /// The server refuses the message itself: its sender, content or size.
    #[error("the mail server refuses the message: {0}")]
    Message(smtp::Error),
    /// The recipient's address is not ASCII, and the server accepts no others (RFC 6531).
    #[error("the mail server accepts only ASCII addresses")]
    AsciiOnly,
    /// The formatted message is not UTF-8: a defect of the program.
    #[error("the message is not text: {0}")]
    NotText(#[from] std::string::FromUtf8Error),
}

impl SmtpError {
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            SmtpError::Credentials(_) => Verdict::Refused,
            SmtpError::Unavailable(_) | SmtpError::TooSlow(_) => Verdict::Down(Duration::ZERO),
            SmtpError::PutOff(_) => Verdict::PutOff,
            SmtpError::Recipient(_) | SmtpError::AsciiOnly => Verdict::Reject(Reason::RecipientRejected),
            SmtpError::Message(_) => Verdict::Reject(Reason::MessageRejected),
            SmtpError::NotText(_) => Verdict::Reject(Reason::MessageUnwritable),
        }
    }

    /// Returns the error as one about this mail, if it is a 4xx to its recipient or its content. A server that closes, or
    /// whose own system is at fault (4.3.x of RFC 3463), takes no mail at all.
    fn about_the_mail(self) -> Self {
        match self {
            SmtpError::Unavailable(error)
                if error.status().is_some_and(|code| u16::from(code) != CLOSING)
                    && !said(&error).starts_with("4.3.") =>
            {
                SmtpError::PutOff(error)
            }
            other => other,
        }
    }

    /// Returns whether the connection had ended before the message, whatever the server answered.
    fn is_the_connection(&self) -> bool {
        let SmtpError::Unavailable(error) = self else { return false };
        error.status().is_none_or(|code| u16::from(code) == CLOSING)
    }
}

impl From<smtp::Error> for SmtpError {
    fn from(error: smtp::Error) -> Self {
        let Some(code) = error.status().map(u16::from) else { return SmtpError::Unavailable(error) };
        if CREDENTIALS.contains(&code) {
            return SmtpError::Credentials(error);
        }
        if error.is_transient() {
            return SmtpError::Unavailable(error);
        }
        if is_about_the_recipient(code, &said(&error)) {
            SmtpError::Recipient(error)
        } else {
            SmtpError::Message(error)
        }
    }
}

/// Returns the server's words.
fn said(error: &smtp::Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

impl Smtp {
    /// Prepares to connect. A connection is made when it is first needed.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, UrlError> {
        Ok(Smtp { server: Server::parse(url)?, timeout, idle: Mutex::default() })
    }

    /// Sends the message. After an error it may have been sent or not.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), SmtpError> {
        let mut call = ClientSpan::smtp(&self.server.host, self.server.port);
        let sent = self.hand_over(message).await;
        match &sent {
            Ok(()) | Err(SmtpError::AsciiOnly | SmtpError::NotText(_)) => {}
            Err(SmtpError::TooSlow(_)) => call.unanswered(true),
            Err(
                SmtpError::Unavailable(error)
                | SmtpError::PutOff(error)
                | SmtpError::Credentials(error)
                | SmtpError::Recipient(error)
                | SmtpError::Message(error),
            ) => match error.status() {
                Some(code) => call.refused(code.into()),
                None => call.unanswered(error.is_timeout()),
            },
        }
        sent
    }

    async fn hand_over(&self, message: &Message) -> Result<(), SmtpError> {
        let content = Content(String::from_utf8(message.formatted())?);
        let mut connection = self.begin(message, &content).await?;
        let handed_over = async {
            for recipient in message.envelope().to() {
                self.say(&mut connection, Rcpt::new(recipient.clone(), Vec::new())).await?;
            }
            self.say(&mut connection, Data).await?;
            self.say(&mut connection, &content).await
        };
        handed_over.await.map_err(SmtpError::about_the_mail)?;
        self.keep(connection);
        Ok(())
    }

    /// Returns a connection on which a mail from this sender has begun. A kept connection is used without asking
    /// whether it is open, because nothing is handed over before the mail's content: if it is closed, the next one is
    /// tried.
    async fn begin(&self, message: &Message, content: &Content) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some(mut kept) = self.kept() {
            match self.mail(&mut kept, message, content).await {
                Ok(()) => return Ok(kept),
                Err(error) if error.is_the_connection() => {}
                Err(error) => return Err(error),
            }
        }
        let dialled = timeout(self.timeout, self.server.dial(self.timeout)).await;
        let mut connection = dialled.map_err(|_| SmtpError::TooSlow(self.timeout))??;
        self.mail(&mut connection, message, content).await?;
        Ok(connection)
    }

    async fn mail(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &Message,
        content: &Content,
    ) -> Result<(), SmtpError> {
        let envelope = message.envelope();
        let mut parameters = Vec::new();
        let server = connection.server_info();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(SmtpError::AsciiOnly);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !content.0.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.say(connection, smtp::commands::Mail::new(envelope.from().cloned(), parameters)).await
    }

    /// Sends one command in one packet, and waits for a positive reply.
    async fn say(&self, connection: &mut AsyncSmtpConnection, said: impl Display) -> Result<(), SmtpError> {
        let replied = timeout(self.timeout, connection.command(said)).await;
        replied.map_err(|_| SmtpError::TooSlow(self.timeout))??;
        Ok(())
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let (connection, since) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        (since.elapsed() < KEPT).then_some(connection)
    }

    /// Keeps a connection for the next message, and closes those that were idle too long.
    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = idle.partition_point(|(_, since)| since.elapsed() >= KEPT);
        idle.drain(..stale);
        idle.push((connection, Instant::now()));
    }
}

/// Returns whether a permanent refusal concerns the recipient. The enhanced status code (RFC 3463) says so precisely:
/// class 1 is addresses (7 and 8 the sender's), 2 the mailbox, 4 its host. Without one, the reply code decides.
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
