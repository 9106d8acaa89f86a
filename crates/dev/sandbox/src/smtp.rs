//! A mail server that delivers nothing and stores everything: RFC 5321 with SIZE, PIPELINING, 8BITMIME, SMTPUTF8.
//!
//! It is written here, because the available server libraries cannot accept a mail and withhold the answer.

mod headers;
mod mailbox;
mod session;

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::fault_injector::FaultInjector;
use crate::serve::{Stop, accept};

pub(crate) use mailbox::Mailbox;

/// Accepts mail until it is stopped.
pub(crate) async fn serve(
    listener: TcpListener,
    mailbox: Arc<Mailbox>,
    injector: Arc<FaultInjector>,
    stop: Stop,
) {
    let session = |stream| {
        let (mailbox, injector) = (Arc::clone(&mailbox), Arc::clone(&injector));
        async move {
            if let Err(error) = session::run(stream, &mailbox, &injector).await {
                tracing::debug!(%error, "mail connection ended early");
            }
        }
    };
    accept(listener, stop, session).await;
}
