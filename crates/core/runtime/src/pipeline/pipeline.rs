//! A handler's stages and the queues between them.

use crate::pipeline::{
    admit::admit, perform::perform, publish::publish, quarantine::quarantine, receive::receive,
    record::record,
};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::backoff::Backoff;
use crate::context::WorkerContext;
use crate::nats::InFlight;
use crate::supervise::supervised;
use crate::telemetry::Metrics;
use crate::worker::{HandlerSpec, RegisteredHandler};

/// Recorded batches of a handler that may wait for the publisher.
const PUBLISH_QUEUE: usize = 8;

/// Runs a handler until the process drains. If its pipeline ends early, which only a fault of the runtime causes, it
/// builds the pipeline again, and the broker delivers its messages again.
pub(crate) async fn run_handler(
    ctx: Arc<WorkerContext>,
    handler: Arc<dyn RegisteredHandler>,
    tasks: TaskTracker,
) {
    let mut spec = handler.spec().clone();
    if let Some(tuned) = ctx.settings.policies.get(spec.name) {
        spec.policy = tuned.apply(spec.policy);
    }
    let mut backoff = Backoff::new();
    while !ctx.drain.is_cancelled() {
        let in_flight = InFlight::default();
        let mut publisher = pipeline(&ctx, &handler, &spec, &in_flight, &tasks);
        tokio::select! {
            _ = &mut publisher => {}
            () = supervised("progress", || keep_alive(&ctx, &in_flight)) => {}
            () = ctx.abandon.cancelled() => return,
        }
        if !ctx.drain.is_cancelled() {
            tracing::error!(handler = spec.name, "pipeline ended: building it again");
            ctx.health.not_ready(spec.name, "the pipeline ended");
            backoff.wait().await;
        }
    }
}

/// Starts a handler's stages, joined by queues. Each ends after the one before it, so a drain empties them in order.
/// Returns the last one.
fn pipeline(
    ctx: &Arc<WorkerContext>,
    handler: &Arc<dyn RegisteredHandler>,
    spec: &HandlerSpec,
    in_flight: &InFlight,
    tasks: &TaskTracker,
) -> tokio::task::JoinHandle<()> {
    let spec = Arc::new(spec.clone());
    let metrics = Metrics::of(ctx.worker, spec.name);
    let (to_admit, received) = mpsc::unbounded_channel();
    let (to_quarantine, redelivered) = mpsc::unbounded_channel();
    let (to_record, ready) = mpsc::unbounded_channel();
    let (to_publish, recorded) = mpsc::channel(PUBLISH_QUEUE);
    let admitted = if spec.has_effects {
        let (to_perform, admitted) = mpsc::unbounded_channel();
        tasks.spawn(perform(ctx.clone(), spec.clone(), metrics.clone(), admitted, to_record));
        to_perform
    } else {
        to_record
    };
    tasks.spawn(receive(ctx.clone(), spec.clone(), metrics.clone(), in_flight.clone(), to_admit));
    let next = (admitted.clone(), to_quarantine);
    tasks.spawn(admit(ctx.clone(), handler.clone(), spec.clone(), metrics.clone(), received, next));
    tasks.spawn(quarantine(ctx.clone(), spec.clone(), redelivered, admitted));
    tasks.spawn(record(ctx.clone(), spec.clone(), metrics.clone(), ready, to_publish));
    tasks.spawn(publish(ctx.clone(), spec, metrics, recorded))
}

/// Sends progress acks for messages in flight before their ack wait is over.
async fn keep_alive(ctx: &WorkerContext, in_flight: &InFlight) {
    let third = ctx.settings.ack_wait / 3;
    let mut tick = tokio::time::interval(third);
    loop {
        tick.tick().await;
        in_flight.progress(ctx.broker.client(), third / 2).await;
    }
}
