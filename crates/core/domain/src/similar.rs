//! "Did you mean …?": the known word that is nearest to a misspelt one.

/// Returns the known word that `word` most probably stands for; `None` if none is near.
pub fn similar<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    // Two swapped letters count as one mistake. A third of the letters may be wrong, and always one.
    let most = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&word, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns `; did you mean …?`, or nothing if no known word is near.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    similar(word, known).map_or_else(String::new, |known| format!("; did you mean {known}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_proposed_and_a_far_one_is_not() {
        let known = ["gateway", "shippo", "stripe"];
        assert_eq!(similar("gatway", known), Some("gateway"));
        assert_eq!(similar("Stirpe", known), Some("stripe"));
        assert_eq!(similar("database", known), None);
        assert_eq!(did_you_mean("shipo", known), "; did you mean shippo?");
        assert_eq!(did_you_mean("x", known), "");
    }
}
