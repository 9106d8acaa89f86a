//! The service level that the customer paid for, from shops' words for their shipping methods.

use despatch_contracts::order::ServiceLevel;

/// Words of each level. The first row with a word in the method's code or title decides.
const WORDS: [(ServiceLevel, &[&str]); 3] = [
    (ServiceLevel::SameDay, &["same day", "same-day", "same_day", "sameday"]),
    (
        ServiceLevel::FirstClass,
        &[
            "first class",
            "first-class",
            "first_class",
            "express",
            "overnight",
            "next day",
            "next-day",
            "next_day",
        ],
    ),
    (
        ServiceLevel::SecondClass,
        &["second class", "second-class", "second_class", "expedited", "priority", "2-day", "two day"],
    ),
];

/// Returns the level of a shipping method. A method that promises nothing more is standard.
pub(crate) fn of_method<'a>(names: impl IntoIterator<Item = &'a str>) -> ServiceLevel {
    let names: Vec<_> = names.into_iter().map(str::to_lowercase).collect();
    let promised = |words: &[&str]| words.iter().any(|word| names.iter().any(|name| name.contains(word)));
    WORDS.iter().find(|(_, words)| promised(words)).map_or(ServiceLevel::Standard, |(level, _)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_shops_are_known() {
        for (names, level) in [
            (&["Free Shipping", "Free Shipping"][..], ServiceLevel::Standard),
            (&["flat_rate", "Flat Rate"], ServiceLevel::Standard),
            (&["Standard Class"], ServiceLevel::Standard),
            (&["Second Class"], ServiceLevel::SecondClass),
            (&["custom", "FIRST CLASS"], ServiceLevel::FirstClass),
            (&["dhl_express"], ServiceLevel::FirstClass),
            (&["Same Day"], ServiceLevel::SameDay),
            (&[], ServiceLevel::Standard),
        ] {
            assert_eq!(of_method(names.iter().copied()), level, "{names:?}");
        }
    }
}
