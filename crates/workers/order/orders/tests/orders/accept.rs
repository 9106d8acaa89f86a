//! What is accepted, what becomes a case, and that neither happens twice.

use despatch_contracts::order::{OrderAccepted, OrderPlaced};
use despatch_contracts::runtime::DeadLetter;
use despatch_orders::{State, store};
use despatch_testkit::{Bed, order};

use crate::story::{accepted, bed, placed, status, told};

async fn refused(bed: &Bed, placed: OrderPlaced, id: &str) -> DeadLetter {
    bed.deliver(&placed).await;
    let dead = bed.expect_dead(id).await;
    bed.quiet().await;
    assert_eq!(bed.count::<OrderAccepted>(id).await, 0);
    dead
}

#[tokio::test]
async fn a_valid_order_is_accepted_once_with_all_that_was_ordered() {
    let bed = bed().await;
    bed.deliver(&placed("o-1")).await;
    let accepted: OrderAccepted = bed.expect("o-1").await;
    assert_eq!(accepted.order, Some(order("o-1")));
    bed.quiet().await;
    assert_eq!(bed.count::<OrderAccepted>("o-1").await, 1);

    let status = status(&bed, "o-1").await;
    assert_eq!((status.order, status.state), (order("o-1"), State::Accepted));
    assert_eq!(status.completed_at, None);
    assert_eq!(told(&bed, "o-1").await, [("order.placed".into(), State::Accepted, "order-valid".into())]);

    let db = bed.db().await;
    assert_eq!(store::find(&db, "test", "T-o-1").await.unwrap().as_deref(), Some("o-1"));
    assert_eq!(store::find(&db, "other", "T-o-1").await.unwrap(), None);
    assert_eq!(store::counts_by_state(&db).await.unwrap(), [(State::Accepted, 1)]);
}

#[tokio::test]
async fn an_order_that_cannot_be_fulfilled_is_a_case_that_tells_all_that_is_wrong() {
    let bed = bed().await;
    let mut bad = order("o-1");
    bad.lines[0].sku = String::new();
    bad.total_minor += 1;
    let dead = refused(&bed, OrderPlaced { order: Some(bad) }, "o-1").await;
    assert_eq!(dead.reason, "sku-missing", "the first problem decides");
    let error = &dead.failures.last().expect("a failure").error;
    assert!(error.contains("line 1 has no SKU") && error.contains("13001"), "{error}");
    assert_eq!(store::order(&bed.db().await, "o-1").await.unwrap(), None, "nothing is kept of it");
}

#[tokio::test]
async fn an_event_without_an_order_is_a_case() {
    let bed = bed().await;
    let dead = refused(&bed, OrderPlaced { order: None }, "").await;
    assert_eq!(dead.reason, "payload-undecodable");
}

#[tokio::test]
async fn an_order_placed_again_by_another_event_is_the_same_order() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    bed.deliver(&placed("o-1")).await;
    bed.quiet().await;
    assert_eq!(bed.count::<OrderAccepted>("o-1").await, 1);
    let told = told(&bed, "o-1").await;
    assert_eq!(told.last(), Some(&("order.placed".into(), State::Accepted, "already-applied".into())));
}

#[tokio::test]
async fn a_shops_order_under_a_second_id_is_a_case() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    let mut again = order("o-2");
    again.shop_order_id = "T-o-1".into();
    let dead = refused(&bed, OrderPlaced { order: Some(again) }, "o-2").await;
    assert_eq!(dead.reason, "order-changed");
    assert_eq!(store::order(&bed.db().await, "o-2").await.unwrap(), None);
}
