//! Orders are accepted once, however often they are sent, and can be shown and cancelled.

use despatch_contracts::order::{OrderCancelRequested, OrderPlaced, OrderUpdateReported};
use despatch_runtime::migrate_all;
use despatch_testkit::{TestEnv, eventually};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::fixture::{
    Request, SHOPIFY_SAMPLE, TestGateway, WOOCOMMERCE_SAMPLE, order, place, shopify, woocommerce,
};

#[tokio::test]
async fn the_same_order_is_the_same_order() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let first = gateway.send(place(&order("1"))).await;
    assert_eq!((first.status, first.json()["outcome"].as_str()), (201, Some("placed")));
    let order_id = first.order_id();
    assert_eq!(first.header("location"), format!("/v1/orders/{order_id}"));

    // Spelt otherwise, it is still the same.
    let mut again = order("1");
    again["total"] = json!(19);
    again["currency"] = json!(" usd ");
    let again = gateway.send(place(&again)).await;
    assert_eq!((again.status, again.json()["outcome"].as_str()), (200, Some("same")));
    assert_eq!(again.order_id(), order_id);

    let placed: OrderPlaced = env.expect(&order_id).await;
    let placed = placed.order.unwrap();
    assert_eq!((&*placed.order_id, &*placed.shop_order_id, placed.total_minor), (&*order_id, "1", 1900));
    assert!(placed.placed_at.is_some());
    env.quiet().await;
    assert_eq!(env.count::<OrderPlaced>(&order_id).await, 1);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again_and_nobody_else_is() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::limited(&env, 1).await;
    let hasty = join_all((0..20).map(|n| gateway.send(place(&order(&n.to_string()))))).await;
    let refused: Vec<_> = hasty.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() > 10 && hasty.iter().any(|answer| answer.status == 201), "{hasty:?}");
    for answer in refused {
        assert_eq!(answer.json()["error"]["code"], "too-many");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert_eq!(gateway.send(shopify(SHOPIFY_SAMPLE)).await.status, 200, "a shop has its own");
    // A refused order is accepted when it comes again.
    eventually("the last order is taken", async || {
        (gateway.send(place(&order("19"))).await.status != 429).then_some(())
    })
    .await;
}

#[tokio::test]
async fn orders_that_arrive_together_are_one_flow_each() {
    let env = TestEnv::new().await;
    let gateways = [TestGateway::open(&env, Vec::new()).await, TestGateway::open(&env, Vec::new()).await];
    // 20 orders, 10 times each, all at once, at two gateways.
    let orders: Vec<Value> = (0..200).map(|n| order(&(n % 20).to_string())).collect();
    let answers = orders.iter().enumerate().map(|(n, order)| gateways[n % 3 % 2].send(place(order)));
    let answers = join_all(answers).await;
    for n in 0..20 {
        let same: Vec<_> = answers.iter().skip(n).step_by(20).collect();
        let order_id = same[0].order_id();
        assert!(same.iter().all(|answer| answer.order_id() == order_id), "{same:?}");
        assert_eq!(same.iter().filter(|answer| answer.status == 201).count(), 1, "{same:?}");
        let _: OrderPlaced = env.expect(&order_id).await;
        assert_eq!(env.count::<OrderPlaced>(&order_id).await, 1);
    }
    env.quiet().await;
    assert_eq!(env.messages("evt.order.placed").await.len(), 20);
}

#[tokio::test]
async fn a_changed_order_is_a_case_once() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    let mut changed = order("1");
    changed["lines"][0]["quantity"] = json!(3);
    for _ in 0..2 {
        let answer = gateway.send(place(&changed)).await;
        assert_eq!(answer.status, 409);
        let error = &answer.json()["error"];
        assert_eq!((&error["code"], &error["order_id"]), (&json!("order-changed"), &json!(order_id)));
    }
    let letter = env.expect_dead(&order_id).await;
    assert_eq!((&*letter.worker, &*letter.reason), ("gateway", "order-changed"));
    assert_eq!(letter.event.unwrap().payload, changed.to_string().into_bytes());
    env.quiet().await;
    assert_eq!(env.count::<OrderPlaced>(&order_id).await, 1);
    assert_eq!(env.messages("dead.gateway.order-changed").await.len(), 1);

    // Other contents again are another case.
    changed["lines"][0]["quantity"] = json!(4);
    gateway.send(place(&changed)).await;
    eventually("a second case", async || {
        (env.messages("dead.gateway.order-changed").await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_body_that_no_letter_can_carry_is_a_case_without_it() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    let mut changed = order("1");
    changed["total"] = json!("20.00");
    let spacious = format!("{changed}{}", " ".repeat(900 * 1024));
    assert_eq!(gateway.send(place(&changed).body(spacious)).await.status, 409);
    let letter = env.expect_dead(&order_id).await;
    assert!(letter.event.unwrap().payload.is_empty());
    assert!(letter.failures[0].error.contains("too many to be kept"), "{:?}", letter.failures);
}

#[tokio::test]
async fn shops_announce_orders() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
    for (request, reason) in
        [(shopify(SHOPIFY_SAMPLE), "totals-mismatch"), (woocommerce(WOOCOMMERCE_SAMPLE), "sku-missing")]
    {
        let answer = gateway.send(request.clone()).await;
        assert_eq!((answer.status, answer.json()["outcome"].as_str()), (200, Some("placed")));
        let order_id = answer.order_id();
        let again = gateway.send(request.clone()).await;
        assert_eq!((again.status, again.order_id()), (200, order_id.clone()));
        assert_eq!(env.expect_dead(&order_id).await.reason, reason);
        assert_eq!(env.count::<OrderPlaced>(&order_id).await, 1);
    }
}

#[tokio::test]
async fn a_shop_that_changes_its_mind_is_answered_and_reported() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let order_id = gateway.send(woocommerce(WOOCOMMERCE_SAMPLE)).await.order_id();
    let changed = WOOCOMMERCE_SAMPLE.replace("969 Market", "970 Market");
    let answer = gateway.send(woocommerce(changed)).await;
    assert_eq!((answer.status, answer.json()["outcome"].as_str()), (200, Some("changed")));
    assert_eq!(answer.order_id(), order_id);
    let reported: OrderUpdateReported = env.expect(&order_id).await;
    assert_eq!(reported.order.unwrap().ship_to.unwrap().street1, "970 Market");
}

#[tokio::test]
async fn the_sender_s_trace_goes_on() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let order_id = gateway.send(place(&order("1")).with("traceparent", traceparent)).await.order_id();
    let _: OrderPlaced = env.expect(&order_id).await;
    let trace = env.messages("evt.order.placed").await[0].trace();
    assert_eq!(trace.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_ne!(trace.span_id.to_string(), "b7ad6b7169203331");
}

#[tokio::test]
async fn an_order_is_placed_before_orders_has_accepted_it() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    // Its schema is there, but no worker runs.
    migrate_all(env.settings(), &[despatch_orders::worker()]).await.unwrap();
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    let shown = gateway.send(Request::new("GET", format!("/v1/orders/{order_id}")).trusted()).await;
    assert_eq!(shown.status, 200);
    let shown = shown.json();
    assert_eq!((&shown["order_id"], &shown["state"]), (&json!(order_id), &json!("placed")));
    assert_eq!((&shown["shop"], &shown["shop_order_id"]), (&json!("api-shop"), &json!("1")));
    assert_eq!(shown["timeline"], json!([]));
}

#[tokio::test]
async fn a_cancellation_is_passed_on_to_orders() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let from_ann = r#"{"requested_by": "operator", "by": "ann", "reason": " out of print "}"#;
    for (n, body, requested_by, by, reason) in [
        (1, "", "operator", "", "operator-cancelled"),
        (2, r#"{"requested_by": "customer"}"#, "customer", "", "customer-cancelled"),
        (3, from_ann, "operator", "ann", "out of print"),
    ] {
        let order_id = gateway.send(place(&order(&n.to_string()))).await.order_id();
        let cancel = Request::new("POST", format!("/v1/orders/{order_id}/cancel")).trusted().body(body);
        assert_eq!(gateway.send(cancel).await.status, 202);
        let command: OrderCancelRequested = env.expect(&order_id).await;
        assert_eq!((&*command.requested_by, &*command.by, &*command.reason), (requested_by, by, reason));
    }
}
