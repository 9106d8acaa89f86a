//! The commands that people type: what they print, and how they end.

use std::io::Write;

use serde_json::Value;

use crate::child::{Despatch, despatch};
use crate::deployment::order;
use crate::local_deployment::{LocalDeployment, order_of};
use crate::until::until;

#[tokio::test]
async fn everything_that_is_wrong_with_the_configuration_is_said_at_once() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"nats = \"x\"\n[runtime]\nconnections = \"six\"\n").unwrap();
    let mut command = despatch(["run", "payments", "--config"]);
    command.arg(file.path()).env("DESPATCH_RUNTIME_PROVISION", "maybe").env("DESPATCH_STRIPE_KEY", "sk");
    let ended = Despatch::run(&mut command).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let problems = [
        "4 problems",
        "line 1 nats no such key",
        "line 3 runtime.connections expected a whole number",
        "environment DESPATCH_RUNTIME_PROVISION expected true or false",
        "environment DESPATCH_STRIPE_KEY no such variable",
    ];
    for problem in problems {
        assert!(words(&ended.stderr).contains(problem), "{problem} in\n{}", ended.stderr);
    }
    // The same is found without running anything.
    let mut command = despatch(["config", "check"]);
    command.arg(file.path()).env("DESPATCH_RUNTIME_PROVISION", "maybe").env("DESPATCH_STRIPE_KEY", "sk");
    let checked = Despatch::run(&mut command).await;
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(ended.stderr.contains(&checked.stdout), "{}\n{}", checked.stdout, ended.stderr);
}

/// A text with single spaces.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_sound_configuration_is_said_to_be_one_and_what_it_lacks_is_listed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "nats_url = \"nats://n\"\n[stripe]\nsecret_key = \"sk_live_1\"\n").unwrap();
    let ended = Despatch::run(despatch(["config", "check"]).arg(file.path())).await;
    assert!(ended.status.success(), "{ended:?}");
    for part in ["no problems", "not set database_url (DESPATCH_DATABASE_URL)", "stripe.base_url"] {
        assert!(words(&ended.stdout).contains(part), "{part} in\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains("secret_key"), "{}", ended.stdout);
    // One who runs payments needs it.
    let mut command = despatch(["config", "check", "--worker", "payments", "--json"]);
    let ended = Despatch::run(command.arg(file.path())).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let keys: Vec<_> =
        found["problems"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["database_url (DESPATCH_DATABASE_URL)", "stripe.base_url (DESPATCH_STRIPE_BASE_URL)"]);
    let shown = Despatch::run(despatch(["config", "show", "--effective", "--config"]).arg(file.path())).await;
    assert!(shown.status.success(), "{shown:?}");
    assert!(!shown.stdout.contains("sk_live_1"), "{}", shown.stdout);
    let from = format!("nats_url = \"nats://n\" # {}:1", file.path().display());
    assert!(words(&shown.stdout).contains(&from), "{}", shown.stdout);
}

#[tokio::test]
async fn everything_that_workers_lack_is_said_at_once() {
    let ended = Despatch::run(&mut despatch(["run", "payments", "lables"])).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("a similar value exists: 'labels'"), "{}", ended.stderr);
    let mut command = despatch(["run", "payments", "labels", "notifications", "reviews"]);
    let ended = Despatch::run(&mut command).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let missing = [
        "nats_url",
        "database_url",
        "stripe.base_url",
        "shippo.base_url",
        "shop.public_url",
        "smtp.url",
        "links.secret",
    ];
    for key in missing {
        assert!(ended.stderr.contains(key), "{key} in\n{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let mut command = despatch(["doctor", "--data-dir"]);
    let ended = Despatch::run(command.arg(&nowhere)).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for part in ["failed   nats ", "failed   postgres ", "no URL is configured", "nats_url", "database_url"] {
        assert!(ended.stdout.contains(part), "{part} in\n{}", ended.stdout);
    }
    assert!(!nowhere.exists(), "it changes nothing");

    // Servers that are away, and a configuration that does not suffice for every worker.
    let mut command = despatch(["doctor", "--json"]);
    command.env("DESPATCH_NATS_URL", "nats://ada:secret@127.0.0.1:1");
    command.env("DESPATCH_DATABASE_URL", "postgres://ada:secret@127.0.0.1:1/shop");
    let ended = Despatch::run(&mut command).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(!ended.stdout.contains("secret@"), "{}", ended.stdout);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let about = |subject: &str| {
        let check = found["checks"].as_array().unwrap().iter().find(|check| check["subject"] == subject);
        check.unwrap_or_else(|| panic!("{subject} in {found:#}"))
    };
    for subject in ["nats 127.0.0.1:1", "postgres 127.0.0.1:1/shop", "configuration payments"] {
        assert_eq!(about(subject)["grade"], "failed", "{found:#}");
        assert!(about(subject)["advice"].is_string(), "{found:#}");
    }
    assert!(about("configuration payments")["found"].as_str().unwrap().contains("stripe."), "{found:#}");
}

#[tokio::test]
async fn the_printed_configuration_is_one() {
    let ended = Despatch::run(&mut despatch(["config"])).await;
    assert!(ended.status.success(), "{ended:?}");
    let config: toml::Table = ended.stdout.parse().unwrap();
    assert_eq!(config["runtime"]["ack_wait_seconds"].as_integer(), Some(30));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &ended.stdout).unwrap();
    // Taken for what it is: what is missing in it is missing, and nothing in it is unknown.
    let ended = Despatch::run(despatch(["run", "payments", "--config"]).arg(file.path())).await;
    assert!(!ended.stderr.contains("no such key"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nats_url"), "{}", ended.stderr);
}

/// A part of the money of `test/0` goes back, the rest of it not more than once, and a second request under an id is the first.
async fn a_part_of_the_money_goes_back(local: &LocalDeployment) {
    let command = |args: &[&str]| local.command(args);
    let refund = async |how: &[&str]| {
        let mut refund = command(&["orders", "refund", "test/0", "--reason", "late", "--by", "ada"]);
        Despatch::run(refund.args(how)).await
    };
    let given = refund(&["--amount", "2.00", "--refund-id", "r-1"]).await;
    assert!(given.status.success() && given.stdout.contains("refunded 2.00 USD, re_"), "{given:?}");
    let again = refund(&["--amount", "2.00", "--refund-id", "r-1"]).await;
    assert!(again.status.success() && again.stdout.contains("asked for before"), "{again:?}");
    let too_much = refund(&["--amount", "11.00"]).await;
    assert!(!too_much.status.success(), "{too_much:?}");
    assert!(too_much.stdout.contains("10.99 USD of what was captured is left"), "{too_much:?}");
    let shown = Despatch::run(&mut command(&["orders", "show", "test/0"])).await.stdout;
    assert!(shown.contains("captured 12.99 USD, refunded 2.00 USD"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_once_watched_and_looked_at() {
    let local = LocalDeployment::start().await;
    let command = |args: &[&str]| local.command(args);
    let client = local.database.client().await.unwrap();

    // Tailing begins at some moment after its start, so orders are placed until it has seen one.
    let tail = Despatch::start(&mut command(&["events", "tail", "order.*"]));
    for number in 0..1000 {
        let file = local.write(&format!("{number}.jsonl"), &order(number, None));
        for said in ["1 placed, 0 there already, 0 refused", "0 placed, 1 there already, 0 refused"] {
            let ended = Despatch::run(command(&["import", "--stock"]).arg(&file)).await;
            assert!(ended.status.success(), "{ended:?}");
            assert!(ended.stdout.contains(said), "{ended:?}");
        }
        let placed: i64 = client.query_one("select count(*) from gateway.orders", &[]).await.unwrap().get(0);
        assert_eq!(placed, i64::try_from(number + 1).unwrap(), "each is placed once");
        if tail.stdout().contains("placed, 12.99 USD") {
            break;
        }
    }
    let name = until("the tail sees an order accepted", async || {
        let seen = tail.stdout();
        let line = seen.lines().find(|line| line.ends_with("accepted"))?;
        Some(line.split_whitespace().nth(1)?.to_owned())
    })
    .await;
    let shown = until("the order completes", async || {
        let ended = Despatch::run(&mut command(&["orders", "show", &name])).await;
        ended.stdout.contains("completed").then_some(ended.stdout)
    })
    .await;
    for part in ["12.99 USD", "captured 12.99 USD", "1 × SKU-A", "zoe@example.com", "payment captured"] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    let by_shop = Despatch::run(&mut command(&["orders", "show", "test/0", "--json"])).await;
    let by_shop: Value = serde_json::from_str(&by_shop.stdout).unwrap();
    assert_eq!(by_shop["state"], "completed", "{by_shop:#}");
    assert_eq!((&by_shop["shop"], &by_shop["shop_order_id"]), (&"test".into(), &"0".into()), "{by_shop:#}");

    a_part_of_the_money_goes_back(&local).await;

    let doctor = Despatch::run(&mut command(&["doctor"])).await;
    assert!(doctor.status.success() && doctor.stdout.contains(" 0 failed"), "{doctor:?}");
    for part in ["nats JetStream", "consumer payments-capture", "schema exceptions", "disk "] {
        assert!(doctor.stdout.contains(part), "{part} in\n{}", doctor.stdout);
    }

    // One more than there is stock for: a case that is claimed, and replayed once there is more.
    let file = local.write("short.jsonl", &order(1000, None));
    assert!(Despatch::run(command(&["import"]).arg(&file)).await.status.success());
    let case = until("the case", async || {
        let listed =
            Despatch::run(&mut command(&["exceptions", "list", "--queue", "warehouse", "--json"])).await;
        let listed: Value = serde_json::from_str(&listed.stdout).ok()?;
        listed["cases"].get(0).cloned()
    })
    .await;
    assert_eq!((&case["reason"], &case["state"]), (&"stock-short".into(), &"open".into()), "{case:#}");
    let [handler, event] = ["handler", "event_id"].map(|field| case[field].as_str().unwrap());
    let short = order_of(&case);
    let exceptions = async |verb: &str, rest: &[&str]| {
        let mut command = command(&["exceptions", verb, handler, event]);
        Despatch::run(command.args(rest)).await
    };
    assert!(exceptions("claim", &["--by", "ada"]).await.stdout.contains("claimed by ada"));
    let refused = exceptions("replay", &["--by", "bob"]).await;
    assert!(!refused.status.success() && refused.stderr.contains("claimed by ada"), "{refused:?}");
    local.deliver("a later delivery", 1).await;
    let replayed = exceptions("replay", &["--by", "ada"]).await;
    assert!(replayed.status.success() && replayed.stdout.contains("handled after"), "{replayed:?}");
    until("the order completes after all", async || {
        let ended = Despatch::run(&mut command(&["orders", "show", short])).await;
        ended.stdout.contains("completed").then_some(())
    })
    .await;
    // A part of that order's money goes back, by the case that delayed it.
    let given = exceptions("refund", &["--amount", "1.50", "--reason", "late", "--by", "ada"]).await;
    assert!(given.status.success() && given.stdout.contains("refunded 1.50 USD"), "{given:?}");
    let shown = until("the case is resolved", async || {
        let shown = exceptions("show", &[]).await.stdout;
        shown.contains("resolved: replayed").then_some(shown)
    })
    .await;
    for part in [
        "failed",
        "claimed ",
        "replayed ",
        " ada",
        "succeeded",
        "asked for: late",
        "# There are not enough units",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }

    tail.terminate();
    assert!(tail.ended().await.status.success());
    drop(client);
    local.stop().await;
}
