//! A worker that waits for a provider most of the time, like `labels`. For each message it asks a carrier that answers
//! after a fixed time, then records a row. So its requests in flight limit what a process does per second, not its
//! core, and more processes do more on the same cores.

use std::time::Duration;

use despatch_runtime::{Attempt, EffectHandler, Policy, Reader, Tx, Worker};
use uuid::Uuid;

use crate::load::steps::{self, StepError, StepInput};

/// The step of the flow that it replaces.
pub(crate) const STEP: usize = 2;

struct Create {
    answers_after: Duration,
}

impl EffectHandler for Create {
    const NAME: &'static str = steps::HANDLERS[STEP];
    type In = StepInput<STEP>;
    type Plan = ();
    type Response = ();
    type Out = ();
    type Error = StepError;

    async fn prepare(&self, _: &Self::In, _: &Reader<'_>) -> Result<(), StepError> {
        Ok(())
    }

    async fn perform(&self, (): &(), attempt: &Attempt) -> Result<(), StepError> {
        attempt.begin("label", "").await?;
        tokio::time::sleep(self.answers_after).await;
        Ok(())
    }

    async fn record(&self, event: &Self::In, (): &(), (): &(), tx: &Tx<'_>) -> Result<(), StepError> {
        let StepInput(parcel) = event;
        let order_id = Uuid::try_parse(&parcel.order_id)?;
        tx.execute_batched(steps::RECORD[STEP], (order_id, steps::result(parcel))).await?;
        Ok(())
    }
}

/// Creates the worker, whose carrier answers after this time.
pub(crate) fn worker(answers_after: Duration) -> Worker {
    Worker::new(steps::SCHEMAS[STEP], steps::MIGRATIONS[STEP]).effect_handler(Create { answers_after })
}

/// Returns the messages per second of one process.
#[expect(clippy::cast_precision_loss, reason = "asks in flight")]
pub(crate) fn messages_per_second(answers_after: Duration) -> f64 {
    Policy::DEFAULT.concurrency as f64 / answers_after.as_secs_f64()
}
