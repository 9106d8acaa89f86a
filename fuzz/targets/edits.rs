//! Events that somebody edited, as JSON. The first byte chooses the type.

#![no_main]

use despatch_contracts::{ALL, Bytes, json, subject_of};
use despatch_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let event_type = ALL[usize::from(*choice) % ALL.len()];
    // Descriptors are read once, at the first use of any.
    json::to_json(event_type, Bytes::new()).expect("every type has a form");
    let payload = match bounded(text.as_bytes(), || json::from_json(event_type, text)) {
        Ok(payload) => payload,
        Err(unfit) => return assert!(!unfit.to_string().is_empty()),
    };
    // An accepted event is of its type, and is the same when it is shown again.
    subject_of(event_type, payload.clone()).expect("an event of its type");
    let shown = json::to_json(event_type, payload.clone()).expect("what was taken can be shown");
    assert_eq!(json::from_json(event_type, &shown.to_string()).as_ref(), Ok(&payload), "{shown}");
});
