//! Addresses for mails go some time after the last mail of their order.

use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;
use despatch_contracts::notification::{NotificationSent, Unsubscribed};
use despatch_testkit::{eventually, order};

use crate::{accepted, config, sandbox};

#[tokio::test]
async fn an_order_s_address_goes_with_the_record_of_its_mails() {
    let mail = sandbox().await;
    let env = crate::env(&mail).await;
    let placed = EventId::at(SystemTime::now() - Duration::from_secs(900 * 24 * 3600));
    let [old, written, young] = ["old", "written", "young"].map(|name| format!("{placed}-{name}"));
    for id in [&old, &written, &young] {
        env.deliver(&accepted(order(id))).await;
        env.expect::<NotificationSent>(id).await;
    }
    env.deliver(&Unsubscribed { order_id: old.clone() }).await;
    env.quiet().await;
    let db = env.db().await;
    // The second order's customer was written to lately.
    let ages = "update notifications.contact set stored_at = despatch_now() - interval '731 days' where order_id <> $1";
    db.execute(ages, &[&young]).await.expect("contacts");
    let ages =
        "update notifications.sent set sent_at = despatch_now() - interval '731 days' where order_id = $1";
    db.execute(ages, &[&old]).await.expect("mails");
    env.run(despatch_notifications::worker(&config(&mail)).expect("a sound configuration")).await;
    let left = async |table: &str| -> Vec<String> {
        let sql = format!("select order_id from notifications.{table} order by order_id");
        db.query(&sql, &[]).await.expect("a table").iter().map(|row| row.get(0)).collect()
    };
    let mut expected = vec![written, young];
    expected.sort();
    eventually("the oldest goes", async || (left("contact").await == expected).then_some(())).await;
    assert_eq!(left("sent").await, expected);
    let unsubscribed =
        db.query_one("select count(*) from notifications.unsubscribed", &[]).await.expect("a count");
    assert_eq!(unsubscribed.get::<_, i64>(0), 1, "nobody writes to them later either");
}
