//! Lays the operator's file and the environment over the defaults, key by key.

use toml::{Table, Value};

use super::error::ConfigError;
use super::file::Config;
use super::section::Section;

/// The annotated default file, without what workers bring with them.
const DEFAULTS: &str = include_str!("../default.toml");

/// Variables of the same prefix that are not keys of the file.
const OTHER_VARIABLES: &[&str] =
    &["DESPATCH_API_KEY", "DESPATCH_CONFIG", "DESPATCH_DATA_DIR", "DESPATCH_SANDBOX_TOKEN"];

/// Tables whose keys are names of the operator's.
const OPEN_TABLES: &[&str] = &["databases", "labels.locations", "runtime.policies"];

/// The environment variable of a key.
pub(crate) fn variable(key: &str) -> String {
    format!("DESPATCH_{}", key.replace('.', "_").to_uppercase())
}

/// The annotated default file, whole.
pub(crate) fn defaults(sections: &[Section]) -> String {
    let own = sections.iter().map(|section| format!("\n{}", section.defaults));
    std::iter::once(DEFAULTS.to_owned()).chain(own).collect()
}

/// Merges the layers and reads the result.
pub(super) fn merge(
    file: Option<&str>,
    environment: impl Iterator<Item = (String, String)>,
    sections: &[Section],
) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let mut merged: Table = match DEFAULTS.parse() {
        Ok(defaults) => defaults,
        Err(error) => return Err(ConfigError(vec![format!("the built-in defaults: {error}")])),
    };
    for section in sections {
        if merged.insert(section.name.to_owned(), Value::Table(section.table()?)).is_some() {
            return Err(ConfigError(vec![format!(
                "[{}] is a table of the configuration already",
                section.name
            )]));
        }
    }
    match file.map(str::parse::<Table>) {
        None => {}
        Some(Ok(file)) => lay(&mut merged, file, "", &mut problems),
        Some(Err(error)) => problems.push(error.to_string()),
    }
    let mut keys = Vec::new();
    leaves(&merged, "", &mut keys);
    for (name, text) in environment.filter(|(name, _)| name.starts_with("DESPATCH_")) {
        if OTHER_VARIABLES.contains(&name.as_str()) || name.starts_with("DESPATCH_TEST_") {
            continue;
        }
        let Some(key) = keys.iter().find(|key| variable(key) == name) else {
            problems.push(format!("{name}: no such key"));
            continue;
        };
        let Some(place) = find(&mut merged, key) else { continue };
        match read(&text, place) {
            Ok(value) => *place = value,
            Err(expected) => problems.push(format!("{name}: expected {expected}, found {text:?}")),
        }
    }
    let own =
        sections.iter().filter_map(|section| Some((section.name, merged.remove(section.name)?))).collect();
    match Value::Table(merged).try_into::<Config>() {
        Ok(config) if problems.is_empty() => Ok(Config { own, ..config }),
        Ok(_) => Err(ConfigError(problems)),
        Err(error) => {
            problems.push(error.to_string().trim_end().replace('\n', " "));
            Err(ConfigError(problems))
        }
    }
}

/// Puts each of a file's values in the place of its default, if there is such a key and the type is right.
fn lay(under: &mut Table, over: Table, path: &str, problems: &mut Vec<String>) {
    for (name, value) in over {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (under.get_mut(&name), value) {
            (None, value) if OPEN_TABLES.contains(&path) => {
                under.insert(name, value);
            }
            (None, _) => problems.push(format!("{key}: no such key")),
            (Some(Value::Table(under)), Value::Table(over)) => lay(under, over, &key, problems),
            (Some(place), value) if place.same_type(&value) => *place = value,
            (Some(place), value) => {
                problems.push(format!("{key}: expected {}, found {}", place.type_str(), value.type_str()));
            }
        }
    }
}

fn leaves(table: &Table, path: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Table(table) => leaves(table, &key, keys),
            _ => keys.push(key),
        }
    }
}

fn find<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((name, rest)) => find(table.get_mut(name)?.as_table_mut()?, rest),
    }
}

/// Reads an environment variable as what its default is.
fn read(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| "a whole number"),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
        Value::Array(items) => {
            let numbers = items.first().is_some_and(Value::is_integer);
            let texts = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let values = texts.map(|item| match item.parse() {
                Ok(number) if numbers => Ok(Value::Integer(number)),
                Err(_) if numbers => Err("whole numbers separated by commas"),
                _ => Ok(Value::String(item.to_owned())),
            });
            values.collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => Err("a value in the file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        pairs.into_iter()
    }

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config = merge(None, environment(&[]), &[]).unwrap();
        assert_eq!(config.reviews.reminders_seconds, [7, 14, 28].map(|days| days * 24 * 3600));
        assert_eq!(config.labels.rules.len(), 2);
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_defaults() {
        let file = "[stripe]\nbase_url = \"https://file\"\nsecret_key = \"sk_file\"\n[databases]\norders = \"postgres://o\"";
        let variables = environment(&[
            ("DESPATCH_STRIPE_BASE_URL", "https://environment"),
            ("DESPATCH_NATS_URL", "nats://n"),
            ("DESPATCH_REVIEWS_REMINDERS_SECONDS", "1, 2"),
            ("HOME", "/"),
        ]);
        let config = merge(Some(file), variables, &[]).unwrap();
        assert_eq!(
            (config.stripe.base_url.as_str(), config.stripe.secret_key.as_str()),
            ("https://environment", "sk_file")
        );
        assert_eq!(config.nats_url, "nats://n");
        assert_eq!(config.databases["orders"], "postgres://o");
        assert_eq!(config.reviews.reminders_seconds, [1, 2]);
    }

    #[test]
    fn a_handlers_policy_is_tuned_by_its_name() {
        let file = "[runtime.policies.\"labels.create\"]\nattempts = 12";
        let policy = merge(Some(file), environment(&[]), &[]).unwrap().runtime.policies["labels.create"];
        assert_eq!((policy.attempts, policy.batch), (Some(12), None));
        let file = "[runtime.policies.\"labels.create\"]\ntries = 12";
        let ConfigError(problems) = merge(Some(file), environment(&[]), &[]).unwrap_err();
        assert!(problems[0].contains("tries"), "{problems:?}");
    }

    #[test]
    fn everything_that_is_wrong_is_reported_together() {
        let file = "nats = \"x\"\n[runtime]\nconnections = \"six\"\n[smtp]\nport = 25";
        let variables =
            environment(&[("DESPATCH_RUNTIME_PROVISION", "maybe"), ("DESPATCH_STRIPE_BASEURL", "https://x")]);
        let ConfigError(problems) = merge(Some(file), variables, &[]).unwrap_err();
        for expected in [
            "nats: no such key",
            "runtime.connections: expected integer, found string",
            "smtp.port: no such key",
            "DESPATCH_RUNTIME_PROVISION: expected true or false, found \"maybe\"",
            "DESPATCH_STRIPE_BASEURL: no such key",
        ] {
            assert!(problems.iter().any(|problem| problem == expected), "{expected} in {problems:#?}");
        }
    }

    const GIFTS: Section =
        Section { name: "gifts", defaults: "[gifts]\npaper = \"red\"\nmost = 3  # a day\n" };

    #[test]
    fn a_worker_brings_a_table_of_its_own() {
        let variables = environment(&[("DESPATCH_GIFTS_MOST", "5")]);
        let config = merge(Some("[gifts]\npaper = \"blue\""), variables, &[GIFTS]).unwrap();
        assert_eq!(config.own["gifts"], Value::Table("paper = \"blue\"\nmost = 5".parse().unwrap()));
        let ConfigError(problems) = merge(Some("[gifts]\nbow = 1"), environment(&[]), &[GIFTS]).unwrap_err();
        assert_eq!(problems, ["gifts.bow: no such key"]);
        assert!(defaults(&[GIFTS]).contains("most = 3  # a day"));
    }

    #[test]
    fn a_table_that_is_none_of_the_workers_is_refused() {
        for (name, defaults) in
            [("gifts", "paper = 1"), ("gifts", "[gifts]\n[other]"), ("stripe", "[stripe]\nkey = 1")]
        {
            let ConfigError(problems) =
                merge(None, environment(&[]), &[Section { name, defaults }]).unwrap_err();
            assert!(problems[0].contains(name), "{problems:?}");
        }
    }
}
