//! One SMTP connection: reads commands, writes replies, puts mail into the mailbox.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::headers::Headers;
use super::mailbox::{Mailbox, Stored};
use crate::fault_injector::FaultInjector;
use crate::faults::Fault;
use crate::operation::Operation;

/// The largest mail, in bytes, as announced by SIZE (RFC 1870).
const MAIL_LIMIT: usize = 10 * 1024 * 1024;
/// The longest command line, in bytes: 512 plus room for the parameters of extensions.
const LINE_LIMIT: u64 = 4096;
/// The most recipients of one mail (RFC 5321, section 4.5.3.1.8, asks for at least 100).
const RECIPIENTS: usize = 1000;

/// Serves one connection until the client quits or a fault cuts it off.
pub(super) async fn run(stream: TcpStream, mailbox: &Mailbox, injector: &FaultInjector) -> io::Result<()> {
    let (read, write) = stream.into_split();
    let mut session = Session {
        reader: BufReader::new(read),
        writer: BufWriter::new(write),
        greeted: false,
        mail: None,
        taken: None,
    };
    session.reply("220 sandbox.localhost ESMTP").await?;
    loop {
        match session.command(mailbox).await? {
            Next::Continue => {}
            Next::Content => {
                let Some(mail) = session.mail.take() else { continue };
                let Some(content) = session.content().await? else {
                    session.reply("552 5.3.4 The mail is too large").await?;
                    continue;
                };
                if session.accept(&mail, content, mailbox, injector).await? == Next::End {
                    return session.writer.flush().await;
                }
            }
            Next::End => return session.writer.flush().await,
        }
    }
}

struct Session {
    reader: BufReader<OwnedReadHalf>,
    writer: BufWriter<OwnedWriteHalf>,
    greeted: bool,
    mail: Option<Envelope>,
    /// The mail whose answer was the last thing said. The client has it if it speaks again.
    taken: Option<Stored>,
}

#[derive(Default)]
struct Envelope {
    from: String,
    to: Vec<String>,
}

#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Content,
    End,
}

impl Session {
    /// Sends a reply, at once unless the client has already sent more (PIPELINING, RFC 2920).
    async fn reply(&mut self, line: &str) -> io::Result<()> {
        self.writer.write_all(line.as_bytes()).await?;
        self.writer.write_all(b"\r\n").await?;
        if self.reader.buffer().is_empty() {
            self.writer.flush().await?;
        }
        Ok(())
    }

    async fn command(&mut self, mailbox: &Mailbox) -> io::Result<Next> {
        let mut line = Vec::new();
        (&mut self.reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(Next::End);
        }
        if let Some(taken) = self.taken.take() {
            mailbox.answered(taken);
        }
        if line.last() != Some(&b'\n') {
            self.reply("500 5.5.2 Line too long").await?;
            return Ok(Next::End);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.restart();
                let size = format!("250-SIZE {MAIL_LIMIT}");
                let lines =
                    ["250-sandbox.localhost", &size, "250-PIPELINING", "250-8BITMIME", "250 SMTPUTF8"];
                self.reply(&lines.join("\r\n")).await?;
            }
            "HELO" => {
                self.restart();
                self.reply("250 sandbox.localhost").await?;
            }
            "MAIL" => {
                let reply = self.mail_from(rest);
                self.reply(reply).await?;
            }
            "RCPT" => {
                let reply = self.rcpt_to(rest);
                self.reply(reply).await?;
            }
            "DATA" => match &self.mail {
                Some(mail) if !mail.to.is_empty() => {
                    self.reply("354 Go ahead, end with a dot on a line of its own").await?;
                    return Ok(Next::Content);
                }
                Some(_) | None => self.reply("503 5.5.1 Give MAIL and RCPT first").await?,
            },
            "RSET" => {
                self.mail = None;
                self.reply("250 2.0.0 Forgotten").await?;
            }
            "NOOP" => self.reply("250 2.0.0 Still here").await?,
            "VRFY" => self.reply("252 2.1.5 Send it and see").await?,
            "QUIT" => {
                self.reply("221 2.0.0 Goodbye").await?;
                return Ok(Next::End);
            }
            _ => self.reply("502 5.5.1 Not a command of this server").await?,
        }
        Ok(Next::Continue)
    }

    fn restart(&mut self) {
        self.greeted = true;
        self.mail = None;
    }

    fn mail_from(&mut self, rest: &str) -> &'static str {
        if !self.greeted {
            return "503 5.5.1 Say EHLO first";
        }
        if self.mail.is_some() {
            return "503 5.5.1 One mail at a time";
        }
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return "501 5.1.7 MAIL FROM:<address> is expected";
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" if value.parse().is_ok_and(|size: usize| size > MAIL_LIMIT) => {
                    return "552 5.3.4 The mail is too large";
                }
                "SIZE" | "BODY" | "SMTPUTF8" => {}
                _ => return "555 5.5.4 Unknown parameter",
            }
        }
        self.mail = Some(Envelope { from: address.to_owned(), to: Vec::new() });
        "250 2.1.0 Sender noted"
    }

    fn rcpt_to(&mut self, rest: &str) -> &'static str {
        let Some(mail) = &mut self.mail else { return "503 5.5.1 Give MAIL first" };
        match path(rest, "TO:") {
            Some((address, _)) if address.contains('@') && mail.to.len() < RECIPIENTS => {
                mail.to.push(address.to_owned());
                "250 2.1.5 Recipient noted"
            }
            Some((address, _)) if address.contains('@') => "452 4.5.3 Too many recipients",
            Some(_) | None => "501 5.1.3 RCPT TO:<address> is expected",
        }
    }

    /// Reads a mail up to the dot that ends it, and removes the dots that were added before dots (RFC 5321, section
    /// 4.5.2). Returns `None` if it was larger than allowed.
    async fn content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut mail = Vec::new();
        let mut after_crlf = true;
        let mut too_large = false;
        loop {
            let start = mail.len();
            // One line is read at a time, so this also limits a line without an end.
            let limit = (MAIL_LIMIT as u64) + 1;
            let read = (&mut self.reader).take(limit).read_until(b'\n', &mut mail).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = &mail[start..];
            // Only a dot between two CRLFs ends a mail; any laxer rule lets one mail smuggle another.
            if after_crlf && line == b".\r\n" {
                mail.truncate(start);
                return Ok((!too_large).then_some(mail));
            }
            let stuffed = after_crlf && line.first() == Some(&b'.');
            after_crlf = line.ends_with(b"\r\n");
            if stuffed {
                mail.remove(start);
            }
            if mail.len() > MAIL_LIMIT {
                too_large = true;
                mail.clear();
            }
        }
    }

    /// Accepts a mail, or applies a fault to it.
    async fn accept(
        &mut self,
        envelope: &Envelope,
        content: Vec<u8>,
        mailbox: &Mailbox,
        injector: &FaultInjector,
    ) -> io::Result<Next> {
        let headers = Headers::parse(&content);
        let fault = injector.next_fault(Operation::Mail, &headers.message_id, headers.order());
        match fault {
            Some(Fault::Decline) => {
                self.reply("554 5.7.1 Not wanted here").await?;
                return Ok(Next::Continue);
            }
            Some(Fault::ServerError) => {
                self.reply("451 4.3.0 Try again later").await?;
                return Ok(Next::Continue);
            }
            Some(Fault::Refused) => {
                self.reply("530 5.7.0 Authentication required").await?;
                return Ok(Next::Continue);
            }
            Some(Fault::Outage) => {
                self.reply("421 4.3.2 Out of service, closing").await?;
                return Ok(Next::End);
            }
            Some(Fault::RateLimited) => {
                self.reply("421 4.7.0 Too many mails, closing").await?;
                return Ok(Next::End);
            }
            Some(Fault::Slow) => tokio::time::sleep(injector.slow()).await,
            Some(Fault::Timeout | Fault::Duplicate | Fault::OutOfOrder) | None => {}
        }
        let stored = match mailbox.store(&envelope.from, &envelope.to, &headers, &content) {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(%error, "sandbox state write failed");
                self.reply("452 4.3.1 Cannot write").await?;
                return Ok(Next::Continue);
            }
        };
        if fault == Some(Fault::Timeout) {
            tokio::time::sleep(injector.withhold()).await;
            return Ok(Next::End);
        }
        // A command that the client sent before the answer does not tell that it has it.
        self.taken = self.reader.buffer().is_empty().then_some(stored);
        self.reply("250 2.0.0 Taken").await?;
        Ok(Next::Continue)
    }
}

/// Returns the address in `FROM:<address> parameters`, and the parameters.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (found, after) = rest.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    after.trim_start().strip_prefix('<')?.split_once('>')
}
