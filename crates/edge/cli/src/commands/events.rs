//! `despatch events tail`: what is published, a line each.

use despatch_contracts::Subject;
use despatch_contracts::runtime::Envelope;
use despatch_runtime::connect_nats;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use uuid::Uuid;

use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::result::Result;
use crate::signals;

/// Prints events until it is stopped.
pub(crate) async fn tail(config: Config, data_dir: &DataDir, filter: Option<&str>) -> Result {
    let config = attach(config, data_dir)?;
    let client = connect_nats(&config.nats_url, "despatch events tail").await?;
    let namespace = &config.runtime.namespace;
    let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}.") };
    let order = filter.filter(|filter| Uuid::try_parse(filter).is_ok());
    let subjects = match filter {
        Some(subject) if order.is_none() => vec![subject],
        _ => vec!["evt.>", "dead.>"],
    };
    let mut streams = Vec::new();
    for subject in subjects {
        streams.push(client.subscribe(format!("{prefix}{subject}")).await?);
    }
    let mut messages = select_all(streams);
    let stop = signals::stop();
    tokio::pin!(stop);
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            asked = &mut stop => return Ok(asked?),
        };
        let Some(message) = message else { return Err("the connection to NATS was closed".into()) };
        let subject = message.subject.strip_prefix(&prefix).unwrap_or(&message.subject);
        let headers = message.headers.unwrap_or_default();
        match Envelope::read(subject, &headers, message.payload) {
            Ok(envelope)
                if order.is_none_or(|order| Subject::order(order).to_string() == envelope.subject) =>
            {
                let time = envelope.time.map(|time| time.to_string()).unwrap_or_default();
                println!(
                    "{time:<30} {:<36} {} event {}#{} from {} trace {}",
                    envelope.nats_subject,
                    envelope.subject,
                    envelope.event_id,
                    envelope.generation,
                    envelope.source,
                    envelope.trace().trace_id,
                );
            }
            Ok(_) => {}
            Err(malformed) => println!("{:<30} {subject:<36} unreadable: {malformed}", ""),
        }
    }
}
