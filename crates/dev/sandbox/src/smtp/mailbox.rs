//! All accepted mail: contents and index on file, only their places in memory.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::headers::Headers;
use crate::counts::MailCount;
use crate::digest;
use crate::error::SandboxError;
use crate::log::{Log, Span};
use crate::time::now_ms;

/// One line of the index. It is written after the contents, so that they exist.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    offset: u64,
    length: u32,
    /// Milliseconds since 1970.
    at_ms: i64,
    from: String,
    to: Vec<String>,
    message_id: String,
    subject: String,
    order: String,
    /// Whether the client had the answer to the copy before this one.
    doubled: bool,
}

/// A mail in a listing.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    seq: u64,
    message_id: String,
    from: String,
    to: Vec<String>,
    subject: String,
    order: String,
}

/// The number of mails, and of different Message-IDs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Totals {
    pub(crate) total: u64,
    pub(crate) distinct: u64,
    /// Copies that came although the client had the answer to the copy before.
    pub(crate) doubled: u64,
}

/// A stored mail: the digest of its Message-ID, by which its answer is noted.
#[derive(Clone, Copy)]
pub(super) struct Stored(u64);

pub(crate) struct Mailbox(Mutex<Inner>);

struct Inner {
    contents: Log,
    index: Log,
    /// The place of each mail's line in the index; the first is mail 1.
    lines: Vec<Span>,
    /// Whether the client is known to have the answer to the latest copy, by the digest of the Message-ID. No answer of
    /// an earlier run is known to have arrived, because the client may have ended with that run.
    answered: HashMap<u64, bool>,
    doubled: u64,
    by_order: HashMap<Box<str>, Vec<u32>>,
}

impl Mailbox {
    pub(crate) fn open(dir: Option<&Path>) -> Result<Self, SandboxError> {
        let mut inner = Inner {
            contents: Log::open(dir, "mail.raw")?,
            index: Log::open(None, "mail.jsonl")?,
            lines: Vec::new(),
            answered: HashMap::new(),
            doubled: 0,
            by_order: HashMap::new(),
        };
        let mut index = Log::open(dir, "mail.jsonl")?;
        index.replay(|line: Line, span| inner.note(&line, span))?;
        inner.index = index;
        Ok(Self(Mutex::new(inner)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a mail.
    pub(super) fn store(
        &self,
        from: &str,
        to: &[String],
        headers: &Headers,
        mail: &[u8],
    ) -> io::Result<Stored> {
        let mut inner = self.inner();
        let id = inner.next_id(&headers.message_id);
        let Span { offset, length } = inner.contents.append(mail)?;
        let line = Line {
            offset,
            length,
            at_ms: now_ms(),
            from: from.to_owned(),
            to: to.to_vec(),
            message_id: headers.message_id.clone(),
            subject: headers.subject.clone(),
            order: headers.order().to_owned(),
            doubled: inner.answered.get(&id).copied().unwrap_or_default(),
        };
        let span = inner.index.append_json(&line)?;
        inner.note(&line, span);
        Ok(Stored(id))
    }

    /// Notes that the client has the answer to a mail.
    pub(super) fn answered(&self, Stored(id): Stored) {
        self.inner().answered.insert(id, true);
    }

    /// Returns the contents of mail `seq`, from 1.
    pub(crate) fn contents(&self, seq: u64) -> io::Result<Option<Vec<u8>>> {
        let inner = self.inner();
        let Some(line) = inner.line(seq)? else { return Ok(None) };
        inner.contents.read(Span { offset: line.offset, length: line.length }).map(Some)
    }

    /// Returns up to `limit` mails from the one after `after`.
    pub(crate) fn list(&self, after: u64, limit: u64) -> io::Result<Vec<Listed>> {
        let inner = self.inner();
        let first = after.saturating_add(1);
        let last = after.saturating_add(limit).min(inner.lines.len() as u64);
        let lines = (first..=last).map(|seq| Ok(inner.line(seq)?.map(|line| line.listed(seq))));
        lines.filter_map(io::Result::transpose).collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        let inner = self.inner();
        Totals {
            total: inner.lines.len() as u64,
            distinct: inner.answered.len() as u64,
            doubled: inner.doubled,
        }
    }

    /// Returns the orders that mails are about.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.inner().by_order.keys().map(ToString::to_string).collect()
    }

    /// Returns the mails about one order, each Message-ID once.
    pub(crate) fn of_order(&self, order: &str) -> io::Result<Vec<MailCount>> {
        let inner = self.inner();
        let mut counts: Vec<MailCount> = Vec::new();
        for &seq in inner.by_order.get(order).into_iter().flatten() {
            let seq = u64::from(seq);
            let Some(Line { message_id, doubled, .. }) = inner.line(seq)? else { continue };
            match counts.iter_mut().find(|known| known.message_id == message_id && !message_id.is_empty()) {
                Some(known) => {
                    known.copies += 1;
                    known.doubled += u64::from(doubled);
                    known.resent += u64::from(!doubled);
                }
                None => counts.push(MailCount { message_id, seq, copies: 1, resent: 0, doubled: 0 }),
            }
        }
        Ok(counts)
    }
}

impl Inner {
    /// Returns the digest of the next mail's Message-ID. Without one, no other mail has the same digest.
    fn next_id(&self, message_id: &str) -> u64 {
        if message_id.is_empty() {
            digest::narrow(&[b"mail without id", &(self.lines.len() as u64).to_le_bytes()])
        } else {
            digest::narrow(&[b"mail", message_id.as_bytes()])
        }
    }

    fn note(&mut self, line: &Line, span: Span) {
        let id = self.next_id(&line.message_id);
        self.answered.insert(id, false);
        self.doubled += u64::from(line.doubled);
        self.lines.push(span);
        let seq = self.lines.len();
        if !line.order.is_empty() {
            // Four billion mails would have filled the disk before.
            let seq = u32::try_from(seq).unwrap_or(u32::MAX);
            self.by_order.entry(line.order.as_str().into()).or_default().push(seq);
        }
    }

    fn line(&self, seq: u64) -> io::Result<Option<Line>> {
        let at = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        let Some(span) = at.and_then(|at| self.lines.get(at)) else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&self.index.read(*span)?)?))
    }
}

impl Line {
    fn listed(self, seq: u64) -> Listed {
        let Self { message_id, from, to, subject, order, .. } = self;
        Listed { seq, message_id, from, to, subject, order }
    }
}
