//! What is answered, and what is kept, while a server behind the gateway is away.

use std::net::{SocketAddr, TcpListener};

use despatch_contracts::order::OrderPlaced;
use despatch_runtime::{Process, Settings};
use despatch_testkit::{Bed, eventually};

use crate::door::{Door, Request, order, place};

/// An address at which nothing listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

#[tokio::test]
async fn without_postgres_nothing_is_taken() {
    let settings =
        Settings::new(format!("nats://{}", nobody()), format!("postgres://despatch@{}/despatch", nobody()));
    let process = Process::start(settings.clone(), vec![despatch_gateway::worker()]).await.unwrap();
    let door = Door::of(&process, &settings).await;
    for request in [
        place(&order("1")),
        Request::new("GET", "/v1/orders/01920000-0000-7000-8000-000000000001").trusted(),
        Request::new("GET", "/labels/1").trusted(),
        Request::new("GET", "/readyz"),
    ] {
        let path = request.path.clone();
        let answer = door.send(request).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{path}");
        assert_eq!(answer.json()["error"]["code"], "unavailable");
    }
    assert_eq!(door.send(Request::new("GET", "/healthz")).await.status, 200);
}

#[tokio::test]
async fn without_nats_orders_are_taken_and_go_out_later() {
    let bed = Bed::new().await;
    let mut settings = bed.settings().clone();
    settings.nats_url = format!("nats://{}", nobody());
    let process = Process::start(settings.clone(), vec![despatch_gateway::worker()]).await.unwrap();
    let door = Door::of(&process, &settings).await;
    let order_id = eventually("the schema is there and the order is taken", async || {
        let answer = door.send(place(&order("1"))).await;
        (answer.status < 300).then(|| answer.order_id())
    })
    .await;
    assert_eq!(door.send(Request::new("GET", "/readyz")).await.status, 200);
    // Another process, with a broker, finds what this one owes.
    bed.run(despatch_gateway::worker()).await;
    let _: OrderPlaced = bed.expect(&order_id).await;
    assert_eq!(bed.count::<OrderPlaced>(&order_id).await, 1);
}
