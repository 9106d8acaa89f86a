//! Names of people.

/// Joins a first and a last name, either of which may be missing.
pub(crate) fn full_name(first: &str, last: &str) -> String {
    format!("{first} {last}").trim().to_owned()
}
