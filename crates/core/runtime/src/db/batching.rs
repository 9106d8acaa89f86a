//! Batched statements. Each event asks for itself. The requests that events of a batch make at the same moment go to
//! the database as one statement, whose parameters are arrays with an element for each event.

use std::any::{Any, TypeId};
use std::future::poll_fn;
use std::mem::take;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use deadpool_postgres::Object;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::db::error::DbError;
use crate::db::pool::Database;
use crate::db::statement::BatchedQuery;
use crate::failpoint;
use crate::supervise::supervised;

/// One event's parameters of a batched statement: a tuple of up to twelve values. The statement gets an array for each
/// value.
pub trait BatchParams: Send + 'static {
    /// Turns rows into columns.
    #[doc(hidden)]
    fn columns(rows: Vec<Self>) -> Vec<Box<dyn ToSql + Sync + Send>>
    where
        Self: Sized;
}

type Column = Box<dyn ToSql + Sync + Send>;
type Answer = Result<Vec<Row>, DbError>;

macro_rules! values {
    ($($value:ident)+) => {
        impl<$($value: ToSql + Sync + Send + 'static),+> BatchParams for ($($value,)+) {
            #[allow(non_snake_case)]
            fn columns(rows: Vec<Self>) -> Vec<Column> {
                let ($($value,)+): ($(Vec<$value>,)+) = rows.into_iter().collect();
                vec![$(Box::new($value)),+]
            }
        }
    };
}

values!(A);
values!(A B);
values!(A B C);
values!(A B C D);
values!(A B C D E);
values!(A B C D E F);
values!(A B C D E F G);
values!(A B C D E F G H);
values!(A B C D E F G H I);
values!(A B C D E F G H I J);
values!(A B C D E F G H I J K);
values!(A B C D E F G H I J K L);

/// Collects the requests of events until they are sent.
#[derive(Default)]
pub(crate) struct StatementBatcher {
    asked: Mutex<Vec<Request>>,
}

struct Request {
    sql: String,
    values: Box<dyn Any + Send>,
    columns: fn(Vec<Box<dyn Any + Send>>) -> Vec<Column>,
    answer: oneshot::Sender<Answer>,
}

/// The requests of one statement.
struct Group {
    sql: String,
    of: TypeId,
    columns: fn(Vec<Box<dyn Any + Send>>) -> Vec<Column>,
    values: Vec<Box<dyn Any + Send>>,
    answers: Vec<oneshot::Sender<Answer>>,
}

impl StatementBatcher {
    /// Returns this event's rows of the batched statement: those whose column `n` is the position of its values in the
    /// arrays, from 1. Only [`run`](StatementBatcher::run) sends the statement.
    pub(crate) async fn ask<V: BatchParams>(&self, sql: &str, values: V) -> Answer {
        self.put(sql, values).await.unwrap_or_else(|_| Err(over()))
    }

    fn put<V: BatchParams>(&self, sql: &str, values: V) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let request =
            Request { sql: sql.to_owned(), values: Box::new(values), columns: columns_of::<V>, answer };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        answered
    }

    /// Runs `work`. Sends its requests whenever it cannot continue without them.
    pub(crate) async fn run<T>(&self, client: &Object, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut underway = FuturesUnordered::new();
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(done) = work.as_mut().poll(cx) {
                    return Poll::Ready(done);
                }
                underway.extend(self.groups().into_iter().map(|group| group.send(client)));
                // Takes all answers that have arrived, so that their events continue together.
                let mut answered = false;
                while let Poll::Ready(Some(())) = underway.poll_next_unpin(cx) {
                    answered = true;
                }
                if !answered {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Takes the unsent requests, grouped by statement.
    fn groups(&self) -> Vec<Group> {
        groups(take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Batches statements outside of transactions. Requests of the same statement that arrive while another statement runs
/// are sent together next.
pub struct QueryBatcher {
    batcher: Arc<StatementBatcher>,
    asked: Arc<Notify>,
    task: AbortHandle,
}

impl QueryBatcher {
    /// Starts the task that sends the statements. It ends when the batcher is dropped.
    pub fn start(db: Database) -> Self {
        let (batcher, asked) = (Arc::<StatementBatcher>::default(), Arc::<Notify>::default());
        let (waiting, wakes) = (batcher.clone(), asked.clone());
        let sending = move || send(db.clone(), waiting.clone(), wakes.clone());
        let task = tokio::spawn(supervised("statements", sending)).abort_handle();
        QueryBatcher { batcher, asked, task }
    }

    /// Reads rows; see [`Tx::query_batched`](crate::Tx::query_batched).
    pub async fn query_batched<V: BatchParams>(
        &self,
        query: BatchedQuery,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.ask(query.sql(), values).await
    }

    pub(crate) async fn ask<V: BatchParams>(&self, sql: &str, values: V) -> Answer {
        let answered = self.batcher.put(sql, values);
        self.asked.notify_one();
        answered.await.unwrap_or_else(|_| Err(over()))
    }
}

impl Drop for QueryBatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn send(db: Database, batcher: Arc<StatementBatcher>, asked: Arc<Notify>) {
    loop {
        asked.notified().await;
        let groups = batcher.groups();
        failpoint::pass("statements");
        match db.client().await {
            Ok(client) => drop(join_all(groups.into_iter().map(|group| group.send(&client))).await),
            Err(error) => {
                for group in groups {
                    fail(group.answers, &error);
                }
            }
        }
    }
}

fn columns_of<V: BatchParams>(values: Vec<Box<dyn Any + Send>>) -> Vec<Column> {
    // All values of a group have one type.
    V::columns(values.into_iter().filter_map(|values| values.downcast().ok()).map(|values| *values).collect())
}

fn groups(requests: Vec<Request>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for Request { sql, values, columns, answer } in requests {
        let of = (*values).type_id();
        let known = groups.iter_mut().find(|group| group.of == of && group.sql == sql);
        if let Some(group) = known {
            group.values.push(values);
            group.answers.push(answer);
        } else {
            groups.push(Group { sql, of, columns, values: vec![values], answers: vec![answer] });
        }
    }
    groups
}

impl Group {
    async fn send(self, client: &Object) {
        let Group { sql, columns, values, answers, .. } = self;
        let columns = columns(values);
        let parameters: Vec<&(dyn ToSql + Sync)> =
            columns.iter().map(|column| &**column as &(dyn ToSql + Sync)).collect();
        let rows = async {
            let statement = client.prepare_cached(&sql).await?;
            sort(client.query(&statement, &parameters).await?, answers.len())
        };
        // The event that asked may have been dropped meanwhile.
        match rows.await {
            Ok(rows) => {
                for (answer, rows) in answers.into_iter().zip(rows) {
                    drop(answer.send(Ok(rows)));
                }
            }
            Err(error) => fail(answers, &error.into()),
        }
    }
}

fn over() -> DbError {
    DbError::Unreachable("the statement batcher has stopped".to_owned())
}

fn fail(answers: Vec<oneshot::Sender<Answer>>, error: &DbError) {
    for answer in answers {
        drop(answer.send(Err(error.clone())));
    }
}

/// Gives each event its rows.
fn sort(rows: Vec<Row>, events: usize) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let mut sorted: Vec<Vec<Row>> = (0..events).map(|_| Vec::new()).collect();
    for row in rows {
        let place = row.try_get::<_, i64>("n")?;
        if let Some(own) = usize::try_from(place - 1).ok().and_then(|place| sorted.get_mut(place)) {
            own.push(row);
        }
    }
    Ok(sorted)
}
