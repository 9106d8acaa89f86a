//! A mail server that delivers nothing and keeps everything: RFC 5321 with SIZE, PIPELINING, 8BITMIME, SMTPUTF8.

mod headers;
mod mailbox;
mod session;

use std::sync::Arc;

use tokio::{net::TcpListener, task::JoinSet};

use crate::{dice::Dice, serve::Stop};
pub(crate) use mailbox::Mailbox;

/// Accepts connections until it is told to stop, and ends them before it returns.
pub(crate) async fn serve(listener: TcpListener, mailbox: Arc<Mailbox>, dice: Arc<Dice>, mut stop: Stop) {
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return sessions.shutdown().await,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a mail connection");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let (mailbox, dice) = (Arc::clone(&mailbox), Arc::clone(&dice));
        sessions.spawn(async move {
            if let Err(error) = session::run(stream, &mailbox, &dice).await {
                tracing::debug!(%error, "a mail connection ended early");
            }
        });
        while sessions.try_join_next().is_some() {}
    }
}
