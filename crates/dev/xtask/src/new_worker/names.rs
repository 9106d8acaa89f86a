//! The names derived from a worker's.

use crate::error::TaskError;

/// The task's usage.
pub(crate) const USAGE: &str = "cargo xtask new-worker NAME --group GROUP [--event MESSAGE]";

/// The business areas that `crates/workers` has a folder for.
pub(crate) const GROUPS: [&str; 5] = ["order", "warehouse", "money", "customer", "platform"];

/// A new worker's names, and its business area.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The name of the worker, its schema and its folder: `loyalty`.
    pub(crate) name: String,
    /// The business area: `customer`.
    pub(crate) group: String,
    /// The protobuf message of its event: `PointsAwarded`.
    pub(crate) event: String,
}

impl Names {
    /// Checks the names. A worker's name is a word in lower case, because it is a schema, a part of subjects and a
    /// type's name.
    pub(crate) fn new(name: &str, group: &str, event: &str) -> Result<Self, TaskError> {
        let usage = |wrong: &str| TaskError::Usage(format!("{USAGE}\n\n{wrong}"));
        if name.is_empty() || !name.chars().all(|each| each.is_ascii_lowercase()) {
            return Err(usage("NAME is one word in lower case, such as loyalty"));
        }
        if !GROUPS.contains(&group) {
            return Err(usage(&format!("--group is one of {}", GROUPS.join(", "))));
        }
        let is_type = event.starts_with(|each: char| each.is_ascii_uppercase());
        if !is_type || !event.chars().all(|each| each.is_ascii_alphanumeric()) {
            return Err(usage("--event is a message's name, such as PointsAwarded"));
        }
        Ok(Self { name: name.to_owned(), group: group.to_owned(), event: event.to_owned() })
    }

    /// `crates/workers/customer/loyalty`.
    pub(crate) fn dir(&self) -> String {
        format!("crates/workers/{}/{}", self.group, self.name)
    }

    /// `despatch-loyalty`.
    pub(crate) fn package(&self) -> String {
        format!("despatch-{}", self.name)
    }

    /// `Loyalty`.
    pub(crate) fn title(&self) -> String {
        let mut letters = self.name.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
    }

    /// The part of the event's type behind the dot: `points-awarded`.
    pub(crate) fn event_name(&self) -> String {
        let mut name = String::new();
        for letter in self.event.chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// Fills the names into a template.
    pub(crate) fn fill(&self, template: &str) -> String {
        [
            ("{{name}}", self.name.clone()),
            ("{{Name}}", self.title()),
            ("{{NAME}}", self.name.to_ascii_uppercase()),
            ("{{group}}", self.group.clone()),
            ("{{Event}}", self.event.clone()),
            ("{{event}}", self.event_name()),
        ]
        .into_iter()
        .fold(template.to_owned(), |text, (placeholder, name)| text.replace(placeholder, &name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_a_workers() {
        let names = Names::new("loyalty", "customer", "PointsAwarded").unwrap();
        assert_eq!(
            names.fill("{{name}} {{Name}} {{NAME}} {{group}} {{Event}} {{event}}"),
            "loyalty Loyalty LOYALTY customer PointsAwarded points-awarded"
        );
        assert_eq!(
            (names.dir(), names.package()),
            ("crates/workers/customer/loyalty".into(), "despatch-loyalty".into())
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (name, group, event) in [
            ("", "customer", "E"),
            ("gift-wrap", "customer", "E"),
            ("loyalty", "marketing", "E"),
            ("loyalty", "customer", "points"),
            ("loyalty", "customer", ""),
        ] {
            assert!(Names::new(name, group, event).is_err(), "{name} {group} {event}");
        }
    }
}
