//! The cost of orders: readings before and after, and the difference per order, by worker.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::deployment::{Deployment, WorkerRole};
use crate::load::run_env::RunEnv;
use crate::measure::messages::{self, StoredMessage};
use crate::measure::statements;
use crate::measure::usage::process_cpu_ms;
use crate::result::Result;

/// One worker's cost per order. `None` if it is unknown for a single worker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WorkerCost {
    pub(crate) cpu_ms: Option<f64>,
    pub(crate) statements: Option<f64>,
    pub(crate) wal_kib: Option<f64>,
    pub(crate) journal_rows: f64,
    pub(crate) messages: f64,
}

/// The cost of an order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cost {
    /// The processor time of the workers' processes.
    pub(crate) cpu_ms: f64,
    /// The growth of the write-ahead log in KiB, with commits, vacuum and full pages.
    pub(crate) wal_kib: f64,
    /// Committed transactions, the benchmark's own few included.
    pub(crate) transactions: f64,
    /// The workers in the order of an order's life.
    pub(crate) by_worker: Vec<(&'static str, WorkerCost)>,
}

impl Cost {
    /// Returns the sum of a figure over all workers, if it is known of each.
    pub(crate) fn sum(&self, figure: fn(&WorkerCost) -> Option<f64>) -> Option<f64> {
        self.by_worker.iter().map(|(_, cost)| figure(cost)).sum()
    }
}

/// The readings at one moment.
pub(crate) struct Reading {
    /// By process, in the deployment's order.
    cpu_ms: Vec<f64>,
    wal_kib: f64,
    transactions: i64,
    sequence: u64,
    /// By worker, in the deployment's order.
    journal_rows: Vec<i64>,
}

impl Reading {
    /// Reads everything.
    pub(crate) async fn take(env: &RunEnv, db: &Client, deployment: &Deployment) -> Result<Self> {
        let mut cpu_ms = Vec::with_capacity(deployment.processes.len());
        for process in &deployment.processes {
            cpu_ms.push(process_cpu_ms(process.pid()?)?);
        }
        let mut journal_rows = Vec::with_capacity(deployment.workers.len());
        for worker in &deployment.workers {
            let rows = format!("select count(*) from {}.journal", worker.name);
            journal_rows.push(db.query_one(&rows, &[]).await?.get(0));
        }
        Ok(Reading {
            cpu_ms,
            wal_kib: statements::wal_kib(db).await?,
            transactions: statements::transactions(db).await?,
            sequence: messages::last_sequence(&env.jetstream, &env.stream()).await?,
            journal_rows,
        })
    }

    /// Returns the cost of each of `orders`, from this reading to a later one. `messages` are all those on the stream.
    /// The database's extension counts statements since it was reset, if it is there.
    #[expect(clippy::cast_precision_loss, reason = "rows and messages of a run")]
    pub(crate) fn cost(
        &self,
        after: &Reading,
        orders: usize,
        deployment: &Deployment,
        messages: &[StoredMessage],
        executed: Option<&BTreeMap<String, statements::Executed>>,
    ) -> Cost {
        let each = |figure: f64| figure / orders as f64;
        let cpu: Vec<f64> =
            after.cpu_ms.iter().zip(&self.cpu_ms).map(|(after, before)| after - before).collect();
        let mut cost = Cost {
            cpu_ms: each(cpu.iter().sum()),
            wal_kib: each(after.wal_kib - self.wal_kib),
            transactions: each((after.transactions - self.transactions) as f64),
            by_worker: Vec::with_capacity(deployment.workers.len()),
        };
        for (at, WorkerRole { name, role, .. }) in deployment.workers.iter().enumerate() {
            let process = deployment.processes.iter().position(|process| process.name == *name);
            let published = |message: &&StoredMessage| {
                (self.sequence + 1..=after.sequence).contains(&message.sequence) && message.worker() == *name
            };
            let executed = executed.map(|executed| executed.get(role).copied().unwrap_or_default());
            let rows = after.journal_rows[at] - self.journal_rows[at];
            let worker = WorkerCost {
                cpu_ms: process.map(|process| each(cpu[process])),
                statements: executed.map(|executed| each(executed.statements)),
                wal_kib: executed.map(|executed| each(executed.wal_kib)),
                journal_rows: each(rows as f64),
                messages: each(messages.iter().filter(published).count() as f64),
            };
            cost.by_worker.push((name, worker));
        }
        cost
    }
}
