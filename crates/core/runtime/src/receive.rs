//! The first stage: messages off the broker, as many as there is room for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::broker::Names;
use crate::delivery::{Delivery, Held};
use crate::host::Host;
use crate::job::HandlerSpec;
use crate::meters::Meters;
use crate::pull::{Pulled, Puller, pending};

/// A delivery and the room that it takes.
pub(crate) struct Received {
    pub(crate) delivery: Delivery,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Pulls until the process drains.
pub(crate) async fn receive(
    host: Arc<Host>,
    spec: HandlerSpec,
    meters: Meters,
    held: Held,
    admit: mpsc::UnboundedSender<Received>,
) {
    let window = spec.policy.batch * 2 + if spec.has_effects { spec.policy.concurrency } else { 0 };
    let room = Arc::new(Semaphore::new(window));
    while !admit.is_closed() && consumer_there(&host, spec.name).await {
        match Puller::new(&host.broker, &Names::consumer(spec.name)).await {
            Ok(puller) => {
                let why = pull(&host, &meters, puller, (window, &room), &held, &admit).await;
                tracing::debug!(handler = spec.name, why, "pulling ended");
                if !host.drain.is_cancelled() {
                    held.sever();
                }
            }
            Err(error) => host.health.not_ready(spec.name, error.to_string()),
        }
        pause(&host).await;
    }
}

/// Pulls until there is a reason not to; answers it. A drain first hears the standing request out, since the server may
/// be filling it at this moment.
async fn pull(
    host: &Host,
    meters: &Meters,
    mut puller: Puller,
    (window, room): (usize, &Arc<Semaphore>),
    held: &Held,
    admit: &mpsc::UnboundedSender<Received>,
) -> String {
    let mut reached = host.broker.connections();
    loop {
        if !puller.is_asking() {
            // Half a window at a time: a request per message would cost more than the messages.
            let free = room.clone().acquire_many_owned(u32::try_from(window / 2).unwrap_or(1));
            tokio::select! {
                free = free => drop(free),
                Ok(()) = reached.changed() => {
                    held.sever();
                    continue;
                }
                () = host.drain.cancelled() => return "draining".to_owned(),
            }
            if host.drain.is_cancelled() {
                return "draining".to_owned();
            }
            if !host.broker.is_connected() {
                // Requests would pile up and all be filled after the reconnection.
                pause(host).await;
                continue;
            }
            if let Err(error) = puller.ask(room.available_permits()).await {
                return error.to_string();
            }
        }
        let mut answer = tokio::select! {
            answer = puller.next() => answer,
            Ok(()) = reached.changed() => {
                puller.forget();
                held.sever();
                continue;
            }
            () = host.abandon.cancelled() => return "abandoned".to_owned(),
        };
        let (mut messages, mut oldest) = (0, Duration::ZERO);
        loop {
            match answer {
                Pulled::Nothing => break,
                Pulled::Missing(why) => return why,
                Pulled::Message(message) => {
                    if let Some(delivery) = Delivery::take(*message, &host.broker, held) {
                        (messages, oldest) = (messages + 1, oldest.max(delivery.age()));
                        let room = room.clone().try_acquire_owned().ok();
                        if admit.send(Received { delivery, room }).is_err() {
                            return "nobody admits what is received".to_owned();
                        }
                    }
                }
            }
            let Some(more) = puller.next().now_or_never() else { break };
            answer = more;
        }
        meters.received(messages, oldest);
    }
}

/// Waits until the handler's consumer exists: only then is the handler ready. `false` when the process drains first.
async fn consumer_there(host: &Host, handler: &str) -> bool {
    let consumer = Names::consumer(handler);
    while !host.drain.is_cancelled() {
        if pending(&host.broker, &consumer).await.is_some() {
            host.health.ready(handler);
            return true;
        }
        host.health.not_ready(handler, format!("consumer {consumer} is not there"));
        host.missing.notify_one();
        pause(host).await;
    }
    false
}

async fn pause(host: &Host) {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(250)) => {}
        () = host.drain.cancelled() => {}
    }
}
