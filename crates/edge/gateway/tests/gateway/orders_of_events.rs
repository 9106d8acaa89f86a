//! A shop's events of one order, in every order and repeated.

use despatch_contracts::order::{OrderCancelRequested, OrderCancelled, OrderPlaced, OrderUpdateReported};
use despatch_testkit::TestEnv;
use prost::Message as _;
use serde_json::{Value, json};

use crate::fixture::{TestGateway, shopify};

const ORDER: &str = include_str!("../cases/40-shopify-paid-by-shopify-payments.json");

/// Every order of so many things.
fn permutations(of: usize) -> Vec<Vec<usize>> {
    if of == 0 {
        return vec![Vec::new()];
    }
    let insert = |shorter: Vec<usize>| {
        (0..of).map(move |at| {
            let mut longer = shorter.clone();
            longer.insert(at, of - 1);
            longer
        })
    };
    permutations(of - 1).into_iter().flat_map(insert).collect()
}

/// The events of an order: topic and body. The newest says that it is cancelled, or has the last address.
fn events(number: usize, is_cancelled: bool) -> Vec<(&'static str, Value)> {
    let at = |second: u32, status: &str, street: &str| {
        let mut order: Value = serde_json::from_str(ORDER).unwrap();
        order["id"] = json!(700_000 + number);
        order["created_at"] = json!(jiff::Timestamp::now().to_string());
        order["updated_at"] = json!(format!("2026-03-02T09:15:{second:02}-05:00"));
        order["financial_status"] = json!(status);
        order["shipping_address"]["address1"] = json!(street);
        order
    };
    let mut last = ("orders/updated", at(40, "paid", "4 Sample Road"));
    if is_cancelled {
        last.0 = "orders/cancelled";
        last.1["cancelled_at"] = json!("2026-03-02T09:15:40-05:00");
    }
    vec![
        ("orders/create", at(10, "pending", "1 Sample Road")),
        ("orders/paid", at(20, "paid", "1 Sample Road")),
        ("orders/updated", at(30, "paid", "3 Sample Road")),
        last,
    ]
}

#[tokio::test]
async fn in_any_order_a_cancelled_order_is_cancelled_and_the_newest_address_is_known() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
    let mut placed = Vec::new();
    let mut number = 0;
    for is_cancelled in [true, false] {
        for order in permutations(4) {
            number += 1;
            let events = events(number, is_cancelled);
            let mut order_id = String::new();
            // The first half comes again at the end.
            for event in order.iter().chain(&order[..2]) {
                let (topic, body) = &events[*event];
                let answer = gateway.send(shopify(body.to_string()).with("x-shopify-topic", *topic)).await;
                assert_eq!(answer.status, 200, "{order:?}: {answer:?}");
                if order_id.is_empty() {
                    order_id = answer.order_id();
                }
            }
            let comes_first = order[0] == 3;
            assert_eq!(order_id.is_empty(), is_cancelled && comes_first, "{order:?}");
            if !order_id.is_empty() {
                placed.push((order, is_cancelled, order_id));
            }
        }
    }
    env.quiet().await;
    for (order, is_cancelled, id) in &placed {
        assert_eq!(env.count::<OrderPlaced>(id).await, 1, "{order:?}");
        assert_eq!(env.count::<OrderCancelRequested>(id).await, usize::from(*is_cancelled), "{order:?}");
        // An order that was never accepted, because it waited for its payment, is only given up.
        let is_given_up = "select 1 from orders.unpaid where order_id = $1 and given_up_at is not null";
        let is_given_up = env.db().await.query_opt(is_given_up, &[id]).await.unwrap().is_some();
        let cancelled = env.count::<OrderCancelled>(id).await == 1 || is_given_up;
        assert_eq!(cancelled, *is_cancelled, "{order:?}");
    }
    assert_eq!(env.messages("evt.order.placed").await.len(), placed.len());
    let mut newest = std::collections::HashMap::new();
    for event in ["evt.order.placed", "evt.order.update-reported"] {
        for message in env.messages(event).await {
            let order = match event {
                "evt.order.placed" => OrderPlaced::decode(message.payload).unwrap().order.unwrap(),
                _ => OrderUpdateReported::decode(message.payload).unwrap().order.unwrap(),
            };
            newest.insert(order.order_id, order.ship_to.unwrap().street1);
        }
    }
    for (order, is_cancelled, id) in placed.iter().filter(|(_, is_cancelled, _)| !is_cancelled) {
        assert_eq!(newest[id], "4 Sample Road", "{order:?} {is_cancelled}");
    }
}
