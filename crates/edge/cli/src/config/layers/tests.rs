//! The result of the layers, and everything that can be wrong with them.

use toml::Value;

use super::super::file::Config;
use super::super::load::Loaded;
use super::super::origin::Origin;
use super::super::problem::{ConfigError, Problem};
use super::super::section::Section;
use super::super::shape::defaults;

fn read(file: Option<&str>, variables: &[(&str, &str)], sections: &[Section]) -> Loaded {
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Loaded::of(file.map(|_| "shop.toml"), sections, |layers| {
        if let Some(text) = file {
            layers.lay_file(text);
        }
        layers.lay_environment(variables.into_iter());
    })
    .unwrap()
}

fn merge(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    read(file, variables, &[]).checked()
}

fn report(file: &str, variables: &[(&str, &str)]) -> String {
    merge(Some(file), variables).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_a_whole_configuration() {
    let config = merge(None, &[]).unwrap();
    assert_eq!(config.reviews.reminders_seconds, [7, 14, 28].map(|days| days * 24 * 3600));
    assert_eq!(config.labels.rules.len(), 2);
    assert!(config.gateway.shopify.is_empty() && config.labels.cartons.is_empty());
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let file = "[stripe]\nbase_url = \"https://file\"\nsecret_key = \"sk_file\"\n[databases]\norders = \"postgres://o\"";
    let variables = [
        ("DESPATCH_STRIPE_BASE_URL", "https://environment"),
        ("DESPATCH_NATS_URL", "nats://n"),
        ("DESPATCH_REVIEWS_REMINDERS_SECONDS", "1, 2"),
        ("HOME", "/"),
    ];
    let config = merge(Some(file), &variables).unwrap();
    assert_eq!(
        (config.stripe.base_url.as_str(), config.stripe.secret_key.as_str()),
        ("https://environment", "sk_file")
    );
    assert_eq!(config.nats_url, "nats://n");
    assert_eq!(config.databases["orders"], "postgres://o");
    assert_eq!(config.reviews.reminders_seconds, [1, 2]);
    let origin = |key: &str| config.origins.of(&super::Key::parse(key));
    assert_eq!(origin("stripe.secret_key"), Origin::File(3));
    assert_eq!(origin("stripe.base_url"), Origin::Variable("DESPATCH_STRIPE_BASE_URL".into()));
    assert_eq!(origin("stripe.timeout_ms"), Origin::Default);
}

#[test]
fn a_handlers_policy_is_tuned_by_its_name() {
    let file = "[runtime.policies.\"labels.create\"]\nattempts = 12";
    let policy = merge(Some(file), &[]).unwrap().runtime.policies["labels.create"];
    assert_eq!((policy.attempts, policy.batch), (Some(12), None));
    let expected = "\
shop.toml, 1 problem
  line 2  runtime.policies.\"labels.create\".atempts  no such key; did you mean attempts?";
    assert_eq!(report("[runtime.policies.\"labels.create\"]\natempts = 12", &[]), expected);
}

#[test]
fn everything_that_is_wrong_is_reported_together() {
    let file = "\
[gatway]
listen = \"x\"
[runtime]
connections = \"six\"
clock_tick_ms = -1
[smtp]
port = 25
[exceptions.calendar]
opens = \"9\"
days = [\"monday\", \"tuseday\"]
[labels.sender]
street2 = \"\"
county = \"DE\"
[[labels.rules]]
services = [\"a\"]
[[labels.rules]]
carrier = \"shipo\"
within_days = \"two\"
[payments]
provider = 3
[log]
format = \"jsn\"
";
    let variables = [("DESPATCH_RUNTIME_PROVISION", "maybe"), ("DESPATCH_STRIPE_BASEURL", "https://x")];
    let expected = "\
shop.toml, 12 problems
  line 1       gatway                       no such table; did you mean gateway?
  line 4       runtime.connections          expected a whole number, found text in quotes
  line 5       runtime.clock_tick_ms        expected 0 or more, found -1
  line 7       smtp.port                    no such key
  line 13      labels.sender.county         no such key; did you mean country?
  line 14      labels.rules[0]              carrier is needed; the rest may be left out
  line 17      labels.rules[1].carrier      expected one of shippo, own, found \"shipo\"; did you mean shippo?
  line 18      labels.rules[1].within_days  expected a whole number, found text in quotes
  line 20      payments.provider            expected text in quotes, found a whole number
  line 22      log.format                   expected one of pretty, json, found \"jsn\"; did you mean json?
  environment  DESPATCH_RUNTIME_PROVISION   expected true or false, found \"maybe\"
  environment  DESPATCH_STRIPE_BASEURL      no such variable; did you mean DESPATCH_STRIPE_BASE_URL?";
    assert_eq!(report(file, &variables), expected);
}

#[test]
fn what_is_wrong_has_its_default_meanwhile() {
    let file = "[[labels.rules]]\ncarrier = \"shipo\"\n[runtime]\nconnections = 0.5\nclock_tick_ms = 50\n";
    let loaded = read(Some(file), &[], &[]);
    assert_eq!(loaded.problems.len(), 2, "{:?}", loaded.problems);
    assert_eq!(loaded.config.runtime.connections, 6);
    assert_eq!(loaded.config.runtime.clock_tick_ms, 50);
    assert_eq!(loaded.config.labels.rules.len(), 1);
}

#[test]
fn what_is_wrong_already_is_complained_of_once() {
    let mut loaded = read(Some("[runtime]\nconnections = 0.5\nnamespace = \"n\""), &[], &[]);
    loaded.complain(&super::Key::parse("runtime.connections"), "too few".into());
    loaded.complain(&super::Key::parse("runtime.namespace"), "taken".into());
    loaded.complain(&super::Key::parse("links.secret"), "must not be empty".into());
    let rest: Vec<Problem> = loaded.problems.split_off(1);
    let rest: Vec<_> = rest.iter().map(|problem| (problem.key.as_str(), &problem.at)).collect();
    assert_eq!(
        rest,
        [("runtime.namespace", &Origin::File(3)), ("links.secret (DESPATCH_LINKS_SECRET)", &Origin::Default)]
    );
}

#[test]
fn what_is_not_toml_is_reported_with_its_line() {
    let report = report("nats_url = \"x\"\nstripe = \n", &[]);
    assert!(report.starts_with("shop.toml, 1 problem\n  line 2  TOML  "), "{report}");
}

#[derive(Debug, serde::Deserialize)]
struct Gifts {
    #[allow(dead_code, reason = "only its type matters")]
    paper: String,
    #[allow(dead_code, reason = "only its type matters")]
    most: u8,
}

fn gifts(name: &'static str, defaults: &'static str) -> Section {
    Section {
        name,
        defaults,
        check: |table| table.try_into::<Gifts>().map(drop).map_err(|error| error.message().to_owned()),
    }
}

#[test]
fn a_worker_brings_a_table_of_its_own() {
    let sections = [gifts("gifts", "[gifts]\npaper = \"red\"\nmost = 3  # a day\n")];
    let variables = [("DESPATCH_GIFTS_MOST", "5")];
    let config = read(Some("[gifts]\npaper = \"blue\""), &variables, &sections).checked().unwrap();
    assert_eq!(config.own["gifts"], Value::Table("paper = \"blue\"\nmost = 5".parse().unwrap()));
    assert!(defaults(&sections).contains("most = 3  # a day"));
    let wrong = read(Some("[gifts]\nbow = 1\nmost = 1000"), &[], &sections).checked().unwrap_err();
    let keys: Vec<_> = wrong.problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["gifts.bow", "gifts.most"], "{wrong}");
}

#[test]
fn a_table_that_is_none_of_the_workers_is_refused() {
    for (name, defaults) in
        [("gifts", "paper = 1"), ("gifts", "[gifts]\n[other]"), ("stripe", "[stripe]\nkey = 1")]
    {
        let refused = Loaded::of(None, &[gifts(name, defaults)], |_| {}).unwrap_err();
        assert!(refused.to_string().contains(name), "{refused}");
    }
}
