//! A worker whose handlers follow an instruction in the event, so that tests reach every verdict and every boundary.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use despatch_contracts::order::{OrderCancelRequested, OrderCompleted};
use despatch_contracts::payment::{PaymentRefunded, RefundRequested};
use despatch_contracts::review::ReviewAskDue;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, Event, EventId, Trace};
use despatch_domain::Reason;
use despatch_runtime::{
    Attempt, BatchedQuery, ConcurrencyKeys, DbError, EffectHandler, Handler, HandlerError, Migration, Policy,
    Reader, Timer, Tx, Verdict, Worker,
};
use despatch_testkit::TestEnv;
use tokio::sync::Barrier;

use crate::provider::Provider;

const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_fixture",
    sql: "create table fixture.tally (order_id text not null, what text not null, count int not null,
                                  primary key (order_id, what));
          create table fixture.unique_thing (thing text primary key);
          create table fixture.stock (thing text primary key, units int not null);
          create table fixture.fixed (order_id text primary key);
          create sequence fixture.statement;
          create function fixture.count_statement() returns bigint language sql as 'select nextval(''fixture.statement'')';
          create table fixture.answered (order_id text primary key, statement bigint not null);",
}];

const POLICY: Policy = Policy {
    attempts: 3,
    first_retry: Duration::from_millis(20),
    longest_retry: Duration::from_millis(50),
    defer_deadline: Duration::from_millis(500),
    ..Policy::DEFAULT
};

/// How long a handler waits for its twin in another replica.
const MEETING: Duration = Duration::from_secs(20);

/// The parts of the fixture worker.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) provider: Provider,
    /// The place where two replicas wait for each other.
    pub(crate) meeting: Arc<Barrier>,
    /// The number of purchases of all replicas.
    pub(crate) purchases: Arc<AtomicUsize>,
    /// Whether the provider never answers.
    pub(crate) stuck: bool,
}

impl Fixture {
    pub(crate) async fn new(env: &TestEnv) -> Self {
        Fixture {
            provider: Provider::open(env).await,
            meeting: Arc::new(Barrier::new(2)),
            purchases: Arc::default(),
            stuck: false,
        }
    }

    /// Returns the worker with every fixture handler.
    pub(crate) fn worker(&self) -> Worker {
        let mut worker = Worker::new("fixture", MIGRATIONS);
        let due = worker.timer();
        worker
            .queries(&[BROKEN, UNITS, NUMBERED])
            .handler(Obey(self.clone(), due))
            .effect_handler(Buy(self.clone(), due))
    }

    async fn meet(&self) -> Result<(), Disobeyed> {
        let met = tokio::time::timeout(MEETING, self.meeting.wait()).await;
        met.map(|_| ()).map_err(|_| Disobeyed::Told(Verdict::Reject(Reason::StockShort)))
    }
}

/// Returns how often a handler's writes about an order were kept.
pub(crate) async fn kept(env: &TestEnv, order: &str, what: &str) -> i32 {
    let sql = "select count from fixture.tally where order_id = $1 and what = $2";
    env.db().await.query_opt(sql, &[&order, &what]).await.unwrap().map_or(0, |row| row.get(0))
}

/// Returns an event for [`Obey`]. `reason` is a word, then optionally a name or number.
pub(crate) fn told(order_id: &str, reason: &str) -> OrderCancelRequested {
    let (reason, requested_by) = (reason.into(), "test".into());
    OrderCancelRequested { order_id: order_id.into(), reason, requested_by, by: String::new() }
}

/// Returns an event as a message, for a test that counts deliveries or wants more than two.
pub(crate) fn message(event: &impl Event) -> Envelope {
    Envelope::first(EventId::new(), "test", Emitted::from(event), &Trace::root())
}

/// Returns an event for [`Buy`].
pub(crate) fn asked(order_id: &str, reason: &str) -> RefundRequested {
    RefundRequested { order_id: order_id.into(), reason: reason.into(), ..RefundRequested::default() }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Disobeyed {
    #[error("told to fail")]
    Told(Verdict),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for Disobeyed {
    fn verdict(&self) -> Verdict {
        match self {
            Disobeyed::Told(verdict) => *verdict,
            Disobeyed::Database(_) => Verdict::Retry,
        }
    }
}

/// Can be prepared, and fails whenever it runs.
const BROKEN: BatchedQuery = BatchedQuery::new(
    "select n from unnest($1::text[]) with ordinality as each(id, n) where 1 / (length(id) - length(id)) = 1",
);

const UNITS: BatchedQuery = BatchedQuery::new(
    "with statement as materialized (select fixture.count_statement())
     select n, units from unnest($1::text[]) with ordinality as each(thing, n)
       join fixture.stock using (thing), statement",
);

const NUMBERED: BatchedQuery = BatchedQuery::new(
    "with statement as materialized (select fixture.count_statement() as number)
     select n, order_id, number from unnest($1::text[]) with ordinality as each(order_id, n), statement
      order by n desc",
);

/// Only records.
struct Obey(Fixture, Timer<ReviewAskDue>);

impl Handler for Obey {
    const NAME: &'static str = "fixture.obey";
    const POLICY: Policy = POLICY;
    type In = OrderCancelRequested;
    type Out = Option<OrderCompleted>;
    type Error = Disobeyed;

    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        let keys = ConcurrencyKeys::subject(event.subject());
        match event.reason.split_once(' ') {
            Some(("take" | "want" | "break-beside" | "add", what)) => {
                keys.and("thing", what.split(' ').next().unwrap_or(what))
            }
            _ if event.reason == "panic-early" => panic!("told to panic early"),
            _ => keys,
        }
    }

    async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<Self::Out, Disobeyed> {
        let order = &event.order_id;
        let (word, what) = event.reason.split_once(' ').unwrap_or((&event.reason, ""));
        if word == "meet" {
            self.0.meet().await?;
        }
        match word {
            "want" => want(tx, what).await?,
            "break-beside" => {
                let sql = "update fixture.stock set units = units where thing = $1";
                let write = async { tx.execute(sql, &[&what]).await };
                tokio::try_join!(tx.query_batched(BROKEN, (order.clone(),)), write)?;
            }
            _ => {}
        }
        tally(tx, order, "recorded").await?;
        let due = ReviewAskDue { order_id: order.clone(), ask: 7 };
        let timer = format!("ask/{order}");
        match word {
            "complete" | "meet" | "want" => {}
            "fail" => return Err(Disobeyed::Told(Verdict::Retry)),
            "reject" => return Err(Disobeyed::Told(Verdict::Reject(Reason::StockShort))),
            "defer" => return Err(Disobeyed::Told(Verdict::Defer(Duration::from_millis(20)))),
            "reject-until-fixed" | "retry-until-fixed" => {
                let sql = "select from fixture.fixed where order_id = $1";
                if tx.query_opt(sql, &[order]).await?.is_none() {
                    let reject = word == "reject-until-fixed";
                    let verdict = if reject { Verdict::Reject(Reason::StockShort) } else { Verdict::Retry };
                    return Err(Disobeyed::Told(verdict));
                }
            }
            "break" => {
                tx.execute("insert into fixture.no_such_table values (1)", &[]).await?;
            }
            "own" => {
                let sql = "insert into fixture.unique_thing select * from unnest($1::text[])";
                tx.execute_batched(sql, (what.to_owned(),)).await?;
            }
            "panic" => panic!("told to panic"),
            "abort" => std::process::abort(),
            "timer" => tx.schedule(self.1, &timer, Duration::from_millis(50), &due).await?,
            "no-timer" => {
                tx.schedule(self.1, &timer, Duration::from_millis(50), &due).await?;
                tx.unschedule(&timer).await?;
            }
            "add" => {
                let read = tx.query("select units from fixture.stock where thing = $1", &[&what]).await?;
                let units = read[0].get::<_, i32>(0) + 1;
                tx.execute("update fixture.stock set units = $2 where thing = $1", &[&what, &units]).await?;
            }
            "take" => take(tx, what).await?,
            "share" => share(tx, order).await?,
            "large" => return Ok(Some(OrderCompleted { order_id: order.repeat(200_000) })),
            "unprintable" => return Ok(Some(OrderCompleted { order_id: format!("{order}\r\n") })),
            other => unreachable!("no order called {other:?}"),
        }
        Ok(Some(OrderCompleted { order_id: order.clone() }))
    }
}

/// Takes units first and checks afterwards whether there were enough, so that a rejection must be undone.
async fn take(tx: &Tx<'_>, what: &str) -> Result<(), Disobeyed> {
    let (thing, units) = what.split_once(' ').unwrap_or((what, "1"));
    let units: i32 = units.parse().unwrap();
    let sql = "update fixture.stock set units = units - $2 where thing = $1 returning units";
    let left: i32 = tx.returning(sql, &[&thing, &units]).await?[0].get(0);
    if left < 0 { Err(Disobeyed::Told(Verdict::Reject(Reason::StockShort))) } else { Ok(()) }
}

/// Takes units only if there are enough, so that a rejection has written nothing. Counts the statements that read.
async fn want(tx: &Tx<'_>, what: &str) -> Result<(), Disobeyed> {
    let (thing, units) = what.split_once(' ').unwrap();
    let units: i32 = units.parse().unwrap();
    let there: i32 = tx.query_batched(UNITS, (thing.to_owned(),)).await?[0].get("units");
    if there < units {
        return Err(Disobeyed::Told(Verdict::Reject(Reason::StockShort)));
    }
    let sql = "update fixture.stock set units = units - $2 where thing = $1";
    tx.execute(sql, &[&thing, &units]).await?;
    Ok(())
}

/// Stores the number of the statement that answered this event with its own order.
async fn share(tx: &Tx<'_>, order: &str) -> Result<(), Disobeyed> {
    let rows = tx.query_batched(NUMBERED, (order.to_owned(),)).await?;
    let [row] = rows.as_slice() else { return Err(Disobeyed::Told(Verdict::Reject(Reason::StockShort))) };
    let (own, number): (&str, i64) = (row.get("order_id"), row.get("number"));
    tx.execute("insert into fixture.answered values ($1, $2)", &[&own, &number]).await?;
    Ok(())
}

async fn tally(tx: &Tx<'_>, order: &str, what: &str) -> Result<(), DbError> {
    let sql = "insert into fixture.tally select order_id, what, 1 from unnest($1::text[], $2::text[]) as each(order_id, what)
               on conflict (order_id, what) do update set count = tally.count + 1";
    tx.execute_batched(sql, (order.to_owned(), what.to_owned())).await?;
    Ok(())
}

/// Asks the provider, and returns the key of the request.
struct Buy(Fixture, Timer<ReviewAskDue>);

impl Buy {
    /// Of two replicas one is refused, and only then the other asks. A provider that knows the key repeats its answer.
    async fn declined_in_turn(&self, attempt: &Attempt) -> Result<String, Disobeyed> {
        let first = self.0.purchases.fetch_add(1, Ordering::Relaxed) == 0;
        if !first {
            self.0.meet().await?;
        }
        let ask = attempt.begin("fixture", "").await?;
        self.0.provider.receive(&ask, attempt.subject().id()).await;
        if ask.n > 0 {
            return Ok(ask.key);
        }
        attempt.rejected(&ask).await?;
        if first {
            self.0.meet().await?;
        }
        Err(Disobeyed::Told(Verdict::Reject(Reason::CardDeclined)))
    }
}

impl EffectHandler for Buy {
    const NAME: &'static str = "fixture.buy";
    const POLICY: Policy = POLICY;
    type In = RefundRequested;
    type Plan = RefundRequested;
    type Response = String;
    type Out = Option<PaymentRefunded>;
    type Error = Disobeyed;

    async fn prepare(&self, event: &Self::In, _: &Reader<'_>) -> Result<Self::Plan, Disobeyed> {
        Ok(event.clone())
    }

    async fn perform(&self, plan: &Self::Plan, attempt: &Attempt) -> Result<String, Disobeyed> {
        let (word, what) = plan.reason.split_once(' ').unwrap_or((&plan.reason, ""));
        if word == "meet" {
            self.0.meet().await?;
        }
        if word == "declined-in-turn" {
            return self.declined_in_turn(attempt).await;
        }
        let mut ask = attempt.begin("fixture", "").await?;
        match word {
            "aged" if ask.first => {
                let wait = Duration::from_millis(what.parse().unwrap());
                return Err(Disobeyed::Told(Verdict::RetryAfter(wait)));
            }
            "aged" => return Ok(format!("{} {}", ask.key, ask.age.as_millis())),
            "declined-once" if ask.n == 0 => {
                self.0.provider.receive(&ask, attempt.subject().id()).await;
                attempt.rejected(&ask).await?;
                return Err(Disobeyed::Told(Verdict::Retry));
            }
            "lost-once" if ask.first => return Err(Disobeyed::Told(Verdict::Retry)),
            "lost-once" => ask = attempt.rotate(&ask).await?,
            "abort" => std::process::abort(),
            _ => {}
        }
        self.0.provider.receive(&ask, attempt.subject().id()).await;
        if word == "slow" {
            // The provider takes its time; nothing in the test waits for this.
            tokio::time::sleep(Duration::from_millis(what.parse().unwrap())).await;
        }
        if self.0.stuck {
            std::future::pending::<()>().await;
        }
        Ok(ask.key)
    }

    async fn record(
        &self,
        event: &Self::In,
        _: &Self::Plan,
        effect: &String,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, Disobeyed> {
        let order_id = event.order_id.clone();
        tally(tx, &order_id, "bought").await?;
        match event.reason.as_str() {
            "break" => {
                tx.execute("insert into fixture.no_such_table values (1)", &[]).await?;
            }
            "timer" => {
                let due = ReviewAskDue { order_id: order_id.clone(), ask: 7 };
                tx.schedule(self.1, &format!("ask/{order_id}"), Duration::from_millis(50), &due).await?;
            }
            _ => {}
        }
        Ok(Some(PaymentRefunded { order_id, reference: effect.clone(), ..PaymentRefunded::default() }))
    }
}
