//! Whether a worker's servers take what it writes: an event in the journal, a message on the stream. A server may accept
//! connections and answer questions while its disk is full.

use futures_util::future::join;

use crate::context::WorkerContext;
use crate::outbox;

/// The part of the process that is the stream, as its publishers see it.
const STREAM: &str = "stream";

/// The beginning of a part that is a worker's commits.
const COMMITS: &str = "commits/";

/// Notes in the process's health whether the servers take what this worker writes. They are asked only where everything
/// else is ready, because the other parts say more about a server that is away.
pub(crate) async fn check(ctx: &WorkerContext) {
    let parts = ctx.health.parts();
    let mut others = parts.iter().filter(|(part, _)| *part != STREAM && !part.starts_with(COMMITS));
    if !others.all(|(_, state)| state.is_ready()) {
        return;
    }
    let rehearsed = ctx.commits.ask(async { outbox::rehearse(ctx).await.map_err(|error| error.to_string()) });
    let (stored, committed) = join(ctx.broker.stores(ctx.worker), rehearsed).await;
    for (part, answer) in [(STREAM.to_owned(), stored), (commits(ctx), committed)] {
        match answer {
            Ok(()) => ctx.health.ready(&part),
            Err(why) => ctx.health.not_ready(&part, why),
        }
    }
}

/// Returns the name of the worker's commits in the health report.
pub(crate) fn commits(ctx: &WorkerContext) -> String {
    format!("{COMMITS}{}", ctx.worker)
}
