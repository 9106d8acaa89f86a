//! The first stage: receives as many messages as there is room for.

use crate::nats::pull::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::context::WorkerContext;
use crate::nats::{Delivery, InFlight, Names, PullEvent, PullSubscription};
use crate::telemetry::Metrics;
use crate::worker::HandlerSpec;

/// A delivery, and the room that it takes.
pub(crate) struct Received {
    pub(crate) delivery: Delivery,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Receives messages until the process drains.
pub(crate) async fn receive(
    ctx: Arc<WorkerContext>,
    spec: Arc<HandlerSpec>,
    metrics: Metrics,
    held: InFlight,
    admit: mpsc::UnboundedSender<Received>,
) {
    let window = spec.policy.batch * 2 + if spec.has_effects { spec.policy.concurrency } else { 0 };
    let room = Arc::new(Semaphore::new(window));
    while !admit.is_closed() && consumer_there(&ctx, spec.name).await {
        match PullSubscription::new(&ctx.broker, &Names::consumer(spec.name)).await {
            Ok(subscription) => {
                let why = pull(&ctx, &metrics, subscription, (window, &room), &held, &admit).await;
                tracing::debug!(handler = spec.name, why, "pull ended");
                if !ctx.drain.is_cancelled() {
                    held.invalidate();
                }
            }
            Err(error) => ctx.health.not_ready(spec.name, error.to_string()),
        }
        pause(&ctx).await;
    }
}

/// Pulls messages until there is a reason to stop, and returns the reason. A drain first waits for the end of the
/// pending request, since the server may be filling it at this moment.
async fn pull(
    ctx: &WorkerContext,
    metrics: &Metrics,
    mut subscription: PullSubscription,
    (window, room): (usize, &Arc<Semaphore>),
    held: &InFlight,
    admit: &mpsc::UnboundedSender<Received>,
) -> String {
    let mut reached = ctx.broker.connections();
    loop {
        if !subscription.is_asking() {
            // Half a window at a time, because a request per message would cost more than the messages.
            let free = room.clone().acquire_many_owned(u32::try_from(window / 2).unwrap_or(1));
            tokio::select! {
                free = free => drop(free),
                Ok(()) = reached.changed() => {
                    held.invalidate();
                    continue;
                }
                () = ctx.drain.cancelled() => return "draining".to_owned(),
            }
            if ctx.drain.is_cancelled() {
                return "draining".to_owned();
            }
            if !ctx.broker.is_connected() {
                // Without a connection, requests would pile up and all be filled after the reconnection.
                pause(ctx).await;
                continue;
            }
            if let Err(error) = subscription.ask(room.available_permits()).await {
                return error.to_string();
            }
        }
        let mut answer = tokio::select! {
            answer = subscription.next() => answer,
            Ok(()) = reached.changed() => {
                subscription.forget();
                held.invalidate();
                continue;
            }
            () = ctx.abandon.cancelled() => return "abandoned".to_owned(),
        };
        let (mut messages, mut oldest) = (0, Duration::ZERO);
        loop {
            match answer {
                PullEvent::Nothing => break,
                PullEvent::Missing(why) => return why,
                PullEvent::Message(message) => {
                    if let Some(delivery) = Delivery::take(*message, &ctx.broker, held) {
                        (messages, oldest) = (messages + 1, oldest.max(delivery.age(ctx.clock.now())));
                        let room = room.clone().try_acquire_owned().ok();
                        if admit.send(Received { delivery, room }).is_err() {
                            return "the next stage has ended".to_owned();
                        }
                    }
                }
            }
            let Some(more) = subscription.next().now_or_never() else { break };
            answer = more;
        }
        metrics.received(messages, oldest);
    }
}

/// Waits until the handler's consumer exists, and then reports the handler as ready. Returns `false` if the process
/// drains first.
async fn consumer_there(ctx: &WorkerContext, handler: &str) -> bool {
    let consumer = Names::consumer(handler);
    while !ctx.drain.is_cancelled() {
        if pending(&ctx.broker, &consumer).await.is_some() {
            ctx.health.ready(handler);
            return true;
        }
        ctx.health.not_ready(handler, format!("consumer {consumer} does not exist yet"));
        ctx.consumer_missing.notify_one();
        pause(ctx).await;
    }
    false
}

async fn pause(ctx: &WorkerContext) {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(250)) => {}
        () = ctx.drain.cancelled() => {}
    }
}
