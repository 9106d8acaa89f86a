//! Lists and counts of orders, over the read model.

use despatch_contracts::order::{Fulfilment, OrderCompleted, OrderPlaced};
use despatch_read_model::orders;
use despatch_status::OrderState;
use despatch_testkit::order;
use jiff::Timestamp;

use crate::fixture::{accepted, cancel, captured, delivered, despatched, env, picked, placed};

/// After every id.
const END: &str = "z";

#[tokio::test]
async fn orders_are_found_by_their_state_and_by_how_long_they_have_not_moved() {
    let env = env().await;
    for id in ["o-1", "o-2", "o-3"] {
        accepted(&env, id).await;
    }
    env.deliver(&picked("o-2", 1, 1)).await;
    env.deliver(&despatched("o-2", 1, 1)).await;
    env.quiet().await;
    let db = env.db().await;
    let accepted = [OrderState::Accepted];
    let in_states = async |states: &[OrderState], idle, before: &str, limit| {
        orders::in_states(&db, states, idle, before, limit).await.unwrap()
    };
    assert_eq!(in_states(&accepted, 0.0, END, 10).await, ["o-3", "o-1"], "the newest first");
    assert_eq!(in_states(&accepted, 0.0, END, 1).await, ["o-3"]);
    assert_eq!(in_states(&accepted, 0.0, "o-3", 10).await, ["o-1"]);
    assert_eq!(in_states(&accepted, 3600.0, END, 10).await, Vec::<String>::new());
    assert_eq!(in_states(&[OrderState::Completed], 0.0, END, 10).await, Vec::<String>::new());

    let ids = ["o-2", "o-4"].map(str::to_owned);
    let summaries = orders::summaries(&db, &ids).await.unwrap();
    assert_eq!(summaries.len(), 1, "an order that is not there is left out");
    let summary = &summaries["o-2"];
    assert_eq!((summary.state, summary.total_minor), (OrderState::Despatched, 13_000));
    assert!((0.0..3600.0).contains(&summary.idle_seconds), "{summary:?}");
}

#[tokio::test]
async fn what_orders_did_is_counted_once_for_each() {
    let env = env().await;
    for id in ["o-1", "o-2", "o-3"] {
        accepted(&env, id).await;
    }
    // Both parcels of one order; a delivery whose despatch was never reported; a cancellation.
    env.deliver(&picked("o-2", 1, 1)).await;
    for parcel in [1, 2] {
        env.deliver(&picked("o-1", parcel, 2)).await;
        env.quiet().await;
        env.deliver(&despatched("o-1", parcel, 2)).await;
    }
    env.deliver(&delivered("o-2", 1, 1)).await;
    // Nothing of this one moves.
    let mut download = order("o-4");
    download.lines.iter_mut().for_each(|line| line.set_fulfilment(Fulfilment::Digital));
    env.deliver(&OrderPlaced { order: Some(download) }).await;
    env.deliver(&captured("o-4")).await;
    env.expect::<OrderCompleted>("o-4").await;
    env.deliver(&cancel("o-3")).await;
    env.quiet().await;
    let db = env.db().await;
    let moved = orders::movements_since(&db, Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((moved.despatched, moved.delivered, moved.cancelled, moved.returned), (2, 1, 1, 0));
    let later = orders::now(&db).await.unwrap();
    assert_eq!(orders::movements_since(&db, later).await.unwrap(), orders::Movements::default());
    let under_way = orders::under_way(&db).await.unwrap();
    let states: Vec<_> = under_way.iter().map(|count| (count.state, count.orders)).collect();
    assert_eq!(states, [(OrderState::Despatched, 1), (OrderState::Delivered, 1)]);
}

#[tokio::test]
async fn what_was_ordered_is_read_whether_or_not_it_was_accepted() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let mut bad = placed("o-2");
    bad.order.as_mut().expect("an order").currency = "???".into();
    env.deliver(&bad).await;
    env.expect_dead("o-2").await;
    let db = env.db().await;
    assert_eq!(orders::accepted(&db, "o-1").await.unwrap(), Some(order("o-1")));
    assert_eq!(orders::accepted(&db, "o-2").await.unwrap(), None);
    assert_eq!(orders::not_accepted(&db, "o-1").await.unwrap(), None);
    assert_eq!(orders::not_accepted(&db, "o-2").await.unwrap(), bad.order);
    assert_eq!(orders::ids_not_accepted(&db, END, 10).await.unwrap(), ["o-2"]);
    assert_eq!(orders::ids_not_accepted(&db, "o-2", 10).await.unwrap(), Vec::<String>::new());
}
