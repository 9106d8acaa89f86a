//! The first stage: messages off the broker, as many as there is room for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::broker::Names;
use crate::delivery::{Delivery, Held};
use crate::host::Host;
use crate::job::Spec;
use crate::pull::{Pulled, Puller, pending};

/// A delivery and the room that it takes.
pub(crate) struct Received {
    pub(crate) delivery: Delivery,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Pulls until the process drains.
pub(crate) async fn receive(host: Arc<Host>, spec: Spec, held: Held, admit: mpsc::UnboundedSender<Received>) {
    let window = spec.policy.batch * 2 + if spec.outside { spec.policy.concurrency } else { 0 };
    let room = Arc::new(Semaphore::new(window));
    let mut reached = host.broker.connections();
    while !host.drain.is_cancelled() {
        let mut puller = match Puller::new(&host.broker, &Names::consumer(spec.name)).await {
            Ok(puller) => puller,
            Err(error) => {
                host.health.waiting(spec.name, error.to_string());
                pause(&host).await;
                continue;
            }
        };
        if !consumer_there(&host, spec.name).await {
            continue;
        }
        loop {
            if !puller.is_asking() {
                // Half a window at a time: a request per message would cost more than the messages.
                let free = room.clone().acquire_many_owned(u32::try_from(window / 2).unwrap_or(1));
                let free = tokio::select! {
                    free = free => free,
                    () = host.drain.cancelled() => break,
                };
                drop(free);
                if let Err(error) = puller.ask(room.available_permits()).await {
                    host.health.waiting(spec.name, error.to_string());
                    pause(&host).await;
                    continue;
                }
            }
            let pulled = tokio::select! {
                pulled = puller.next() => pulled,
                changed = reached.changed() => {
                    if changed.is_ok() {
                        puller.forget();
                    }
                    continue;
                }
                () = host.drain.cancelled() => break,
            };
            match pulled {
                Pulled::Message(message) => {
                    let mut next = Some(message);
                    while let Some(message) = next {
                        if let Some(delivery) = Delivery::take(*message, &host.broker, &held) {
                            let room = room.clone().try_acquire_owned().ok();
                            if admit.send(Received { delivery, room }).is_err() {
                                return;
                            }
                        }
                        next = match puller.next().now_or_never() {
                            Some(Pulled::Message(message)) => Some(message),
                            _ => None,
                        };
                    }
                }
                Pulled::Ended => {}
                Pulled::Missing(why) => {
                    tracing::debug!(handler = spec.name, why, "a request came back");
                    if !consumer_there(&host, spec.name).await {
                        break;
                    }
                }
            }
        }
        // What was sent before the server heard that we leave is given back at once.
        for message in puller.stop().await {
            if let Some(delivery) = Delivery::take(message, &host.broker, &held) {
                delivery.give_back(Duration::ZERO).await;
            }
        }
    }
}

/// Waits until the handler's consumer exists: only then is the handler ready. `false` when the process drains first.
async fn consumer_there(host: &Host, handler: &str) -> bool {
    let consumer = Names::consumer(handler);
    while !host.drain.is_cancelled() {
        if pending(&host.broker, &consumer).await.is_some() {
            host.health.working(handler);
            return true;
        }
        host.health.waiting(handler, format!("consumer {consumer} is not there"));
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
