//! Orders past their retention go, and are never accepted again.

use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;
use despatch_contracts::order::OrderAccepted;
use despatch_read_model::orders;
use despatch_testkit::eventually;

use crate::fixture::{accepted, cancel, env, placed, timeline};

/// The id of an order that was placed so many days ago.
fn id_of(days: u64) -> String {
    EventId::at(SystemTime::now() - Duration::from_secs(days * 24 * 3600)).to_string()
}

#[tokio::test]
async fn closed_orders_go_after_their_time_and_open_ones_stay() {
    let env = env().await;
    let (closed, open, young) = (id_of(800), id_of(801), id_of(802));
    for id in [&closed, &open, &young] {
        accepted(&env, id).await;
    }
    for id in [&closed, &young] {
        env.deliver(&cancel(id)).await;
    }
    env.quiet().await;
    let db = env.db().await;
    let age = "update orders.progress set updated_at = despatch_now() - interval '731 days' where order_id = any($1)";
    db.execute(age, &[&vec![closed.clone(), open.clone()]]).await.expect("two orders");
    env.run(despatch_orders::worker()).await;
    eventually("the closed order goes", async || {
        orders::progress(&db, &closed).await.expect("the tables are there").is_none().then_some(())
    })
    .await;
    assert!(orders::accepted(&db, &closed).await.expect("a table").is_none());
    assert!(timeline(&env, &closed).await.is_empty());
    assert!(orders::is_pruned(&db, &closed).await.expect("a table"));
    for id in [&open, &young] {
        assert!(orders::accepted(&db, id).await.expect("a table").is_some(), "{id}");
        assert!(!timeline(&env, id).await.is_empty() && !orders::is_pruned(&db, id).await.expect("a table"));
    }

    // However it comes again, it is not accepted again.
    env.deliver(&placed(&closed)).await;
    env.expect_dead(&closed).await;
    assert_eq!(env.count::<OrderAccepted>(&closed).await, 1);
}
