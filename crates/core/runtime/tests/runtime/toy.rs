//! A worker whose handlers do as an event tells them: enough to reach every verdict.

use std::time::Duration;

use despatch_contracts::order::{OrderCancelRequested, OrderCompleted};
use despatch_contracts::review::ReviewAskDue;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Fault, Handler, Migration, Policy, Tx, Verdict, Worker};

pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_toy",
    sql: "create table toy.tally (order_id text not null, what text not null, count int not null,
                                  primary key (order_id, what));
          create table toy.unique_thing (thing text primary key);",
}];

/// The worker with every toy handler.
pub(crate) fn worker() -> Worker {
    Worker::new("toy", MIGRATIONS).handler(Obey)
}

/// Does what `reason` says: a word, then perhaps a number.
pub(crate) struct Obey;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Disobeyed {
    #[error("told to fail")]
    Told(Verdict),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Fault for Disobeyed {
    fn verdict(&self) -> Verdict {
        match self {
            Disobeyed::Told(verdict) => *verdict,
            Disobeyed::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Obey {
    const NAME: &'static str = "toy.obey";
    const POLICY: Policy = Policy {
        attempts: 3,
        first_retry: Duration::from_millis(20),
        longest_retry: Duration::from_millis(50),
        defer_deadline: Duration::from_millis(500),
        ..Policy::DEFAULT
    };
    type In = OrderCancelRequested;
    type Out = Option<OrderCompleted>;
    type Error = Disobeyed;

    async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<Self::Out, Disobeyed> {
        let order = &event.order_id;
        let tries = tally(tx, order, "tries").await?;
        match event.reason.as_str() {
            "complete" => return Ok(Some(OrderCompleted { order_id: order.clone() })),
            "silent" => {}
            "fail" => return Err(Disobeyed::Told(Verdict::Retry)),
            "reject" => return Err(Disobeyed::Told(Verdict::Reject(Reason::StockShort))),
            "defer" => return Err(Disobeyed::Told(Verdict::Defer(Duration::from_millis(20)))),
            "break" => {
                tx.execute("insert into toy.no_such_table values (1)", &[]).await?;
            }
            "panic" => panic!("told to panic"),
            "timer" => {
                let due = ReviewAskDue { order_id: order.clone(), ask: 7 };
                tx.schedule(&format!("ask/{order}"), Duration::from_millis(50), &due).await?;
            }
            "no-timer" => {
                let due = ReviewAskDue { order_id: order.clone(), ask: 7 };
                tx.schedule(&format!("ask/{order}"), Duration::from_millis(50), &due).await?;
                tx.unschedule(&format!("ask/{order}")).await?;
            }
            "large" => {
                let order_id = order.clone();
                return Ok(Some(OrderCompleted { order_id: order_id.repeat(200_000) }));
            }
            other => unreachable!("no order called {other:?}"),
        }
        let _ = tries;
        Ok(None)
    }
}

async fn tally(tx: &Tx<'_>, order: &str, what: &str) -> Result<i32, DbError> {
    let row = tx
        .returning(
            "insert into toy.tally values ($1, $2, 1)
             on conflict (order_id, what) do update set count = tally.count + 1 returning count",
            &[&order, &what],
        )
        .await?;
    Ok(row[0].get(0))
}
