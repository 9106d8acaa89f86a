//! `despatch config show --effective`: each value that applies, and where it comes from. Secrets are masked.

use toml::{Table, Value};

use super::file::Config;
use super::key::{Key, Step};
use super::origin::Origin;

/// The text in the place of a secret.
const MASK: &str = "…";

/// The last part of the keys whose values are secrets as a whole.
const SECRETS: &[&str] = &[
    "secret",
    "secrets",
    "secret_key",
    "token",
    "webhook_tokens",
    "webhook_secrets",
    "api_keys",
    "webhook",
    "password",
];

/// Every value with where it comes from, as a file that could be read again but for its secrets.
pub(crate) fn effective(config: &Config) -> String {
    let mut lines = Lines { config, text: Vec::new() };
    lines.table(&config.table, &Key::default());
    let width = lines.text.iter().filter(|(_, origin)| origin.is_some());
    let width = width.map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    let line = |(line, origin): &(String, Option<String>)| match origin {
        Some(origin) => format!("{line:<width$}  # {origin}\n"),
        None => format!("{line}\n"),
    };
    lines.text.iter().map(line).collect()
}

struct Lines<'c> {
    config: &'c Config,
    text: Vec<(String, Option<String>)>,
}

impl Lines<'_> {
    /// A table's own values, then the tables in it.
    fn table(&mut self, table: &Table, path: &Key) {
        for (name, value) in table {
            if !value.is_table() && !is_list_of_tables(value) {
                let (key, line) = (path.name(name), Key::default().name(name));
                let value = masked(&key, value);
                self.text.push((format!("{line} = {value}"), Some(self.origin(&key))));
            }
        }
        for (name, value) in table {
            let key = path.name(name);
            match value {
                Value::Table(table) if !table.is_empty() => {
                    if table.values().any(|value| !value.is_table()) {
                        self.text.extend([(String::new(), None), (format!("[{key}]"), None)]);
                    }
                    self.table(table, &key);
                }
                Value::Array(entries) if is_list_of_tables(value) => {
                    for (at, entry) in entries.iter().enumerate() {
                        self.text.extend([(String::new(), None), (format!("[[{key}]]"), None)]);
                        if let Value::Table(table) = entry {
                            self.table(table, &key.index(at));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn origin(&self, key: &Key) -> String {
        match self.config.origins.of(key) {
            Origin::File(line) => {
                format!("{}:{line}", self.config.origins.file.as_deref().unwrap_or_default())
            }
            Origin::Variable(name) => name,
            Origin::Running => "the deployment that runs here".to_owned(),
            Origin::Default => "default".to_owned(),
        }
    }
}

fn is_list_of_tables(value: &Value) -> bool {
    value.as_array().and_then(|list| list.first()).is_some_and(Value::is_table)
}

/// A value without its secrets. An empty value is no secret.
fn masked(key: &Key, value: &Value) -> Value {
    let secret =
        key.steps().iter().any(|step| matches!(step, Step::Name(name) if SECRETS.contains(&name.as_str())));
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(_) if secret => MASK.into(),
        Value::String(text) => without_password(text).into(),
        Value::Array(list) => list.iter().map(|item| masked(key, item)).collect::<Vec<_>>().into(),
        _ => value.clone(),
    }
}

/// URLs with a mask in the place of their passwords, and of an NKey's seed. A text that is no URL stays as it is.
fn without_password(text: &str) -> String {
    let mask = |url: &str| {
        let Some((scheme, rest)) = url.split_once("://") else { return without_parameter(url) };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
        match user.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:{MASK}@{host}{path}"),
            // Without a password it is a user of the database, or the seed of an NKey, which proves who one is.
            None if scheme.starts_with("postgres") => url.to_owned(),
            None => format!("{scheme}://{MASK}@{host}{path}"),
        }
    };
    text.split(',').map(mask).collect::<Vec<_>>().join(",")
}

/// PostgreSQL's other form, `host=… password=…`.
fn without_parameter(text: &str) -> String {
    let words = text.split(' ');
    let masked = words.map(|word| match word.split_once('=') {
        Some(("password", _)) => format!("password={MASK}"),
        _ => word.to_owned(),
    });
    masked.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::load::Loaded;
    use super::*;

    #[test]
    fn every_value_says_where_it_is_from_and_no_secret_is_shown() {
        let file = "database_url = \"postgres://ada:secret@db:5432/d?sslmode=require\"\n[stripe]\nsecret_key = \"secret\"\n\
                    [[gateway.shopify]]\nname = \"north\"\nsource = \"n\"\nsecrets = [\"secret\"]\n\
                    [databases]\norders = \"host=db password=secret\"\n";
        let variables = [
            ("DESPATCH_NATS_URL", "nats://ada:secret@a:4222,nats://SUSECRET@b:4222"),
            ("DESPATCH_SMTP_URL", "smtps://ada:secret@mail"),
            ("DESPATCH_ALERTS_WEBHOOK", "https://hooks/secret"),
            ("DESPATCH_SHIPPO_WEBHOOK_TOKENS", "secret,secret2"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let loaded = Loaded::of(Some("shop.toml"), &[], |layers| {
            layers.lay_file(file);
            layers.lay_environment(variables.into_iter());
        });
        let shown = effective(&loaded.unwrap().checked().unwrap());
        assert!(!shown.to_lowercase().contains("secret@") && !shown.contains("\"secret"), "{shown}");
        let line = |start: &str| {
            let line = shown.lines().find(|line| line.starts_with(start));
            line.unwrap_or_else(|| panic!("{start} in {shown}"))
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        for expected in [
            "database_url = \"postgres://ada:…@db:5432/d?sslmode=require\" # shop.toml:1",
            "nats_url = \"nats://ada:…@a:4222,nats://…@b:4222\" # DESPATCH_NATS_URL",
            "secret_key = \"…\" # shop.toml:3",
            "secrets = [\"…\"] # shop.toml:7",
            "orders = \"host=db password=…\" # shop.toml:9",
            "webhook_tokens = [\"…\", \"…\"] # DESPATCH_SHIPPO_WEBHOOK_TOKENS",
            "ack_wait_seconds = 30 # default",
        ] {
            assert_eq!(line(expected.split(" = ").next().unwrap()), expected);
        }
        // It is a file again.
        assert!(shown.parse::<Table>().is_ok(), "{shown}");
    }
}
