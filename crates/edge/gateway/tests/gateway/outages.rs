//! The gateway's answers and its stored orders while a server behind it is unreachable.

use despatch_contracts::order::OrderPlaced;
use despatch_runtime::{Process, Settings};
use despatch_testkit::{TestEnv, eventually};
use futures_util::future::join_all;

use crate::fixture::{Request, TestGateway, order, place};

/// An address at which nothing listens.
const UNREACHABLE: &str = "127.0.0.1:1";

#[tokio::test]
async fn without_postgres_nothing_is_taken() {
    let settings =
        Settings::new(format!("nats://{UNREACHABLE}"), format!("postgres://despatch@{UNREACHABLE}/despatch"));
    let process = Process::start(settings.clone(), vec![despatch_gateway::worker()]).await.unwrap();
    let gateway = TestGateway::of(&process, &settings).await;
    for request in [
        place(&order("1")),
        Request::new("GET", "/v1/orders/01920000-0000-7000-8000-000000000001").trusted(),
        Request::new("GET", "/labels/1").trusted(),
        Request::new("GET", "/readyz"),
    ] {
        let path = request.path.clone();
        let answer = gateway.send(request).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{path}");
        assert_eq!(answer.json()["error"]["code"], "unavailable");
    }
    assert_eq!(gateway.send(Request::new("GET", "/healthz")).await.status, 200);
}

#[tokio::test]
async fn without_nats_orders_are_taken_and_go_out_later() {
    let env = TestEnv::new().await;
    let mut settings = env.settings().clone();
    settings.nats_url = format!("nats://{UNREACHABLE}");
    let process = Process::start(settings.clone(), vec![despatch_gateway::worker()]).await.unwrap();
    let gateway = TestGateway::of(&process, &settings).await;
    let order_id = eventually("the schema is there and the order is taken", async || {
        let answer = gateway.send(place(&order("1"))).await;
        (answer.status < 300).then(|| answer.order_id())
    })
    .await;
    assert_eq!(gateway.send(Request::new("GET", "/readyz")).await.status, 200);
    drop(process);
    // Another process, with a broker, publishes what this one committed.
    env.run(despatch_gateway::worker()).await;
    let _: OrderPlaced = env.expect(&order_id).await;
    assert_eq!(env.count::<OrderPlaced>(&order_id).await, 1);
}

#[tokio::test]
async fn a_postgres_that_goes_away_is_picked_up_again() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    assert_eq!(gateway.send(place(&order("1"))).await.status, 201);
    let (server, database) = env.settings().database_url.rsplit_once('/').unwrap();
    let (admin, connection) =
        tokio_postgres::connect(&format!("{server}/postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let allow = |allowed: bool| format!("alter database {database} allow_connections {allowed}");

    admin.batch_execute(&allow(false)).await.unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    admin.execute(end, &[&database]).await.unwrap();
    let answer = gateway.send(place(&order("2"))).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
    assert_eq!(gateway.send(Request::new("GET", "/readyz")).await.status, 503);

    admin.batch_execute(&allow(true)).await.unwrap();
    let order_id = eventually("orders are taken again", async || {
        let answer = gateway.send(place(&order("2"))).await;
        (answer.status < 300).then(|| answer.order_id())
    })
    .await;
    let _: OrderPlaced = env.expect(&order_id).await;
}

#[tokio::test]
async fn a_gateway_that_stops_finishes_what_it_began() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    let orders: Vec<_> = (0..50).map(|n| order(&n.to_string())).collect();
    let answers = join_all(orders.iter().map(|order| gateway.send(place(order)))).await;
    gateway.close().await.unwrap();
    for answer in answers {
        let _: OrderPlaced = env.expect(&answer.order_id()).await;
    }
}
