//! The {{name}} worker against real servers. Every event goes through the runtime, and is delivered twice.

use despatch_contracts::{{name}}::{{Event}};
use despatch_contracts::order::OrderAccepted;
use despatch_{{name}}::{Config, DEFAULTS, NAME, worker};
use despatch_testkit::{TestEnv, order};

fn accepted(id: &str) -> OrderAccepted {
    OrderAccepted { order: Some(order(id)) }
}

#[tokio::test]
async fn an_accepted_order_is_noted_once() {
    let env = TestEnv::new().await;
    env.run(worker(&Config { at_least_minor: 0 })).await;
    env.deliver(&accepted("o-1")).await;
    let noted: {{Event}} = env.expect("o-1").await;
    assert_eq!(noted.order_id, "o-1");

    // Another event with the same content, not the same event again.
    env.deliver(&accepted("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<{{Event}}>("o-1").await, 1);
}

#[tokio::test]
async fn a_small_order_is_not_noted() {
    let env = TestEnv::new().await;
    env.run(worker(&Config { at_least_minor: i64::MAX })).await;
    env.deliver(&accepted("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<{{Event}}>("o-1").await, 0);
}

#[test]
fn the_defaults_are_a_configuration() {
    let whole: toml::Table = DEFAULTS.parse().expect("it is TOML");
    let config: Config = whole[NAME].clone().try_into().expect("every key is there");
    assert_eq!(config.at_least_minor, 0);
}
