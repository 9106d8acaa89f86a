//! The effects ledger: what was asked of the outside, under which idempotency key, since when.
//!
//! An ask is committed before the outside hears it. Asks of many events are committed together: the ledger takes
//! whatever is waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use despatch_contracts::EventId;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::{Database, DbError, DbErrorKind};
use crate::gather::QueryBatcher;
use crate::journal::Journal;

/// One try at performing an event.
pub struct Attempt {
    pub(crate) order_id: String,
    pub(crate) event_id: EventId,
    pub(crate) generation: u32,
    pub(crate) number: u32,
    pub(crate) ledger: Ledger,
    pub(crate) unreachable: AtomicBool,
}

/// What is asked of the outside, under its idempotency key.
#[derive(Debug, Clone)]
pub struct EffectKey {
    /// `<order>/<operation>/<parcel>/<n>`: the same on every try until it is refused or renewed.
    pub key: String,
    /// How many earlier keys of this operation came to a definite nothing.
    pub n: u32,
    /// Nothing was asked under this key before.
    pub first: bool,
    /// How long ago it was first asked, by the database's clock; zero when it is the first time.
    pub age: Duration,
    /// What was noted when it was first asked.
    pub note: Option<String>,
    subject: Subject,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Subject {
    order_id: String,
    operation: &'static str,
    parcel: u32,
}

impl Subject {
    /// The ask that a row of the ledger tells of.
    fn ask(self, row: &Row, first: bool) -> EffectKey {
        let n = u32::try_from(row.get::<_, i32>("number")).unwrap_or_default();
        let Subject { order_id, operation, parcel } = &self;
        EffectKey {
            key: format!("{order_id}/{operation}/{parcel}/{n}"),
            n,
            first,
            age: Duration::from_secs_f64(row.get::<_, f64>("age").max(0.0)),
            note: row.get("note"),
            subject: self,
        }
    }
}

impl Attempt {
    /// The order that the event is about.
    pub fn order_id(&self) -> &str {
        &self.order_id
    }

    /// The event.
    pub fn event_id(&self) -> EventId {
        self.event_id
    }

    /// RetryFilter try this is, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Announces that the outside is about to be asked. Committed before it returns.
    ///
    /// `parcel` is 0 for what concerns the whole order.
    pub async fn begin(&self, operation: &'static str, parcel: u32) -> Result<EffectKey, DbError> {
        self.noted(self.ledger.ask(self, self.subject(operation, parcel), None).await)
    }

    /// The same for a provider that takes no idempotency key, with a note by which a later try finds out what became
    /// of it. Who is not the first gets the first one's note.
    pub async fn begin_with_note(
        &self,
        operation: &'static str,
        parcel: u32,
        note: &str,
    ) -> Result<EffectKey, DbError> {
        self.noted(self.ledger.ask(self, self.subject(operation, parcel), Some(note.to_owned())).await)
    }

    /// What an earlier try asked and nobody has closed.
    pub async fn pending(&self, operation: &'static str, parcel: u32) -> Result<Option<EffectKey>, DbError> {
        self.noted(self.ledger.asked(self.subject(operation, parcel)).await)
    }

    /// The answer was a definite refusal: the next generation asks under a new key, since a provider may replay this
    /// one's answer for ever. Within this generation the answer stands: a replica that tries the same event at the same
    /// time gets the same key, lest it does what this one has recorded as refused.
    pub async fn rejected(&self, ask: &EffectKey) -> Result<(), DbError> {
        self.noted(self.ledger.close(ask, Some((self.event_id, self.generation))).await)
    }

    /// A look-up has proved that nothing happened under this key: asks anew under the next.
    pub async fn rotate(&self, ask: &EffectKey) -> Result<EffectKey, DbError> {
        self.noted(self.ledger.close(ask, None).await)?;
        self.noted(self.ledger.ask(self, ask.subject.clone(), ask.note.clone()).await)
    }

    /// Whether the ledger could not be written because the database was away: then nothing was asked that could not
    /// be asked again, and the try does not count.
    pub(crate) fn lost(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// The database is to be tried again.
    pub(crate) fn found(&self) {
        self.unreachable.store(false, Ordering::Relaxed);
    }

    fn subject(&self, operation: &'static str, parcel: u32) -> Subject {
        Subject { order_id: self.order_id.clone(), operation, parcel }
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
    asks: mpsc::Sender<Request>,
    gatherer: Arc<QueryBatcher>,
}

struct Request {
    event_id: EventId,
    generation: u32,
    subject: Subject,
    note: Option<String>,
    answer: oneshot::Sender<Result<EffectKey, DbError>>,
}

/// How many asks are committed together at most.
const BATCH: usize = 256;

impl Ledger {
    /// Starts the task that commits asks; it ends when the last ledger is dropped.
    pub(crate) fn start(db: Database, journal: Arc<Journal>, gatherer: Arc<QueryBatcher>) -> Self {
        let (asks, requests) = mpsc::channel(BATCH);
        tokio::spawn(commit_asks(db.clone(), journal.clone(), requests));
        Ledger { db, journal, asks, gatherer }
    }

    async fn ask(&self, by: &Attempt, subject: Subject, note: Option<String>) -> Result<EffectKey, DbError> {
        let (answer, answered) = oneshot::channel();
        let gone = || DbError::Unreachable("the effects ledger has stopped".to_owned());
        let (event_id, generation) = (by.event_id, by.generation);
        self.asks.send(Request { event_id, generation, subject, note, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn asked(&self, subject: Subject) -> Result<Option<EffectKey>, DbError> {
        let values = (subject.order_id.clone(), subject.operation, int(subject.parcel));
        let rows = self.gatherer.ask(&self.journal.sql().asked, values).await?;
        Ok(rows.first().map(|row| subject.ask(row, false)))
    }

    async fn close(&self, ask: &EffectKey, refused: Option<(EventId, u32)>) -> Result<(), DbError> {
        let Subject { order_id, operation, parcel } = &ask.subject;
        let client = self.db.client().await?;
        let statement = client.prepare_cached(&self.journal.sql().close_ask).await?;
        let (by, generation) =
            (refused.map(|(event, _)| event.uuid()), refused.map(|(_, generation)| int(generation)));
        client
            .execute(&statement, &[order_id, operation, &int(*parcel), &int(ask.n), &by, &generation])
            .await?;
        Ok(())
    }
}

async fn commit_asks(db: Database, journal: Arc<Journal>, mut requests: mpsc::Receiver<Request>) {
    let mut waiting = Vec::with_capacity(BATCH);
    // What another replica's ask was in the way of stays in `waiting` and is asked again with the next lot.
    while !waiting.is_empty() || requests.recv_many(&mut waiting, BATCH).await > 0 {
        match write(&db, &journal, &waiting).await {
            Ok(asks) => {
                for ask in asks {
                    let mut ask = ask;
                    while let Some(index) = waiting.iter().position(|request| request.subject == ask.subject)
                    {
                        // Whoever asked may have been dropped meanwhile; then nobody needs the answer.
                        let _ = waiting.remove(index).answer.send(Ok(ask.clone()));
                        // Only one of those who ask at the same time is the first.
                        ask.first = false;
                    }
                }
            }
            Err(error) if error.kind() == DbErrorKind::Contention => {}
            Err(error) => {
                if error.kind() != DbErrorKind::Unreachable {
                    tracing::error!(%error, "the effects ledger cannot be written");
                }
                for request in waiting.drain(..) {
                    let _ = request.answer.send(Err(DbError::Unreachable(error.to_string())));
                }
            }
        }
    }
}

async fn write(db: &Database, journal: &Journal, requests: &[Request]) -> Result<Vec<EffectKey>, DbError> {
    let orders: Vec<&str> = requests.iter().map(|request| request.subject.order_id.as_str()).collect();
    let operations: Vec<&str> = requests.iter().map(|request| request.subject.operation).collect();
    let parcels: Vec<i32> = requests.iter().map(|request| int(request.subject.parcel)).collect();
    let notes: Vec<Option<&str>> = requests.iter().map(|request| request.note.as_deref()).collect();
    let events: Vec<Uuid> = requests.iter().map(|request| request.event_id.uuid()).collect();
    let generations: Vec<i32> = requests.iter().map(|request| int(request.generation)).collect();
    let client = db.client().await?;
    let statement = client.prepare_cached(&journal.sql().ask).await?;
    let rows =
        client.query(&statement, &[&orders, &operations, &parcels, &notes, &events, &generations]).await?;
    let asks = rows.iter().filter_map(|row| {
        let (order_id, operation): (&str, &str) = (row.get("order_id"), row.get("operation"));
        let parcel = row.get::<_, i32>("parcel");
        let subject = &requests
            .iter()
            .find(|request| {
                let Subject { order_id: order, operation: op, parcel: number } = &request.subject;
                order == order_id && *op == operation && int(*number) == parcel
            })?
            .subject;
        Some(subject.clone().ask(row, row.get("first")))
    });
    Ok(asks.collect())
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
