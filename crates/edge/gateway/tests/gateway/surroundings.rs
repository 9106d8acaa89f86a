//! A gateway whose machine's clock is wrong, or whose broker takes small messages only.

use std::time::{Duration, SystemTime};

use despatch_contracts::order::{OrderAccepted, OrderPlaced};
use despatch_runtime::{PartState, Process, Settings};
use despatch_testkit::{TestEnv, eventually, nats_with_max_payload};

use crate::fixture::{TestGateway, order, place};

#[tokio::test]
async fn a_gateway_with_a_wrong_clock_gives_orders_the_right_time() {
    for days in [-60, 60] {
        let env = TestEnv::new().await;
        let clock = format!(
            "create function public.despatch_now() returns timestamptz
                 language sql stable return now() + interval '{days} days'"
        );
        env.db().await.batch_execute(&clock).await.unwrap();
        let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
        let answer = gateway.send(place(&order("1"))).await;
        assert_eq!(answer.status, 201, "{days} days");
        let order_id = answer.order_id();
        let _: OrderAccepted = env.expect(&order_id).await;
        assert_eq!(env.messages("dead.>").await.len(), 0, "{days} days");

        let now: SystemTime = env.db().await.query_one("select despatch_now()", &[]).await.unwrap().get(0);
        let placed: OrderPlaced = env.expect(&order_id).await;
        let placed_at = SystemTime::try_from(placed.order.unwrap().placed_at.unwrap()).unwrap();
        let (seconds, nanos) = uuid::Uuid::parse_str(&order_id).unwrap().get_timestamp().unwrap().to_unix();
        let named_at = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        for time in [placed_at, named_at] {
            let apart = now.duration_since(time).unwrap_or_else(|error| error.duration());
            assert!(apart < Duration::from_secs(60), "{days} days: {apart:?}");
        }
    }
}

#[tokio::test]
async fn an_order_that_the_broker_would_not_take_is_refused() {
    let env = TestEnv::new().await;
    let small = nats_with_max_payload(&env.settings().nats_url, 64 * 1024).await;
    let settings = Settings { nats_url: small, ..env.settings().clone() };
    let process = Process::start(settings.clone(), vec![despatch_gateway::worker()]).await.unwrap();
    process.health().until_ready().await;
    let said = eventually("it is said", async || match process.health().parts().get("max_payload") {
        Some(PartState::Degraded(why)) => Some(why.clone()),
        _ => None,
    });
    assert!(said.await.contains("65536 bytes at most"));
    let gateway = TestGateway::of(&process, &settings).await;
    let mut large = order("1");
    large["lines"][0]["title"] = "x".repeat(17 * 1024).into();
    let refused = gateway.send(place(&large)).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (413, Some("too-large")));
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("at most 16384"), "{refused:?}");
    let taken = gateway.send(place(&order("2"))).await;
    assert_eq!(taken.status, 201);
    let _: OrderPlaced = env.expect(&taken.order_id()).await;
    assert_eq!(env.messages("dead.>").await.len(), 0);
}
