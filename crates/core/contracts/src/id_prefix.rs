//! Prefixes of ids, as people type them.

use uuid::Uuid;

/// The fewest digits of a prefix.
const SHORTEST: usize = 4;

/// Returns the first and the last id with this prefix; `None` if it is not a prefix of an id.
pub fn id_range(beginning: &str) -> Option<(Uuid, Uuid)> {
    let digits = beginning.replace('-', "");
    if !(SHORTEST..=32).contains(&digits.len()) {
        return None;
    }
    let filled = |with: &str| Uuid::try_parse(&format!("{digits}{}", with.repeat(32 - digits.len()))).ok();
    Some((filled("0")?, filled("f")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_stands_for_every_id_that_has_it() {
        let ids = |text| id_range(text).map(|(first, last)| (first.to_string(), last.to_string()));
        let first = "01a2285f-9000-0000-0000-000000000000";
        let last = "01a2285f-9fff-ffff-ffff-ffffffffffff";
        assert_eq!(ids("01A2285F-9"), Some((first.to_owned(), last.to_owned())));
        assert_eq!(ids(first), Some((first.to_owned(), first.to_owned())));
        assert_eq!([ids("01a"), ids("help"), ids(""), ids(&"0".repeat(33))], [None, None, None, None]);
    }
}
