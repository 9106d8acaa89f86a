//! A mail says so when an order goes to another address.

use despatch_contracts::notification::NotificationSent;
use despatch_contracts::order::{Fulfilment, Order, OrderChanged};
use despatch_testkit::order;

use crate::{accepted, env, messages, sandbox};

#[tokio::test]
async fn the_customer_is_told_of_another_address_unless_the_shop_chose_it() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    let collected = |mut order: Order| {
        order.lines.iter_mut().for_each(|line| line.set_fulfilment(Fulfilment::Pickup));
        order
    };
    let change = |order: Order, change, needs_labels, requested_by: &str| OrderChanged {
        order: Some(order),
        change,
        needs_labels,
        requested_by: requested_by.into(),
    };
    env.deliver(&accepted(order("o-1"))).await;
    env.deliver(&change(order("o-1"), 2, true, "customer")).await;
    env.deliver(&change(order("o-1"), 3, true, "operator")).await;
    env.deliver(&change(order("o-1"), 4, true, "test")).await;
    env.deliver(&change(order("o-1"), 5, false, "customer")).await;
    env.deliver(&change(collected(order("o-1")), 6, true, "customer")).await;
    env.quiet().await;
    let expected = ["accepted.o-1.0@shop.example", "moved.o-1.2@shop.example", "moved.o-1.3@shop.example"];
    assert_eq!(messages(&mail, "o-1"), expected);
    assert_eq!(env.count::<NotificationSent>("o-1").await, 3);
    assert!(env.messages("dead.>").await.is_empty());
}
