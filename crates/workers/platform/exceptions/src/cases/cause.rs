//! The cause of a failure: its error text without what differs from event to event.

/// The most characters of a cause.
const LONGEST: usize = 200;

/// The text in the place of a number, an id or a quoted text.
const VARYING: &str = "…";

/// The error text with every word that has a digit, and every text in double quotes, replaced. Cases of one reason whose
/// errors differ in nothing else have one cause.
pub(super) fn cause(error: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let unquoted = without_quoted(error);
    for word in unquoted.split_whitespace() {
        let word = if word.contains(|c: char| c.is_ascii_digit()) { VARYING } else { word };
        if word != VARYING || words.last() != Some(&VARYING) {
            words.push(word);
        }
    }
    words.join(" ").chars().take(LONGEST).collect()
}

/// The text without what stands in double quotes; a quotation mark without its partner stays.
fn without_quoted(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once('"') {
        let Some((_, behind)) = after.split_once('"') else { break };
        kept.push_str(before);
        kept.push_str("\"…\"");
        rest = behind;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_in_ids_and_numbers_have_one_cause() {
        for (one, other, expected) in [
            (
                "4 of OFF-BI-10003910 wanted, 0 there",
                "2 of TEC-AC-10002049 wanted, 1 there",
                "… of … wanted, … there",
            ),
            (
                r#"No such payment_intent "pi_1""#,
                r#"No such payment_intent "pi_b zz""#,
                r#"No such payment_intent "…""#,
            ),
            ("timeout after 30s\n at 10.0.0.1:80", "timeout after 5s at 10.0.0.2:80", "timeout after … at …"),
            ("line 3 4 is wrong", "line 7 is wrong", "line … is wrong"),
        ] {
            assert_eq!(cause(one), expected);
            assert_eq!(cause(other), expected);
        }
    }

    #[test]
    fn errors_that_say_other_things_have_other_causes() {
        assert_ne!(cause("the card was declined: lost_card"), cause("the card was declined: expired_card"));
        assert_eq!(cause(r#"5" pipe"#), "… pipe", "one quotation mark");
        assert_eq!(cause(""), "");
        assert_eq!(cause(&"é".repeat(500)).chars().count(), LONGEST);
    }
}
