//! Text that must fit somewhere.

use std::borrow::Cow;

/// Shortens a text to at most this many characters. If it leaves something out, the last one is `…`.
pub fn truncate(text: &str, longest: usize) -> Cow<'_, str> {
    let Some(last) = longest.checked_sub(1) else { return Cow::Borrowed("") };
    let mut ends = text.char_indices().map(|(end, _)| end).skip(last);
    match (ends.next(), ends.next()) {
        (Some(end), Some(_)) => Cow::Owned(format!("{}…", &text[..end])),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_and_what_is_left_out_shows() {
        assert_eq!(truncate("Zoë", 3), "Zoë");
        assert_eq!(truncate("Zoë M.", 3), "Zo…");
        assert_eq!(truncate("éé", 1), "…");
        assert_eq!(truncate("", 1), "");
        assert_eq!(truncate("a", 0), "");
    }
}
