//! `despatch events tail`: what is published, a line each.

mod filter;
mod meaning;
mod names;
mod row;

use std::io::{ErrorKind, Write as _};
use std::sync::Arc;

use async_nats::Event;
use despatch_contracts::runtime::Envelope;
use despatch_read_model::OrderBook;
use despatch_runtime::nats_options;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use self::filter::Filter;
use self::names::OrderNames;
use self::row::{HEADER, Row};
use crate::args::TailArgs;
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::output::{cut, tell, width};
use crate::registry::Registry;
use crate::result::{Result, hinted};
use crate::signals;

/// Prints events until it is stopped. `verbose` adds every id.
pub(crate) async fn tail(
    registry: &Registry,
    config: Config,
    data_dir: &DataDir,
    args: &TailArgs,
    verbose: bool,
) -> Result {
    let config = attach(config, data_dir)?;
    let book = Arc::new(OrderBook::new(&config.settings())?);
    let filter = Filter::of(registry, &config, &book, args.filter.as_deref()).await?;
    let (servers, options) = nats_options(&config.nats_url)?;
    let (said, mut connection) = mpsc::unbounded_channel();
    let options = options.name("despatch events tail").event_callback(move |event| {
        let said = said.clone();
        async move {
            // The receiver is gone once the command ends.
            let _ = said.send(event);
        }
    });
    let client = options.connect(servers).await;
    let client =
        client.map_err(|error| hinted(format!("NATS is not reached: {error}"), "despatch doctor"))?;
    let namespace = &config.runtime.namespace;
    let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}.") };
    let mut streams = Vec::new();
    for subject in &filter.subjects {
        streams.push(client.subscribe(format!("{prefix}{subject}")).await?);
    }
    let mut messages = select_all(streams);
    let stop = signals::stop();
    tokio::pin!(stop);
    let mut names = OrderNames::new(book);
    let zone = TimeZone::system();
    if !args.json {
        emit(HEADER)?;
    }
    let mut connected = true;
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            Some(event) = connection.recv() => {
                if let Some(notice) = notice(&event, &mut connected) {
                    tell(notice);
                }
                continue;
            }
            asked = &mut stop => return Ok(asked?),
        };
        let Some(message) = message else { return Err("the connection to NATS was closed".into()) };
        let subject = message.subject.strip_prefix(&prefix).unwrap_or(&message.subject);
        let headers = message.headers.unwrap_or_default();
        let line = match Envelope::read(subject, &headers, message.payload) {
            Ok(envelope) if filter.passes(&envelope) => {
                let row = Row::new(envelope, &mut names).await;
                if args.json { row.as_json() } else { row.as_line(&zone, width(), verbose) }
            }
            Ok(_) => continue,
            Err(malformed) if args.json => row::unreadable_as_json(subject, &malformed),
            Err(malformed) => cut(&format!("{:<10}{subject} cannot be read: {malformed}", ""), width()),
        };
        if !emit(&line)? {
            return Ok(());
        }
    }
}

/// Writes a line; `false` once nobody reads any more, as after `head`.
fn emit(line: &str) -> Result<bool> {
    match writeln!(anstream::stdout(), "{line}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Returns the notice of a changed connection; `None` when nothing changed. Errors are passed over, because the client
/// tries again by itself.
fn notice(event: &Event, connected: &mut bool) -> Option<&'static str> {
    let now = match event {
        Event::Connected => true,
        Event::Disconnected | Event::Closed => false,
        _ => return None,
    };
    if now == std::mem::replace(connected, now) {
        return None;
    }
    Some(if now {
        "-- NATS is back; events go on"
    } else {
        "-- NATS is gone; waiting for it. Events of the meantime are not shown"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_goes_and_returns_is_said_once_each() {
        let mut connected = true;
        let mut said = |event| notice(&event, &mut connected).is_some();
        assert!(!said(Event::Connected), "it is connected from the start");
        assert!(said(Event::Disconnected));
        assert!(!said(Event::Disconnected));
        assert!(!said(Event::LameDuckMode));
        assert!(said(Event::Connected));
    }
}
