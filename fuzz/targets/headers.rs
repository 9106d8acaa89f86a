//! An event's headers off the wire, line by line as the broker's client hands them over.

#![no_main]

use std::str::FromStr as _;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{EventId, Trace};
use despatch_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

const SUBJECT: &str = "evt.order.placed";

fuzz_target!(|message: &[u8]| {
    let Some(headers) = std::str::from_utf8(message).ok().and_then(parse) else { return };
    let Ok(envelope) = bounded(message, || Envelope::read(SUBJECT, &headers, "payload".into())) else {
        return;
    };

    let id = envelope.id().expect("what is read has an id");
    assert_eq!(EventId::parse(&id.to_string()), Some(id));
    assert!(EventId::first_at(id.created_at()) <= id);

    // Published again as it was read, it is read again as it was.
    let sent = envelope.headers();
    let received = parse(&written(&sent)).expect("headers");
    assert_eq!(Envelope::read(SUBJECT, &received, envelope.payload.clone()), Ok(envelope.clone()));

    if let Some(trace) = Trace::parse(&envelope.traceparent, &envelope.tracestate) {
        // All but the version, which is ours.
        assert_eq!(trace.to_string()[2..], envelope.traceparent.to_ascii_lowercase()[2..55]);
        assert_eq!(trace.state, envelope.tracestate);
    }
    assert_ne!(envelope.trace().child(), envelope.trace());
});

/// `<name>: <value>` on each line, as the broker's client takes them apart.
fn parse(lines: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        headers.append(HeaderName::from_str(name).ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some(headers)
}

fn written(headers: &HeaderMap) -> String {
    let lines = headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}
