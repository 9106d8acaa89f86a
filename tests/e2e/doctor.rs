//! `despatch doctor` over deployments that run, and over providers that answer as they do.

use despatch_sandbox::{Options, Sandbox};
use despatch_testkit::TestEnv;
use serde_json::Value;

use crate::child::{Despatch, despatch};
use crate::local_deployment::{LocalDeployment, at};

fn about<'c>(found: &'c Value, subject: &str) -> &'c Value {
    let check = found["checks"].as_array().unwrap().iter().find(|check| check["subject"] == subject);
    check.unwrap_or_else(|| panic!("{subject} in {found:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_runs_with_settings_of_its_own_is_well() {
    // Known to the process that runs, and not to the one that looks.
    let local = LocalDeployment::start_with(&[("DESPATCH_RUNTIME_ACK_WAIT_SECONDS", "5")]).await;
    let found = local.json(&["doctor", "--json"]).await;
    let wrong: Vec<&Value> =
        found["checks"].as_array().unwrap().iter().filter(|check| check["grade"] != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for provider in ["stripe", "shippo", "smtp"] {
        assert!(about(&found, provider)["found"].as_str().unwrap().contains("stand-in"), "{found:#}");
    }
    assert_eq!(about(&found, "processes of payments")["found"], "1 process");
    assert!(about(&found, "stream probe")["found"].as_str().unwrap().contains("read back"), "{found:#}");

    let one = local.does(&["doctor", "--worker", "payments"]).await;
    assert!(one.status.success(), "{one:?}");
    assert!(
        one.stdout.contains("consumer payments-capture") && one.stdout.contains("stripe"),
        "{}",
        one.stdout
    );
    for other in ["labels", "shippo"] {
        assert!(!one.stdout.contains(other), "{other} in\n{}", one.stdout);
    }
    let unknown = local.does(&["doctor", "--worker", "paymnts"]).await;
    assert!(unknown.stderr.contains("a similar value exists: 'payments'"), "{unknown:?}");

    let shown = local.does(&["config", "show", "--effective"]).await.stdout;
    let line = shown.lines().find(|line| line.starts_with("ack_wait_seconds")).unwrap();
    assert!(line.starts_with("ack_wait_seconds = 5 ") && line.ends_with("that runs here"), "{line}");
    assert!(shown.contains("secret_key = \"…\""), "{shown}");

    // Settings that are named now and that it does not run with are not passed over.
    let file = local.dir.path().join("shop.toml");
    std::fs::write(&file, "[runtime]\nack_wait_seconds = 9\n").unwrap();
    let found = local.json(&["doctor", "--json", "--config", file.to_str().unwrap()]).await;
    let check = about(&found, "settings in force");
    assert_eq!(check["grade"], "warning", "{found:#}");
    assert!(check["found"].as_str().unwrap().ends_with("of runtime.ack_wait_seconds"), "{check:#}");

    // A unit that no movement brought.
    assert_eq!(about(&found, "stock ledger")["found"], "agrees");
    let client = local.database.client().await.unwrap();
    client
        .batch_execute(
            "insert into inventory.location (id, name) values ('main', 'Main');
             insert into inventory.stock (sku, location, available) values ('A-1', 'main', 1);",
        )
        .await
        .unwrap();
    drop(client);
    let found = local.json(&["doctor", "--json"]).await;
    let check = about(&found, "stock ledger");
    assert_eq!(check["grade"], "failed", "{found:#}");
    assert_eq!(check["found"], "1 differ, the first: A-1 at main: 1 available, 0 by the ledger");

    // Once it has ended, only that is found: its providers ended with it.
    let LocalDeployment { dir, up, .. } = local;
    up.terminate();
    assert!(up.ended().await.status.success());
    let ended = Despatch::run(&mut at(dir.path(), &["doctor", "--json"])).await;
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let wrong: Vec<&Value> =
        found["checks"].as_array().unwrap().iter().filter(|check| check["grade"] != "ok").collect();
    assert_eq!(wrong.len(), 2, "{found:#}");
    for check in wrong {
        assert!(check["advice"].as_str().unwrap().starts_with("Nothing runs in"), "{check:#}");
    }
    assert!(
        found["checks"].as_array().unwrap().iter().all(|check| check["group"] != "providers"),
        "{found:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_our_key_is_told_from_one_that_is_away() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let env = TestEnv::new().await;
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let doctor = async |variables: &[(&str, &str)]| -> Value {
        let mut command = despatch(["doctor", "--json", "--worker", "payments", "--worker", "labels"]);
        command.envs(sandbox.environment());
        command.env("DESPATCH_NATS_URL", &env.settings().nats_url);
        command.env("DESPATCH_DATABASE_URL", &env.settings().database_url);
        command.env("DESPATCH_RUNTIME_NAMESPACE", &env.settings().namespace);
        let ended = Despatch::run(command.envs(variables.iter().copied())).await;
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    };
    let well = doctor(&[]).await;
    for provider in ["stripe", "shippo"] {
        assert_eq!(about(&well, provider)["grade"], "ok", "{well:#}");
    }
    let refused =
        doctor(&[("DESPATCH_STRIPE_SECRET_KEY", "sk_live_oops"), ("DESPATCH_SHIPPO_TOKEN", "none")]).await;
    let away = doctor(&[
        ("DESPATCH_STRIPE_BASE_URL", "http://127.0.0.1:1"),
        ("DESPATCH_SHIPPO_BASE_URL", "http://127.0.0.1:1"),
    ])
    .await;
    for (provider, secret, address) in
        [("stripe", "stripe.secret_key", "stripe.base_url"), ("shippo", "shippo.token", "shippo.base_url")]
    {
        for (found, says, advice) in
            [(&refused, "refuses our key", secret), (&away, "is not reached", address)]
        {
            let check = about(found, provider);
            assert_eq!(check["grade"], "failed", "{found:#}");
            assert!(check["found"].as_str().unwrap().contains(says), "{check:#}");
            assert!(check["advice"].as_str().unwrap().contains(advice), "{check:#}");
        }
    }
    assert!(!refused.to_string().contains("sk_live_oops"), "{refused:#}");
    sandbox.stop().await;
}
