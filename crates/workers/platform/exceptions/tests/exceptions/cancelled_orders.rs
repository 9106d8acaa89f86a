//! The end of the cases of a cancelled order, whichever comes first: the cancellation or the dead letter.

use despatch_contracts::order::{Order, OrderAccepted, OrderCancelled};
use despatch_contracts::payment::RefundRequested;
use despatch_contracts::runtime::{DeadLetter, Envelope};
use despatch_contracts::{Emitted, Event, EventId, Trace};
use despatch_exceptions::CaseState;
use despatch_testkit::TestEnv;

use crate::{dies, env, id, kinds, letter, message};

async fn is_cancelled(env: &TestEnv, order: &str) {
    let cancelled = message(&OrderCancelled { order_id: order.into(), reason: "customer-cancelled".into() });
    env.publish(&cancelled).await;
    env.publish_again(&cancelled).await;
}

/// The letter of an event that `labels.create` gave up.
fn about(event_id: EventId, order: &str, event: &impl Event) -> DeadLetter {
    let event = Envelope::first(event_id, "test", Emitted::from(event), &Trace::root());
    DeadLetter { event: Some(event), ..letter(event_id, order, 0, "stock-short", "short") }
}

fn accepted(order: &str) -> OrderAccepted {
    OrderAccepted { order: Some(Order { order_id: order.into(), ..Order::default() }) }
}

#[tokio::test]
async fn a_cancelled_order_ends_its_case_whichever_comes_first() {
    let (env, team) = env().await;
    let (before, after, other) = (EventId::new(), EventId::new(), EventId::new());
    dies(&env, &about(before, "o-1", &accepted("o-1"))).await;
    dies(&env, &about(other, "o-2", &accepted("o-2"))).await;
    env.quiet().await;
    team.claim(&id(before), "ada").await.unwrap();
    is_cancelled(&env, "o-1").await;
    env.quiet().await;
    dies(&env, &about(after, "o-1", &accepted("o-1"))).await;
    env.quiet().await;
    for (event, history) in
        [(before, &["failed", "claimed", "order-cancelled"][..]), (after, &["failed", "order-cancelled"])]
    {
        let (case, _) = team.show(&id(event)).await.unwrap();
        assert_eq!((case.state, case.resolution.as_deref()), (CaseState::Resolved, Some("order-cancelled")));
        assert_eq!(kinds(&team, &id(event)).await, history);
    }
    let (case, _) = team.show(&id(other)).await.unwrap();
    assert_eq!(case.state, CaseState::Open, "another order's");

    // A replay that was in flight fails after the cancellation.
    dies(&env, &DeadLetter { generation: 1, ..about(before, "o-1", &accepted("o-1")) }).await;
    env.quiet().await;
    let expected = ["failed", "claimed", "order-cancelled", "failed", "order-cancelled"];
    assert_eq!(kinds(&team, &id(before)).await, expected);
}

#[tokio::test]
async fn what_winds_a_cancelled_order_up_stays_open() {
    let (env, team) = env().await;
    let (before, after) = (EventId::new(), EventId::new());
    let refund = RefundRequested {
        order_id: "o-1".into(),
        reason: "customer-cancelled".into(),
        ..RefundRequested::default()
    };
    dies(&env, &about(before, "o-1", &refund)).await;
    env.quiet().await;
    is_cancelled(&env, "o-1").await;
    env.quiet().await;
    dies(&env, &about(after, "o-1", &refund)).await;
    env.quiet().await;
    for event in [before, after] {
        assert_eq!(kinds(&team, &id(event)).await, ["failed"], "the customer's money has not gone back");
    }
}

#[tokio::test]
async fn a_case_from_which_the_order_was_cancelled_ends_with_it() {
    let (env, team) = env().await;
    let event = EventId::new();
    // Of a type that does not end with its order by itself.
    dies(&env, &letter(event, "o-1", 0, "carrier-rejected", "too heavy")).await;
    env.quiet().await;
    team.cancel_order(&id(event), "ada", "out of print").await.unwrap();
    is_cancelled(&env, "o-1").await;
    env.quiet().await;
    assert_eq!(kinds(&team, &id(event)).await, ["failed", "cancel-requested", "order-cancelled"]);
}

#[tokio::test]
async fn a_case_and_a_cancellation_at_once_never_miss_each_other() {
    let (env, team) = env().await;
    let events: Vec<EventId> = (0..20).map(|_| EventId::new()).collect();
    for (n, event) in events.iter().enumerate() {
        let order = format!("o-{n}");
        let letter = about(*event, &order, &accepted(&order));
        tokio::join!(dies(&env, &letter), is_cancelled(&env, &order));
    }
    env.quiet().await;
    for event in events {
        let (case, _) = team.show(&id(event)).await.unwrap();
        assert_eq!(case.resolution.as_deref(), Some("order-cancelled"));
    }
}
