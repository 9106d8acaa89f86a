//! The journals of all workers (`journal`): rows, pending retries, outbox batches. Each entry names its handler, and no
//! step of the protocol touches those of two.

use std::collections::{BTreeMap, BTreeSet};

use crate::ablations::Ablation;
use crate::messages::{Event, Handler, Message};

/// Tries of the order before it is dead.
pub(crate) const ATTEMPTS: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fate {
    Done,
    PendingRetry,
    Dead,
}

/// The outcome of an event, in its handler's journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) generation: u8,
    pub(crate) fate: Fate,
    pub(crate) outbox: Vec<Message>,
    /// The progress of the record.
    pub(crate) known: Known,
}

/// The progress of what was recorded with a row. In the runtime these are times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Known {
    #[default]
    Nothing,
    /// It is on the stream (`stored_until`).
    Stored,
    /// It will be settled once every consumer has passed the stream's end of that time.
    Awaited,
    /// Every consumer has settled it (`settled_until`).
    Settled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    Stale,
}

/// An outbox batch. In the runtime it names many events; here there is only one to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch {
    pub(crate) handler: Handler,
    pub(crate) event: Event,
    pub(crate) generation: u8,
    pub(crate) opened: Opened,
}

/// The purpose of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Opened {
    /// The follow-ons of the generation's record.
    Record,
    /// The retry after the generation.
    Retry,
}

/// Another transaction was faster, so nothing was written.
#[derive(Debug)]
pub(crate) struct InTheWay;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Journal {
    rows: BTreeMap<(Handler, Event), Row>,
    retries: BTreeSet<(Handler, Event)>,
    open: BTreeSet<Batch>,
}

impl Journal {
    /// Admits a message: `admit` in `journal/inbox.rs`.
    pub(crate) fn admit(&self, message: Message, without: Ablation) -> Admission {
        if without == Ablation::Admission || self.awaits(message, without) {
            Admission::Admitted
        } else {
            Admission::Stale
        }
    }

    /// Returns whether the generation is expected: without a row generation 0, with one that is not done exactly the
    /// next.
    fn awaits(&self, message: Message, without: Ablation) -> bool {
        match self.row(message.consumer(), message.event) {
            None => message.generation == 0,
            Some(row) if row.fate == Fate::Done => false,
            Some(row) => message.generation == row.generation + 1 || without == Ablation::Generations,
        }
    }

    /// Commits one transaction: the row with its follow-ons, a retry if there is one, and an outbox batch if anything
    /// is unpublished. Returns the batch.
    pub(crate) fn settle(
        &mut self,
        message: Message,
        fate: Fate,
        follow_ons: &[Message],
        without: Ablation,
    ) -> Result<Option<Batch>, InTheWay> {
        if without != Ablation::JournalKey && !self.awaits(message, without) {
            return Err(InTheWay);
        }
        let Message { event, generation } = message;
        let handler = message.consumer();
        let mut outbox = Vec::new();
        let still_unpublished = self.open_of(handler, event).next().is_some();
        if still_unpublished && without != Ablation::EarlierOutbox {
            outbox.extend(self.rows.get(&(handler, event)).into_iter().flat_map(|row| row.outbox.clone()));
        }
        outbox.extend(follow_ons);
        self.rows.insert((handler, event), Row { generation, fate, outbox, known: Known::Nothing });
        if fate == Fate::PendingRetry {
            self.retries.insert((handler, event));
        } else {
            self.retries.remove(&(handler, event));
        }
        if follow_ons.is_empty() || without == Ablation::OutboxBatch {
            return Ok(None);
        }
        let batch = Batch { handler, event, generation, opened: Opened::Record };
        self.open.insert(batch);
        Ok(Some(batch))
    }

    /// Accepts the order: `write` in `outbox`.
    pub(crate) fn accept(&mut self, order: Message) {
        let (handler, event) = (Handler::Outbox, order.event);
        let (fate, outbox, known) = (Fate::Done, vec![order], Known::Nothing);
        self.rows.insert((handler, event), Row { generation: 0, fate, outbox, known });
        self.open.insert(Batch { handler, event, generation: 0, opened: Opened::Record });
    }

    /// Returns everything that a batch's event has to publish: its follow-ons, and itself if its retry was due.
    pub(crate) fn unpublished(&self, handler: Handler, event: Event, without: Ablation) -> Vec<Message> {
        let Some(row) = self.row(handler, event) else { return Vec::new() };
        let retry = self.fired(handler, event, row).filter(|_| without != Ablation::FiredRetry);
        row.outbox.iter().copied().chain(retry).collect()
    }

    /// Returns the retry that was published and has no outcome.
    fn fired(&self, handler: Handler, event: Event, row: &Row) -> Option<Message> {
        let fired = row.fate == Fate::PendingRetry && !self.retries.contains(&(handler, event));
        fired.then_some(Message { event, generation: row.generation + 1 })
    }

    /// Returns what was published with less progress than this, and every published retry: `published_since` in
    /// `journal/outbox.rs`.
    pub(crate) fn given(&self, known: Known) -> Vec<Message> {
        let given = self.rows.iter().flat_map(|((handler, event), row)| {
            let outbox = row.outbox.iter().copied().filter(move |_| row.known < known);
            outbox.chain(self.fired(*handler, *event, row))
        });
        given.collect()
    }

    /// Notes that everything without an outbox batch is stored. The runtime knows this only of what was recorded before
    /// the oldest batch.
    pub(crate) fn note_stored(&mut self) {
        let open: BTreeSet<_> = self.open.iter().map(|batch| (batch.handler, batch.event)).collect();
        for (key, row) in &mut self.rows {
            if row.known == Known::Nothing && !open.contains(key) {
                row.known = Known::Stored;
            }
        }
    }

    /// Advances all progress of `from` to `to`.
    pub(crate) fn note(&mut self, from: Known, to: Known) {
        self.rows.values_mut().filter(|row| row.known == from).for_each(|row| row.known = to);
    }

    pub(crate) fn knows_any(&self, known: Known) -> bool {
        self.rows.values().any(|row| row.known == known)
    }

    /// Takes a due retry and opens a batch for it; returns both.
    pub(crate) fn fire(
        &mut self,
        handler: Handler,
        event: Event,
        without: Ablation,
    ) -> (Message, Option<Batch>) {
        self.retries.remove(&(handler, event));
        let generation = self.row(handler, event).map_or(0, |row| row.generation);
        let retry = Message { event, generation: generation + 1 };
        if without == Ablation::BatchOfRetries {
            return (retry, None);
        }
        let batch = Batch { handler, event, generation, opened: Opened::Retry };
        self.open.insert(batch);
        (retry, Some(batch))
    }

    pub(crate) fn close(&mut self, batch: Batch) {
        self.open.remove(&batch);
    }

    pub(crate) fn row(&self, handler: Handler, event: Event) -> Option<&Row> {
        self.rows.get(&(handler, event))
    }

    pub(crate) fn retries(&self) -> impl Iterator<Item = (Handler, Event)> {
        self.retries.iter().copied()
    }

    pub(crate) fn outbox_batches(&self) -> impl Iterator<Item = Batch> {
        self.open.iter().copied()
    }

    pub(crate) fn open_of(&self, handler: Handler, event: Event) -> impl Iterator<Item = Batch> {
        self.outbox_batches().filter(move |batch| batch.handler == handler && batch.event == event)
    }
}
