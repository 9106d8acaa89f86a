//! Countries to which parcels can be sent: the codes of ISO 3166-1, those that its users assigned and carriers serve, and
//! their names in English and in their own languages.
//!
//! The list is `country/countries.tsv`. Its names are from Unicode's CLDR (its licence is `data/cldr.LICENSE`), with the usual other English
//! ones. Codes change about once in ten years.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A text that is no alpha-2 code in upper case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an ISO 3166-1 alpha-2 code, found {0:?}{hint}", hint = hint(.0))]
pub struct UnknownCountry(pub String);

/// Every country: its two codes together, a tab, and its names, separated by tabs.
const COUNTRIES: &str = include_str!("country/countries.tsv");

/// The alpha-2 codes, sorted.
static CODES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| COUNTRIES.lines().filter_map(|country| country.get(..2)).collect());

/// The alpha-2 code of each alpha-3 code and of each name, as [`folded`] writes them.
static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let named = |country: &'static str| {
        let (code, alpha_3) = (&country[..2], &country[2..5]);
        let names = std::iter::once(alpha_3).chain(country[5..].split('\t').filter(|name| !name.is_empty()));
        names.map(move |name| (folded(name), code))
    };
    COUNTRIES.lines().flat_map(named).collect()
});

/// Returns whether `code` is an alpha-2 code in upper case, of ISO 3166-1 or assigned by its users: `XK` is Kosovo.
pub fn exists(code: &str) -> bool {
    CODES.binary_search(&code).is_ok()
}

/// Fails unless `code` [exists].
pub fn check(code: &str) -> Result<(), UnknownCountry> {
    if exists(code) { Ok(()) } else { Err(UnknownCountry(code.to_owned())) }
}

/// Returns the alpha-2 code of a country that is named by a code of any case, or by its name. Returns `None` if no country
/// is named so.
pub fn find(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    if let Ok(at) = CODES.binary_search(&&*upper) {
        return Some(CODES[at]);
    }
    NAMES.get(&folded(text)).copied()
}

/// Returns the code of the country that is [named](find) so. A text that names none stays as it is, for a person to correct.
pub fn normalised(text: &str) -> String {
    find(text).map_or_else(|| text.to_owned(), str::to_owned)
}

/// Returns the letters and digits of a name in lower case.
fn folded(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn hint(text: &str) -> String {
    find(text).map_or_else(String::new, |code| format!("; did you mean {code}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_distinct() {
        assert_eq!(CODES.len(), 252, "249 of ISO 3166-1, and AC, TA, XK");
        assert!(CODES.is_sorted_by(|a, b| a < b));
        for country in COUNTRIES.lines() {
            assert!(country[..5].bytes().all(|byte| byte.is_ascii_uppercase()), "{country}");
            assert!(country[5..].starts_with('\t'), "{country}");
        }
        // No name is that of two countries.
        let names: usize = COUNTRIES.lines().map(|country| folded_names(country).len()).sum();
        assert_eq!(NAMES.len(), names);
    }

    fn folded_names(country: &str) -> std::collections::BTreeSet<String> {
        std::iter::once(&country[2..5]).chain(country[6..].split('\t')).map(folded).collect()
    }

    #[test]
    fn only_assigned_codes_exist() {
        for code in ["US", "GB", "DE", "AD", "ZW", "XK"] {
            assert!(exists(code), "{code}");
        }
        for code in ["", "us", "UK", "USA", "XX", "EU", "ZZ", "É"] {
            assert!(!exists(code), "{code}");
        }
    }

    #[test]
    fn countries_are_found_by_code_and_by_name() {
        for (text, code) in [
            ("US", "US"),
            (" us ", "US"),
            ("USA", "US"),
            ("United States", "US"),
            ("U.S.A.", "US"),
            ("UK", "GB"),
            ("Great Britain", "GB"),
            ("Germany", "DE"),
            ("deutschland", "DE"),
            ("Österreich", "AT"),
            ("Cote d'Ivoire", "CI"),
            ("Côte d’Ivoire", "CI"),
            ("Korea, Republic of", "KR"),
            ("Kosovo", "XK"),
            ("XKX", "XK"),
            ("Schweiz", "CH"),
            ("日本", "JP"),
        ] {
            assert_eq!(find(text), Some(code), "{text}");
        }
        for text in ["", "Freedonia", "XX", "-", "America the Beautiful"] {
            assert_eq!(find(text), None, "{text}");
            assert_eq!(normalised(text), text);
        }
    }

    #[test]
    fn what_is_probably_meant_is_suggested() {
        for (found, said) in [
            ("USA", "expected an ISO 3166-1 alpha-2 code, found \"USA\"; did you mean US?"),
            ("de", "expected an ISO 3166-1 alpha-2 code, found \"de\"; did you mean DE?"),
            ("UK", "expected an ISO 3166-1 alpha-2 code, found \"UK\"; did you mean GB?"),
            ("Freedonia", "expected an ISO 3166-1 alpha-2 code, found \"Freedonia\""),
        ] {
            assert_eq!(check(found).unwrap_err().to_string(), said);
        }
        assert_eq!(check("US"), Ok(()));
    }
}
