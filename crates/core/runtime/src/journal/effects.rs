//! The effects ledger: effects begun at external providers, with their idempotency keys and times.
//!
//! An effect is committed before the provider is asked. One transaction commits all effects that are waiting, of
//! however many events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use despatch_contracts::{EventId, Subject};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::{Database, DbError, DbErrorKind, QueryBatcher};
use crate::failpoint;
use crate::journal::journal::Journal;
use crate::supervise::supervised;

/// One try at performing an event.
pub struct Attempt {
    pub(crate) subject: String,
    pub(crate) event_id: EventId,
    pub(crate) generation: u32,
    pub(crate) number: u32,
    pub(crate) ledger: Ledger,
    pub(crate) unreachable: AtomicBool,
}

/// An effect begun at an external provider, with its idempotency key.
#[derive(Debug, Clone)]
pub struct EffectKey {
    /// `<subject>/<operation>/<part>/<n>`: the same on every try until it is rejected or rotated.
    pub key: String,
    /// Number of earlier keys of this operation that had no effect for certain.
    pub n: u32,
    /// Whether this try began the effect: no earlier try used the key.
    pub first: bool,
    /// Time since the effect was begun, by the database's clock; zero if this try began it.
    pub age: Duration,
    /// The note stored when the effect was begun.
    pub note: Option<String>,
    effect: EffectId,
}

/// The identity of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EffectId {
    subject: String,
    operation: &'static str,
    part: String,
}

impl EffectId {
    /// Reads the key from a row of the ledger.
    fn key(self, row: &Row, first: bool) -> EffectKey {
        let n = u32::try_from(row.get::<_, i32>("number")).unwrap_or_default();
        let EffectId { subject, operation, part } = &self;
        EffectKey {
            key: format!("{subject}/{operation}/{part}/{n}"),
            n,
            first,
            age: Duration::from_secs_f64(row.get::<_, f64>("age").max(0.0)),
            note: row.get("note"),
            effect: self,
        }
    }
}

impl Attempt {
    /// Returns the subject of the event.
    pub fn subject(&self) -> Subject<'_> {
        Subject::parse(&self.subject)
    }

    /// Returns the event's id.
    pub fn event_id(&self) -> EventId {
        self.event_id
    }

    /// Returns the number of this try, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Begins an effect: records that the provider is about to be asked. The record is committed before this returns.
    ///
    /// `part` distinguishes effects of one operation on one subject, e.g. by a parcel's number. It is empty for an
    /// effect on the whole subject. Returns an error for an event without a subject, because its effects could not be
    /// told apart.
    pub async fn begin(&self, operation: &'static str, part: &str) -> Result<EffectKey, DbError> {
        self.noted(self.ledger.begin(self, self.effect(operation, part)?, None).await)
    }

    /// Begins an effect at a provider without idempotency keys. `note` is stored with the effect. Later attempts
    /// receive the first note and use it to look up the result.
    pub async fn begin_with_note(
        &self,
        operation: &'static str,
        part: &str,
        note: &str,
    ) -> Result<EffectKey, DbError> {
        self.noted(self.ledger.begin(self, self.effect(operation, part)?, Some(note.to_owned())).await)
    }

    /// Claims an object at a provider, e.g. `payment/stripe/pi_1`, for the event's subject. The claim is committed before
    /// this returns and holds for good. Returns the subject that has the object, which may be an earlier one.
    pub async fn claim(&self, object: &str) -> Result<String, DbError> {
        let effect = EffectId { subject: object.to_owned(), operation: "claim", part: String::new() };
        let claim = self.noted(self.ledger.begin(self, effect, Some(self.subject.clone())).await)?;
        Ok(claim.note.unwrap_or_default())
    }

    /// Returns the effect that an earlier try began and that is neither rejected nor rotated.
    pub async fn pending(&self, operation: &'static str, part: &str) -> Result<Option<EffectKey>, DbError> {
        self.noted(self.ledger.pending(self.effect(operation, part)?).await)
    }

    /// Records that the provider definitely rejected the request. The next generation begins under a new key, because a
    /// provider may repeat this key's answer as long as it knows the key. Within this generation the rejection holds: a
    /// replica that tries the same event at the same time gets the same key, so it does not perform what this one
    /// recorded as rejected.
    pub async fn rejected(&self, key: &EffectKey) -> Result<(), DbError> {
        self.noted(self.ledger.close(key, Some((self.event_id, self.generation))).await)
    }

    /// Begins the effect again under the next key, after a look-up has proved that nothing happened under this one.
    pub async fn rotate(&self, key: &EffectKey) -> Result<EffectKey, DbError> {
        self.noted(self.ledger.close(key, None).await)?;
        self.noted(self.ledger.begin(self, key.effect.clone(), key.note.clone()).await)
    }

    /// Returns whether the ledger could not be written because the database was unreachable. Then the provider was not
    /// asked, and the try does not count.
    pub(crate) fn lost(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// Clears [`lost`](Self::lost) before the database is tried again.
    pub(crate) fn found(&self) {
        self.unreachable.store(false, Ordering::Relaxed);
    }

    fn effect(&self, operation: &'static str, part: &str) -> Result<EffectId, DbError> {
        if self.subject().is_none() {
            return Err(DbError::Misuse(format!("{operation}: an effect needs an event with a subject")));
        }
        Ok(EffectId { subject: self.subject.clone(), operation, part: part.to_owned() })
    }

    fn noted<T>(&self, answer: Result<T, DbError>) -> Result<T, DbError> {
        if answer.as_ref().is_err_and(|error| error.kind() == DbErrorKind::Unreachable) {
            self.unreachable.store(true, Ordering::Relaxed);
        }
        answer
    }
}

/// A worker's ledger.
#[derive(Clone)]
pub(crate) struct Ledger {
    db: Database,
    journal: Arc<Journal>,
    requests: mpsc::Sender<Request>,
    batcher: Arc<QueryBatcher>,
}

struct Request {
    event_id: EventId,
    generation: u32,
    effect: EffectId,
    note: Option<String>,
    answer: oneshot::Sender<Result<EffectKey, DbError>>,
}

/// Most effects committed in one transaction.
const BATCH: usize = 256;

impl Ledger {
    /// Starts the task that commits effects. It ends when the last ledger is dropped.
    pub(crate) fn start(db: Database, journal: Arc<Journal>, batcher: Arc<QueryBatcher>) -> Self {
        let (requests, received) = mpsc::channel(BATCH);
        let received = Arc::new(Mutex::new(received));
        let (to, into) = (db.clone(), journal.clone());
        let commit = move || commit_effects(to.clone(), into.clone(), received.clone());
        tokio::spawn(supervised("effects-ledger", commit));
        Ledger { db, journal, requests, batcher }
    }

    async fn begin(
        &self,
        by: &Attempt,
        effect: EffectId,
        note: Option<String>,
    ) -> Result<EffectKey, DbError> {
        let (answer, answered) = oneshot::channel();
        let gone = || DbError::Unreachable("the effects ledger has stopped".to_owned());
        let (event_id, generation) = (by.event_id, by.generation);
        let request = Request { event_id, generation, effect, note, answer };
        self.requests.send(request).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn pending(&self, effect: EffectId) -> Result<Option<EffectKey>, DbError> {
        let values = (effect.subject.clone(), effect.operation, effect.part.clone());
        let rows = self.batcher.ask(&self.journal.sql().pending_effect, values).await?;
        Ok(rows.first().map(|row| effect.key(row, false)))
    }

    async fn close(&self, key: &EffectKey, rejected: Option<(EventId, u32)>) -> Result<(), DbError> {
        let EffectId { subject, operation, part } = &key.effect;
        let client = self.db.client().await?;
        let statement = client.prepare_cached(&self.journal.sql().close_effect).await?;
        let (by, generation) =
            (rejected.map(|(event, _)| event.uuid()), rejected.map(|(_, generation)| int(generation)));
        client.execute(&statement, &[subject, operation, part, &int(key.n), &by, &generation]).await?;
        Ok(())
    }
}

async fn commit_effects(db: Database, journal: Arc<Journal>, requests: Arc<Mutex<mpsc::Receiver<Request>>>) {
    let mut requests = requests.lock().await;
    let mut waiting = Vec::with_capacity(BATCH);
    // Requests blocked by another replica's transaction stay in `waiting` and go with the next batch.
    while !waiting.is_empty() || requests.recv_many(&mut waiting, BATCH).await > 0 {
        failpoint::pass("effects-ledger");
        match write(&db, &journal, &waiting).await {
            Ok(keys) => {
                for mut key in keys {
                    while let Some(index) = waiting.iter().position(|request| request.effect == key.effect) {
                        // The attempt may have been dropped meanwhile and need no answer.
                        let _ = waiting.remove(index).answer.send(Ok(key.clone()));
                        // Of attempts that begin at the same time, only one is the first.
                        key.first = false;
                    }
                }
            }
            Err(error) if error.kind() == DbErrorKind::Contention => {}
            Err(error) => {
                if error.kind() != DbErrorKind::Unreachable {
                    tracing::error!(%error, "effects ledger write failed");
                }
                for request in waiting.drain(..) {
                    let _ = request.answer.send(Err(DbError::Unreachable(error.to_string())));
                }
            }
        }
    }
}

async fn write(db: &Database, journal: &Journal, requests: &[Request]) -> Result<Vec<EffectKey>, DbError> {
    let subjects: Vec<&str> = requests.iter().map(|request| request.effect.subject.as_str()).collect();
    let operations: Vec<&str> = requests.iter().map(|request| request.effect.operation).collect();
    let parts: Vec<&str> = requests.iter().map(|request| request.effect.part.as_str()).collect();
    let notes: Vec<Option<&str>> = requests.iter().map(|request| request.note.as_deref()).collect();
    let events: Vec<Uuid> = requests.iter().map(|request| request.event_id.uuid()).collect();
    let generations: Vec<i32> = requests.iter().map(|request| int(request.generation)).collect();
    let client = db.client().await?;
    let statement = client.prepare_cached(&journal.sql().begin_effect).await?;
    let rows =
        client.query(&statement, &[&subjects, &operations, &parts, &notes, &events, &generations]).await?;
    let keys = rows.iter().filter_map(|row| {
        let (subject, operation, part): (&str, &str, &str) =
            (row.get("subject"), row.get("operation"), row.get("part"));
        let mut effects = requests.iter().map(|request| &request.effect);
        let effect = effects.find(|effect| {
            effect.subject == subject && effect.operation == operation && effect.part == part
        })?;
        Some(effect.clone().key(row, row.get("first")))
    });
    Ok(keys.collect())
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
