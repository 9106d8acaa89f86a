//! Orders that are accepted and orders that become cases; neither happens twice.

use despatch_contracts::order::{Order, OrderAccepted, OrderPlaced};
use despatch_contracts::runtime::DeadLetter;
use despatch_orders::store;
use despatch_read_model::orders;
use despatch_status::OrderState;
use despatch_testkit::{TestEnv, order};
use prost::Message as _;

use crate::fixture::{accepted, env, placed, recorded, status};

async fn refused(env: &TestEnv, placed: OrderPlaced, id: &str) -> DeadLetter {
    env.deliver(&placed).await;
    let dead = env.expect_dead(id).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderAccepted>(id).await, 0);
    dead
}

#[tokio::test]
async fn a_valid_order_is_accepted_once_with_all_that_was_ordered() {
    let env = env().await;
    env.deliver(&placed("o-1")).await;
    let accepted: OrderAccepted = env.expect("o-1").await;
    assert_eq!(accepted.order, Some(order("o-1")));
    env.quiet().await;
    assert_eq!(env.count::<OrderAccepted>("o-1").await, 1);

    let status = status(&env, "o-1").await;
    assert_eq!(status.state, OrderState::Accepted);
    let document = "select document from orders.orders where order_id = 'o-1'";
    let document = env.db().await.query_one(document, &[]).await.unwrap().get::<_, Vec<u8>>(0);
    assert_eq!(Order::decode(&document[..]).unwrap(), order("o-1"));
    assert_eq!(status.completed_at, None);
    assert_eq!(
        recorded(&env, "o-1").await,
        [("order.placed".into(), OrderState::Accepted, "order-valid".into())]
    );

    let db = env.db().await;
    assert_eq!(orders::find(&db, "test", "T-o-1").await.unwrap().as_deref(), Some("o-1"));
    assert_eq!(orders::find(&db, "other", "T-o-1").await.unwrap(), None);
    assert_eq!(store::counts_by_state(&db).await.unwrap(), [(OrderState::Accepted, 1)]);
}

#[tokio::test]
async fn an_order_that_cannot_be_fulfilled_is_a_case_that_tells_all_that_is_wrong() {
    let env = env().await;
    let mut bad = order("o-1");
    bad.lines[0].sku = String::new();
    bad.total_minor += 1;
    let dead = refused(&env, OrderPlaced { order: Some(bad) }, "o-1").await;
    assert_eq!(dead.reason, "sku-missing", "the first problem decides");
    let error = &dead.failures.last().expect("a failure").error;
    assert!(error.contains("line 1: expected a SKU") && error.contains("13001"), "{error}");
    assert_eq!(orders::progress(&env.db().await, "o-1").await.unwrap(), None, "nothing is kept of it");
}

#[tokio::test]
async fn an_event_without_an_order_is_a_case() {
    let env = env().await;
    let dead = refused(&env, OrderPlaced { order: None }, "").await;
    assert_eq!(dead.reason, "payload-undecodable");
}

#[tokio::test]
async fn an_order_placed_again_by_another_event_is_the_same_order() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&placed("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderAccepted>("o-1").await, 1);
    let recorded = recorded(&env, "o-1").await;
    assert_eq!(
        recorded.last(),
        Some(&("order.placed".into(), OrderState::Accepted, "already-applied".into()))
    );
}

#[tokio::test]
async fn a_shops_order_under_a_second_id_is_a_case() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let mut again = order("o-2");
    again.shop_order_id = "T-o-1".into();
    let dead = refused(&env, OrderPlaced { order: Some(again) }, "o-2").await;
    assert_eq!(dead.reason, "order-changed");
    assert_eq!(orders::progress(&env.db().await, "o-2").await.unwrap(), None);
}

#[tokio::test]
async fn an_odd_e_mail_address_costs_the_mails_and_not_the_order() {
    let env = env().await;
    for (id, said, kept) in [
        ("o-1", "", ""),
        ("o-2", "two..dots@example.com", ""),
        ("o-3", "ask me", ""),
        ("o-4", "test@b\u{fc}cher.example", "test@xn--bcher-kva.example"),
    ] {
        let mut odd = order(id);
        odd.customer.as_mut().unwrap().email = said.to_owned();
        env.deliver(&OrderPlaced { order: Some(odd) }).await;
        let accepted: OrderAccepted = env.expect(id).await;
        assert_eq!(accepted.order.unwrap().customer.unwrap().email, kept, "{said}");
        let sql = "select detail like '%so no mails' from orders.timeline where order_id = $1";
        assert_eq!(env.db().await.query_one(sql, &[&id]).await.unwrap().get::<_, bool>(0), kept.is_empty());
    }
    let mut nobody = order("o-5");
    nobody.customer = None;
    env.deliver(&OrderPlaced { order: Some(nobody) }).await;
    let accepted: OrderAccepted = env.expect("o-5").await;
    assert_eq!(accepted.order.unwrap().customer, None);
}
