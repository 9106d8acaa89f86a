//! A mail server that delivers nothing and keeps everything: RFC 5321 with SIZE, PIPELINING, 8BITMIME, SMTPUTF8.

mod headers;
mod mailbox;
mod session;

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::{
    dice::Dice,
    serve::{Stop, accept},
};
pub(crate) use mailbox::Mailbox;

/// Takes mail until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, mailbox: Arc<Mailbox>, dice: Arc<Dice>, stop: Stop) {
    let session = |stream| {
        let (mailbox, dice) = (Arc::clone(&mailbox), Arc::clone(&dice));
        async move {
            if let Err(error) = session::run(stream, &mailbox, &dice).await {
                tracing::debug!(%error, "a mail connection ended early");
            }
        }
    };
    accept(listener, stop, session).await;
}
