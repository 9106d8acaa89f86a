//! Suppliers are reminded of a delivery that is overdue, once for each due time.

use std::time::{Duration, SystemTime};

use despatch_contracts::stock::{DeliveryLine, DeliveryOverdue};
use despatch_testkit::eventually;

use super::{env, sandbox};

fn overdue(due: Duration, contact: &str) -> DeliveryOverdue {
    DeliveryOverdue {
        delivery: "PO 17".into(),
        due: Some((SystemTime::UNIX_EPOCH + due).into()),
        supplier: "Acme".into(),
        contact: contact.into(),
        lines: vec![DeliveryLine { sku: "A".into(), location: "main".into(), expected: 5, booked: 2 }],
        number_of_lines: 1,
    }
}

#[tokio::test]
async fn a_supplier_gets_one_mail_for_each_due_time_however_often_the_fact_comes() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    let day = |number: u64| Duration::from_secs(1_796_256_000 + number * 86_400);
    // The same fact under two ids, each delivered twice.
    for _ in 0..2 {
        env.deliver(&overdue(day(0), "orders@acme.example")).await;
        env.quiet().await;
    }
    assert_eq!(mail.counts().mails, 1);
    env.deliver(&overdue(day(5), "orders@acme.example")).await;
    // Nobody to write to.
    env.deliver(&overdue(day(7), "")).await;
    eventually("the second mail", async || (mail.counts().mails == 2).then_some(())).await;
    env.quiet().await;
    let counts = mail.counts();
    assert_eq!((counts.mails, counts.distinct_mails), (2, 2));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_a_case() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    env.deliver(&overdue(Duration::from_secs(1), "no address")).await;
    let letter = env.expect_dead("PO 17").await;
    assert_eq!(
        (letter.handler.as_str(), letter.reason.as_str()),
        ("notifications.remind-supplier", "recipient-rejected")
    );
    assert_eq!(mail.counts().mails, 0);
}
