//! Answers operators' asks. One process of the worker answers each request; every process answers `report`.

use std::sync::Arc;

use async_nats::{HeaderMap, Message, SubscribeError, Subscriber};
use bytes::Bytes;
use despatch_contracts::runtime::{ProcessReport, Report};
use despatch_contracts::{Ask as _, ask_subject};
use futures_util::StreamExt;
use prost::Message as _;
use tokio_util::task::TaskTracker;

use crate::backoff::Backoff;
use crate::context::WorkerContext;
use crate::health::PartState;
use crate::nats::Names;
use crate::outbox::Outbox;
use crate::worker::{AskError, ERROR_CODE, ERROR_TEXT, RECEIPT, RegisteredAsk};

/// Answers asks until the process drains.
pub(crate) async fn run(ctx: Arc<WorkerContext>, asks: Vec<Arc<dyn RegisteredAsk>>, tasks: TaskTracker) {
    let mut backoff = Backoff::new();
    loop {
        let names = ctx.broker.names();
        let (asked, reports) =
            (names.full(&Names::asks(ctx.worker)), names.full(&ask_subject(ctx.worker, Report::VERB)));
        let client = ctx.broker.client();
        let subscribed = async {
            let asked = client.queue_subscribe(asked, ctx.worker.to_owned()).await?;
            Ok::<_, SubscribeError>((asked, client.subscribe(reports).await?))
        };
        match subscribed.await {
            Ok((asked, reports)) => serve(&ctx, &asks, &tasks, asked, reports).await,
            Err(error) => tracing::debug!(worker = ctx.worker, %error, "ask subscription failed"),
        }
        tokio::select! {
            () = backoff.wait() => {}
            () = ctx.drain.cancelled() => return,
        }
    }
}

async fn serve(
    ctx: &Arc<WorkerContext>,
    asks: &[Arc<dyn RegisteredAsk>],
    tasks: &TaskTracker,
    mut asked: Subscriber,
    mut reports: Subscriber,
) {
    loop {
        let message = tokio::select! {
            message = asked.next() => message,
            message = reports.next() => {
                let Some(message) = message else { return };
                let Some(reply) = message.reply else { continue };
                let report = report(ctx).encode_to_vec().into();
                if let Err(error) = ctx.broker.client().publish(reply, report).await {
                    tracing::debug!(worker = ctx.worker, %error, "a report could not be sent");
                }
                continue;
            }
            () = ctx.drain.cancelled() => return,
        };
        let Some(message) = message else { return };
        let verb = message.subject.rsplit('.').next().unwrap_or_default();
        if verb == Report::VERB {
            // The other subscription has it too, in every process.
            continue;
        }
        let ask = asks.iter().find(|ask| ask.verb() == verb).cloned();
        tasks.spawn(answer(ctx.clone(), ask, message));
    }
}

fn report(ctx: &WorkerContext) -> ProcessReport {
    // The other workers of this process report for themselves.
    let (own, database) = (format!("{}.", ctx.worker), ctx.database_part());
    let ours = |part: &str| part.starts_with(&own) || part == database || !part.contains(['.', '/']);
    let (mut not_ready, mut degraded) = (Vec::new(), Vec::new());
    for (part, state) in ctx.health.parts().into_iter().filter(|(part, _)| ours(part)) {
        match state {
            PartState::NotReady(why) => not_ready.push(format!("{part}: {why}")),
            PartState::Degraded(why) => degraded.push(format!("{part}: {why}")),
            PartState::Ready => {}
        }
    }
    // A machine without a name is known by its process's number alone.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    ProcessReport {
        host: host.trim().to_owned(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        not_ready,
        degraded,
    }
}

async fn answer(ctx: Arc<WorkerContext>, ask: Option<Arc<dyn RegisteredAsk>>, message: Message) {
    let Some(reply) = message.reply else { return };
    let mut receipt = HeaderMap::new();
    receipt.insert(RECEIPT, "1");
    // The operator repeats a request that nobody has.
    if let Err(error) = ctx.broker.client().publish_with_headers(reply.clone(), receipt, Bytes::new()).await {
        tracing::debug!(worker = ctx.worker, %error, "an ask's receipt could not be sent");
    }
    let answered = match ask {
        Some(ask) => ask.answer(message.payload, Outbox::new(ctx.clone())).await,
        None => {
            Err(AskError::new("unknown-verb", format!("expected a known verb, found {}", message.subject)))
        }
    };
    let mut headers = HeaderMap::new();
    let payload = answered.unwrap_or_else(|error| {
        tracing::info!(worker = ctx.worker, subject = %message.subject, code = error.code, error = error.message, "ask refused");
        headers.insert(ERROR_CODE, error.code);
        // A header is one line.
        headers.insert(ERROR_TEXT, error.message.replace(['\r', '\n'], " "));
        Bytes::new()
    });
    // The operator repeats a request whose answer is lost.
    if let Err(error) = ctx.broker.client().publish_with_headers(reply, headers, payload).await {
        tracing::debug!(worker = ctx.worker, %error, "ask answer not sent");
    }
}
