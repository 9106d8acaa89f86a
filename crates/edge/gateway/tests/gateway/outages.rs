//! The gateway's answers and its stored orders while a server behind it is unreachable.

use despatch_contracts::order::OrderPlaced;
use despatch_runtime::{Process, Settings};
use despatch_stack::{Options, Stack};
use despatch_testkit::{TestEnv, eventually};
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};

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
    assert_eq!(gateway.send(Request::new("GET", "/readyz?exclude=nats")).await.status, 200);
    let answer = gateway.send(Request::new("GET", "/readyz")).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &"unpublished".into()));
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
    readyz(&gateway, "", 503).await;

    admin.batch_execute(&allow(true)).await.unwrap();
    let order_id = eventually("orders are taken again", async || {
        let answer = gateway.send(place(&order("2"))).await;
        (answer.status < 300).then(|| answer.order_id())
    })
    .await;
    let _: OrderPlaced = env.expect(&order_id).await;
}

/// Asks until the answer has this status.
async fn readyz(gateway: &TestGateway, query: &str, status: u16) {
    eventually(&format!("/readyz{query} is {status}"), async || {
        let answer = gateway.send(Request::new("GET", format!("/readyz{query}"))).await;
        (answer.status == status).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_hang_make_the_gateway_unready_until_they_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let stack = Stack::start(Options::new(dir.path())).await.unwrap();
    let mut settings = Settings::new(stack.nats_url(), stack.database_url());
    settings.namespace = String::from("hang");
    let env = TestEnv::join(settings.clone()).await;
    let process = env.run(despatch_gateway::worker()).await;
    let gateway = TestGateway::patient(&process, &settings, 2_000).await;
    readyz(&gateway, "", 200).await;

    let nats = Hung::stop(stack.nats_pid());
    readyz(&gateway, "", 503).await;
    // A committed order reaches the broker later.
    readyz(&gateway, "?exclude=nats", 200).await;
    let order_id = eventually("the order is taken", async || {
        let answer = gateway.send(place(&order("1"))).await;
        (answer.status < 300).then(|| answer.order_id())
    })
    .await;
    drop(nats);
    readyz(&gateway, "", 200).await;
    let _: OrderPlaced = env.expect(&order_id).await;

    let postgres = Hung::stop(stack.postgres_pid());
    readyz(&gateway, "?exclude=nats", 503).await;
    readyz(&gateway, "", 503).await;
    drop(postgres);
    readyz(&gateway, "", 200).await;
    drop((gateway, process, env));
    stack.stop().await.unwrap();
}

/// A database whose tables cannot grow: the disk is full, or as good as.
#[tokio::test]
async fn a_database_without_room_makes_the_gateway_unready() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, Vec::new()).await;
    readyz(&gateway, "", 200).await;
    let db = env.db().await;
    db.batch_execute(
        "create function gateway.full() returns trigger language plpgsql as
             $$ begin raise 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
         create trigger full_disk before insert on gateway.journal for each row execute function gateway.full();",
    )
    .await
    .unwrap();
    assert_eq!(gateway.send(place(&order("1"))).await.status, 503);
    readyz(&gateway, "", 503).await;
    db.batch_execute("drop trigger full_disk on gateway.journal").await.unwrap();
    readyz(&gateway, "", 200).await;
    assert_eq!(gateway.send(place(&order("1"))).await.status, 201);
}

/// A server whose processes are stopped until this is dropped.
struct Hung(Vec<Pid>);

impl Hung {
    fn stop(server: Option<u32>) -> Self {
        let server = server.unwrap();
        let children =
            std::fs::read_dir(format!("/proc/{server}/task")).unwrap().flatten().flat_map(|task| {
                let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
                children.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
            });
        let pid = |pid: u32| Pid::from_raw(pid.try_into().unwrap()).unwrap();
        let pids: Vec<Pid> = std::iter::once(server).chain(children).map(pid).collect();
        for pid in &pids {
            // A child may have ended meanwhile.
            let _ = kill_process(*pid, Signal::STOP);
        }
        Hung(pids)
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, Signal::CONT);
        }
    }
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
