//! The shape of a configuration: the annotated defaults, with a complete entry of everything whose entries are the
//! operator's own. A value is tried by putting it, alone, in the place of the one there.

use toml::{Table, Value};

use super::file::Config;
use super::key::{Key, Step};
use super::section::Section;
use despatch_domain::similar::did_you_mean;

/// The annotated default file, without what workers bring with them.
const DEFAULTS: &str = include_str!("../default.toml");

/// A complete entry of everything that is a list or a table of entries.
const ENTRIES: &str = include_str!("entries.toml");

/// The name of such an entry in its table.
const ENTRY: &str = "entry";

/// The annotated default file, whole.
pub(crate) fn defaults(sections: &[Section]) -> String {
    let own = sections.iter().map(|section| format!("\n{}", section.defaults));
    std::iter::once(DEFAULTS.to_owned()).chain(own).collect()
}

/// The keys that there are, each with a value that is good.
pub(super) struct Shape<'s> {
    /// The values that apply unless a file or the environment sets them.
    pub(super) defaults: Table,
    complete: Value,
    sections: &'s [Section],
}

impl<'s> Shape<'s> {
    /// Fails only where a program's own worker brings a table that is none.
    pub(super) fn new(sections: &'s [Section]) -> Result<Self, String> {
        let built_in = |text: &str| text.parse().map_err(|error| format!("the built-in defaults: {error}"));
        let mut defaults: Table = built_in(DEFAULTS)?;
        for section in sections {
            let own = Value::Table(section.table()?);
            if defaults.insert(section.name.to_owned(), own).is_some() {
                return Err(format!("[{}] is a table of the configuration already", section.name));
            }
        }
        let mut complete = defaults.clone();
        lay(&mut complete, built_in(ENTRIES)?);
        Ok(Shape { defaults, complete: Value::Table(complete), sections })
    }

    /// The good value in the place of a key; `None` where there is no such key.
    pub(super) fn value(&self, key: &Key) -> Option<&Value> {
        self.place(key)?.get(&self.complete)
    }

    /// Whether a table's keys are the operator's.
    pub(super) fn is_open(&self, table: &Key) -> bool {
        matches!(self.value(table), Some(Value::Table(table)) if table.contains_key(ENTRY))
    }

    /// The keys of an entry that it cannot do without.
    pub(super) fn needed(&self, entry: &Key) -> Vec<String> {
        let Some(Value::Table(good)) = self.value(entry) else { return Vec::new() };
        let fails_without = |name: &&String| {
            let mut without = good.clone();
            without.remove(*name);
            self.try_out(entry, Value::Table(without)).is_err()
        };
        good.keys().filter(fails_without).cloned().collect()
    }

    /// The problem of a value of the right type, if there is one.
    pub(super) fn refusal(&self, key: &Key, value: &Value) -> Option<String> {
        let error = self.try_out(key, value.clone()).err()?;
        if let Some((unknown, known)) = unknown_variant(&error) {
            let similar = did_you_mean(unknown, known.iter().copied());
            return Some(format!("expected {}, found {unknown:?}{similar}", alternatives(&known)));
        }
        let good = self.value(key).map(ToString::to_string).unwrap_or_default();
        let least = matches!(value, Value::Integer(number) if *number < 0);
        Some(if least {
            format!("expected 0 or more, found {value}")
        } else {
            format!("expected a value such as {good}, found {value}: {error}")
        })
    }

    /// Reads the configuration with a value in the place of the good one.
    fn try_out(&self, key: &Key, value: Value) -> Result<(), String> {
        let mut whole = self.complete.clone();
        let place = self.place(key).and_then(|place| Some(place.get_mut(&mut whole)? as &mut Value));
        let Some(place) = place else { return Err("no such key".to_owned()) };
        *place = value;
        let Value::Table(mut whole) = whole else { return Ok(()) };
        for section in self.sections {
            let own = whole.remove(section.name).unwrap_or_else(|| Table::new().into());
            if key.is_in(&Key::default().name(section.name)) {
                return (section.check)(own);
            }
        }
        Value::Table(whole).try_into::<Config>().map(drop).map_err(|error| error.message().to_owned())
    }

    /// The key with those names and indices that are the operator's replaced.
    fn place(&self, key: &Key) -> Option<Key> {
        let mut place = Key::default();
        for step in key.steps() {
            place = match (step, place.get(&self.complete)?) {
                (Step::Name(_), Value::Table(table)) if table.contains_key(ENTRY) => place.name(ENTRY),
                (Step::Name(name), Value::Table(_)) => place.name(name),
                (Step::Index(_), Value::Array(_)) => place.index(0),
                _ => return None,
            };
        }
        Some(place)
    }
}

/// Lays entries over the defaults.
fn lay(under: &mut Table, over: Table) {
    for (name, value) in over {
        match (under.get_mut(&name), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay(under, over),
            (_, value) => drop(under.insert(name, value)),
        }
    }
}

/// The name that an error complains of, and those that it knows, as serde words it: "unknown variant `a`, expected one of
/// `b`, `c`".
fn unknown_variant(error: &str) -> Option<(&str, Vec<&str>)> {
    let (unknown, known) = error.strip_prefix("unknown variant `")?.split_once("`, expected ")?;
    Some((unknown, known.split('`').skip(1).step_by(2).collect()))
}

fn alternatives(known: &[&str]) -> String {
    match known {
        [only] => format!("{only:?}"),
        _ => format!("one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_complete_entries_are_good_and_say_what_is_needed() {
        let shape = Shape::new(&[]).unwrap();
        for (entry, needed) in [
            ("labels.rules[3]", &["carrier"][..]),
            ("labels.cartons[0]", &["height_cm", "length_cm", "packaging_grams", "width_cm"]),
            ("gateway.shopify[0]", &["name", "secrets", "source"]),
            ("runtime.policies.\"labels.create\"", &[]),
        ] {
            let key = Key::parse(entry);
            let good = shape.value(&key).unwrap().clone();
            assert_eq!(shape.refusal(&key, &good), None, "{entry}");
            assert_eq!(shape.needed(&key), needed, "{entry}");
        }
        assert!(shape.is_open(&Key::parse("databases")));
        assert!(!shape.is_open(&Key::parse("labels")));
    }

    #[test]
    fn a_value_is_refused_with_what_was_expected() {
        let shape = Shape::new(&[]).unwrap();
        let refusal = |key: &str, value: Value| shape.refusal(&Key::parse(key), &value).unwrap();
        assert_eq!(
            refusal("labels.rules[1].carrier", "shipo".into()),
            "expected one of shippo, own, found \"shipo\"; did you mean shippo?"
        );
        assert_eq!(refusal("runtime.connections", (-1).into()), "expected 0 or more, found -1");
        let found = refusal("gateway.listen", "8080".into());
        assert!(found.starts_with("expected a value such as \"127.0.0.1:8080\", found \"8080\""), "{found}");
        let levels = Value::Array(vec!["standard".into(), "frist-class".into()]);
        assert!(refusal("labels.rules[0].service_levels", levels).ends_with("did you mean first-class?"));
    }
}
