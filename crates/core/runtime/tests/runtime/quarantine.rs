//! A poison event is detected, and its neighbours are not mistaken for it.

use despatch_contracts::Event;
use despatch_contracts::order::OrderCompleted;
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::runtime::DeadLetter;
use despatch_runtime::{Policy, migrate_all, provision_all};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::child;
use crate::fixture::{Fixture, asked, kept, message, told};
use crate::hasty_env;

/// Runs one process after the other until the poison event is dead; returns its dead letter and the number of killed
/// processes.
async fn until_it_is_dead(env: &TestEnv, killer: &impl Event) -> (DeadLetter, u32) {
    let fixture = Fixture::new(env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
    for neighbour in 0..5 {
        env.deliver(&told(&format!("n-{neighbour}"), "complete")).await;
        env.deliver(&asked(&format!("n-{neighbour}"), "buy")).await;
    }
    env.publish(&message(killer)).await;
    let mut deaths = 0;
    let letter = loop {
        let mut process = child::start(env, "");
        let letter = eventually("it killed again, or is dead", async || {
            let letter = env.messages("dead.fixture.>").await.pop();
            (letter.is_some() || process.has_ended()).then_some(letter)
        })
        .await;
        match letter {
            Some(letter) => break DeadLetter::decode(letter.payload).unwrap(),
            None => deaths += 1,
        }
    };
    env.run(fixture.worker()).await;
    env.quiet().await;
    for neighbour in 0..5 {
        let neighbour = format!("n-{neighbour}");
        assert_eq!(kept(env, &neighbour, "recorded").await, 1);
        assert_eq!(kept(env, &neighbour, "bought").await, 1);
        assert_eq!(env.count::<OrderCompleted>(&neighbour).await, 1);
        assert_eq!(env.count::<PaymentRefunded>(&neighbour).await, 1);
        assert_eq!(fixture.provider.effects(&neighbour).await.len(), 1);
    }
    assert_eq!(env.messages("dead.>").await.len(), 1);
    (letter, deaths)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_kills_its_process_is_dead_after_so_many_starts() {
    let env = hasty_env().await;
    let (letter, deaths) = until_it_is_dead(&env, &told("killer", "abort")).await;
    assert_eq!((letter.subject.as_str(), letter.reason.as_str()), ("order/killer", "poison-event"));
    // Once before the quarantine, and then as often as the policy lets a quarantined event start.
    assert_eq!(deaths, 1 + Policy::DEFAULT.max_crashes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_that_kills_its_process_is_dead_after_so_many_starts() {
    let env = hasty_env().await;
    let (letter, deaths) = until_it_is_dead(&env, &asked("killer", "abort")).await;
    assert_eq!((letter.subject.as_str(), letter.reason.as_str()), ("order/killer", "poison-event"));
    assert_eq!(deaths, 1 + Policy::DEFAULT.max_crashes);
}
