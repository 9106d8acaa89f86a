//! A worker named `author`. Each test takes the handlers that it needs.

use std::time::Duration;

use despatch_contracts::order::{OrderCancelRequested, OrderCompleted};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Migration, Policy, StartAt, Tx, Verdict};
use despatch_testkit::TestEnv;

pub(crate) const TABLES: &[Migration] = &[Migration {
    name: "0001_author",
    sql: "create table author.handled (order_id text not null, handler text not null);
          create table author.ready (at timestamptz);",
}];

#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorError {
    #[error("told to")]
    Told(Verdict),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for AuthorError {
    fn verdict(&self) -> Verdict {
        match self {
            AuthorError::Told(verdict) => *verdict,
            AuthorError::Database(_) => Verdict::Reject(Reason::PayloadUndecodable),
        }
    }
}

pub(crate) async fn note(tx: &Tx<'_>, order_id: &str, handler: &str) -> Result<(), AuthorError> {
    tx.execute("insert into author.handled values ($1, $2)", &[&order_id, &handler]).await?;
    Ok(())
}

/// Returns the handlers of an order, sorted.
pub(crate) async fn handled(env: &TestEnv, order_id: &str) -> Vec<String> {
    let sql = "select handler from author.handled where order_id = $1 order by 1";
    let rows = env.db().await.query(sql, &[&order_id]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Always fails.
pub(crate) struct Fails;

impl Handler for Fails {
    const NAME: &'static str = "author.fail";
    type In = OrderCancelRequested;
    type Out = ();
    type Error = AuthorError;

    async fn record(&self, _: &Self::In, _: &Tx<'_>) -> Result<(), AuthorError> {
        Err(AuthorError::Told(Verdict::Retry))
    }
}

/// Records which version handled an order; the name tells the versions apart.
pub(crate) struct Named<const VERSION: usize>;

macro_rules! named {
    ($version:literal, $name:literal, $former:expr, $start:expr) => {
        impl Handler for Named<$version> {
            const NAME: &'static str = $name;
            const FORMER_NAMES: &'static [&'static str] = $former;
            const START_AT: StartAt = $start;
            const POLICY: Policy = Policy { first_retry: Duration::from_secs(3600), ..Policy::DEFAULT };
            type In = OrderCancelRequested;
            type Out = Option<OrderCompleted>;
            type Error = AuthorError;

            async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<Self::Out, AuthorError> {
                if event.reason == "fail" && tx.query_opt("select from author.ready", &[]).await?.is_none() {
                    return Err(AuthorError::Told(Verdict::Retry));
                }
                note(tx, &event.order_id, Self::NAME).await?;
                Ok(Some(OrderCompleted { order_id: event.order_id.clone() }))
            }
        }
    };
}

named!(1, "author.old", &[], StartAt::Beginning);
named!(2, "author.new", &["author.old"], StartAt::Beginning);
named!(3, "author.late", &[], StartAt::Creation);
