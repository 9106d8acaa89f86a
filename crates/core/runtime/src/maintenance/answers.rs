//! Answers operators' asks. One process of the worker answers each request.

use crate::worker::{ERROR_CODE, ERROR_TEXT};
use std::sync::Arc;

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio_util::task::TaskTracker;

use crate::backoff::Backoff;
use crate::context::WorkerContext;
use crate::nats::Names;
use crate::outbox::Outbox;
use crate::worker::{AskError, RegisteredAsk};

/// Answers asks until the process drains.
pub(crate) async fn run(ctx: Arc<WorkerContext>, asks: Vec<Arc<dyn RegisteredAsk>>, tasks: TaskTracker) {
    let mut backoff = Backoff::new();
    loop {
        let subject = ctx.broker.names().full(&Names::asks(ctx.worker));
        match ctx.broker.client().queue_subscribe(subject, ctx.worker.to_owned()).await {
            Ok(subscriber) => serve(&ctx, &asks, &tasks, subscriber).await,
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
    mut subscriber: Subscriber,
) {
    loop {
        let message = tokio::select! {
            message = subscriber.next() => message,
            () = ctx.drain.cancelled() => return,
        };
        let Some(message) = message else { return };
        let verb = message.subject.rsplit('.').next().unwrap_or_default();
        let ask = asks.iter().find(|ask| ask.verb() == verb).cloned();
        tasks.spawn(answer(ctx.clone(), ask, message));
    }
}

async fn answer(ctx: Arc<WorkerContext>, ask: Option<Arc<dyn RegisteredAsk>>, message: Message) {
    let Some(reply) = message.reply else { return };
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
