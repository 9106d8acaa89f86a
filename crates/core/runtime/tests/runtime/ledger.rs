//! The effects ledger: the keys and the times of requests to the provider.

use despatch_contracts::payment::PaymentRefunded;
use despatch_testkit::TestEnv;

use crate::fixture::{Fixture, asked, kept};
use crate::provider::Effect;

fn effect(key: &str) -> Effect {
    Effect { key: key.into(), received: 1, firsts: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_ask_is_followed_by_one_under_the_next_key() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.deliver(&asked("o", "declined-once")).await;
    assert_eq!(env.expect::<PaymentRefunded>("o").await.reference, "order/o/fixture//1");
    env.quiet().await;
    assert_eq!(
        fixture.provider.effects("o").await,
        [effect("order/o/fixture//0"), effect("order/o/fixture//1")]
    );
    assert_eq!(kept(&env, "o", "bought").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_that_came_to_nothing_is_renewed_under_the_next_key() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.deliver(&asked("o", "lost-once")).await;
    assert_eq!(env.expect::<PaymentRefunded>("o").await.reference, "order/o/fixture//1");
    env.quiet().await;
    assert_eq!(fixture.provider.effects("o").await, [effect("order/o/fixture//1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_try_asks_under_the_same_key_and_knows_how_old_it_is() {
    let env = TestEnv::new().await;
    env.run(Fixture::new(&env).await.worker()).await;
    env.deliver(&asked("o", "aged 300")).await;
    let reference = env.expect::<PaymentRefunded>("o").await.reference;
    let (key, age) = reference.split_once(' ').unwrap();
    assert_eq!(key, "order/o/fixture//0");
    assert!(age.parse::<u32>().unwrap() >= 300, "{age} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_do_not_share_keys() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    env.run(fixture.worker()).await;
    env.run(fixture.worker()).await;
    for order in 0..100 {
        env.deliver(&asked(&format!("o-{order}"), "buy")).await;
    }
    env.quiet().await;
    for order in 0..100 {
        let order = format!("o-{order}");
        let effects = fixture.provider.effects(&order).await;
        assert_eq!((effects.len(), effects[0].firsts), (1, 1), "{effects:?}");
        assert_eq!(effects[0].key, format!("order/{order}/fixture//0"));
    }
}
