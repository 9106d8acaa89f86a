//! A stand-in for the provider that stores its requests, in tables of its own, so that they outlive a process.

use std::sync::Arc;

use despatch_runtime::EffectKey;
use despatch_testkit::TestEnv;
use tokio_postgres::Client;

/// A provider that accepts idempotency keys: however often it gets one, there is one effect.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Client>);

/// The provider's record of one key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) key: String,
    /// How often it was received.
    pub(crate) received: i32,
    /// How often the ledger called it the first time.
    pub(crate) firsts: i32,
}

impl Provider {
    pub(crate) async fn open(env: &TestEnv) -> Self {
        let db = env.db().await;
        db.batch_execute(
            "create schema if not exists provider;
             create table if not exists provider.effect (
                 key text primary key, order_id text not null, received int not null, firsts int not null);",
        )
        .await
        .unwrap();
        Provider(Arc::new(db))
    }

    pub(crate) async fn receive(&self, ask: &EffectKey, order_id: &str) {
        self.0
            .execute(
                "insert into provider.effect values ($1, $2, 1, $3) on conflict (key) do update
                    set received = effect.received + 1, firsts = effect.firsts + excluded.firsts",
                &[&ask.key, &order_id, &i32::from(ask.first)],
            )
            .await
            .unwrap();
    }

    /// Returns the effects of an order.
    pub(crate) async fn effects(&self, order_id: &str) -> Vec<Effect> {
        let sql = "select key, received, firsts from provider.effect where order_id = $1 order by key";
        let rows = self.0.query(sql, &[&order_id]).await.unwrap();
        rows.iter().map(|row| Effect { key: row.get(0), received: row.get(1), firsts: row.get(2) }).collect()
    }
}
