//! One run, and its cost per order.

use std::time::Instant;

use crate::measure::usage::{Meter, ServerPids, Shares, Usage};
use crate::result::Result;

/// One run of orders to the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) orders: usize,
    pub(crate) seconds: f64,
    pub(crate) usage: Usage,
}

impl Run {
    /// Runs `work`, which completes `orders`, and measures it. `children` are the benchmark's other processes.
    pub(crate) async fn of(
        orders: usize,
        servers: ServerPids,
        children: Vec<u32>,
        work: impl Future<Output = Result>,
    ) -> Result<Self> {
        let meter = Meter::start(servers, children)?;
        let started = Instant::now();
        work.await?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Run { orders, seconds, usage: meter.stop()? })
    }

    #[expect(clippy::cast_precision_loss, reason = "orders of a run")]
    pub(crate) fn orders_per_second(&self) -> f64 {
        self.orders as f64 / self.seconds
    }

    /// Returns the processor time of all three; `None` if it is unknown.
    pub(crate) fn cpu_ms(&self) -> Option<f64> {
        let Shares { despatch, nats, postgres } = self.usage.cpu_ms;
        Some(despatch + nats? + postgres?)
    }

    #[expect(clippy::cast_precision_loss, reason = "orders of a run")]
    pub(crate) fn per_order(&self, of: Shares<f64>) -> Shares<f64> {
        of.map(|figure| figure / self.orders as f64)
    }
}
