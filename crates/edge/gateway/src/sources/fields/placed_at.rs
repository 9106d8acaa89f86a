//! Times of an order: when it was placed, and when it last changed.

use prost_types::Timestamp;

use crate::sources::fields::json::Invalid;

/// Parses RFC 3339 with an offset; returns `None` if the text is empty.
pub(crate) fn read(text: &str, field: &str) -> Result<Option<Timestamp>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let instant: jiff::Timestamp = text.parse().map_err(|_| {
        Invalid::new(field, format!("expected an RFC 3339 time with its offset, found {text:?}"))
    })?;
    Ok(Some(Timestamp { seconds: instant.as_second(), nanos: instant.subsec_nanosecond() }))
}

/// Parses a time that is only a note, so an odd one is none.
pub(crate) fn note(text: &str) -> Option<Timestamp> {
    read(text, "").ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_an_offset_are_instants() {
        let read = |text| read(text, "created_at").map(|at| at.map(|at| at.to_string()));
        assert_eq!(read("2008-01-10T11:00:00-05:00"), Ok(Some("2008-01-10T16:00:00Z".into())));
        assert_eq!(read(""), Ok(None));
        for wrong in ["yesterday", "2008-01-10", "2008-01-10T11:00:00", "2008-13-10T11:00:00Z"] {
            assert_eq!(read(wrong).unwrap_err().field, "created_at", "{wrong}");
        }
    }
}
