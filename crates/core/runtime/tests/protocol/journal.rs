//! The journals of all workers (`journal`, `statements`): rows, retries that wait, outbox batches. Each entry names its
//! handler, and no step of the protocol touches those of two.

use std::collections::{BTreeMap, BTreeSet};

use crate::ablations::Ablation;
use crate::messages::{Event, Handler, Message};

/// How often the order is tried before it is left to a person.
pub(crate) const ATTEMPTS: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fate {
    Done,
    PendingRetry,
    Dead,
}

/// What became of an event, in its handler's journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) generation: u8,
    pub(crate) fate: Fate,
    pub(crate) outbox: Vec<Message>,
    /// By when it was recorded.
    pub(crate) known: Known,
}

/// What is known of what was recorded when a row was. In the runtime these are times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Known {
    #[default]
    Nothing,
    /// It is on the stream (`stored_until`).
    Stored,
    /// It will be settled once every consumer has come past where the stream ended.
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

/// What a batch was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Opened {
    /// What the generation's record has to publish.
    Record,
    /// The retry that comes after the generation.
    Retry,
}

/// Another transaction was faster: nothing was written.
#[derive(Debug)]
pub(crate) struct InTheWay;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Journal {
    rows: BTreeMap<(Handler, Event), Row>,
    retries: BTreeSet<(Handler, Event)>,
    open: BTreeSet<Batch>,
}

impl Journal {
    /// `admission` in `journal`.
    pub(crate) fn admit(&self, message: Message, without: Ablation) -> Admission {
        if without == Ablation::Admission || self.awaits(message, without) {
            Admission::Admitted
        } else {
            Admission::Stale
        }
    }

    /// No row awaits the first generation; one that is not done, exactly the next.
    fn awaits(&self, message: Message, without: Ablation) -> bool {
        match self.row(message.consumer(), message.event) {
            None => message.generation == 0,
            Some(row) if row.fate == Fate::Done => false,
            Some(row) => message.generation == row.generation + 1 || without == Ablation::Generations,
        }
    }

    /// One transaction: the row with its follow-ons, the retry if there is to be one, and the outbox batch if anything is
    /// to be published. Returns the batch.
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

    /// The order arrives: `write` in `outbox`.
    pub(crate) fn accept(&mut self, order: Message) {
        let (handler, event) = (Handler::Outbox, order.event);
        let (fate, outbox, known) = (Fate::Done, vec![order], Known::Nothing);
        self.rows.insert((handler, event), Row { generation: 0, fate, outbox, known });
        self.open.insert(Batch { handler, event, generation: 0, opened: Opened::Record });
    }

    /// Everything that a batch's event has to publish: its follow-ons, and itself where its retry has been fired.
    pub(crate) fn unpublished(&self, handler: Handler, event: Event, without: Ablation) -> Vec<Message> {
        let Some(row) = self.row(handler, event) else { return Vec::new() };
        let retry = self.fired(handler, event, row).filter(|_| without != Ablation::FiredRetry);
        row.outbox.iter().copied().chain(retry).collect()
    }

    /// The retry that was published and has had no outcome.
    fn fired(&self, handler: Handler, event: Event, row: &Row) -> Option<Message> {
        let fired = row.fate == Fate::PendingRetry && !self.retries.contains(&(handler, event));
        fired.then_some(Message { event, generation: row.generation + 1 })
    }

    /// What the stream was given of which less than this is known, and whatever retry was fired: `published_since` in
    /// `statements`.
    pub(crate) fn given(&self, known: Known) -> Vec<Message> {
        let given = self.rows.iter().flat_map(|((handler, event), row)| {
            let outbox = row.outbox.iter().copied().filter(move |_| row.known < known);
            outbox.chain(self.fired(*handler, *event, row))
        });
        given.collect()
    }

    /// What has no outbox batch is on the stream. In the runtime that is known only of what was recorded before the oldest
    /// of them.
    pub(crate) fn note_stored(&mut self) {
        let open: BTreeSet<_> = self.open.iter().map(|batch| (batch.handler, batch.event)).collect();
        for (key, row) in &mut self.rows {
            if row.known == Known::Nothing && !open.contains(key) {
                row.known = Known::Stored;
            }
        }
    }

    /// What was known as much as `from` is now known as `to`.
    pub(crate) fn note(&mut self, from: Known, to: Known) {
        self.rows.values_mut().filter(|row| row.known == from).for_each(|row| row.known = to);
    }

    pub(crate) fn knows_any(&self, known: Known) -> bool {
        self.rows.values().any(|row| row.known == known)
    }

    /// Takes a retry that is due and opens a batch for it; answers both.
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
