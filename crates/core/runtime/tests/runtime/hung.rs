//! Servers that hang: they keep their connections and answer nothing. The others are gone to.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use despatch_contracts::order::OrderCompleted;
use despatch_runtime::{Database, Process, Settings};
use despatch_testkit::{Condition, Proxy, Servers, TestEnv, eventually};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::fixture::{Fixture, kept, told};

/// Longer than any of this takes, shorter than a server that hangs would.
const IN_TIME: Duration = Duration::from_secs(60);

/// The address in a server's URL.
fn address(url: &str) -> SocketAddr {
    let (_, rest) = url.rsplit_once('@').unwrap_or(("", url.trim_start_matches("nats://")));
    rest.split('/').next().unwrap().parse().expect("the stack's servers have numeric addresses")
}

/// The database's URL with these hosts in place of its own.
fn by_way_of(url: &str, hosts: &[SocketAddr]) -> String {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    url.replace(&address(url).to_string(), &hosts.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_never_answers_does_not_hide_the_next() {
    let url = &Servers::shared().database_url;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = by_way_of(url, &[silent.local_addr().unwrap(), address(url)]);
    let client = Database::new(&url, 1).unwrap().client().await.expect("the second host answers");
    assert_eq!(client.query_one("select 1", &[]).await.unwrap().get::<_, i32>(0), 1);
}

/// Creates a database that takes no writes, as one of a standby, and returns its URL.
async fn read_only_database(env: &TestEnv) -> String {
    let (server, database) = env.settings().database_url.rsplit_once('/').unwrap();
    let url = format!("{server}/{database}_standby");
    let admin = Database::new(&env.settings().database_url, 1).unwrap().client().await.unwrap();
    admin.batch_execute(&format!("create database {database}_standby")).await.unwrap();
    read_only(env, true).await;
    url
}

/// Demotes or promotes it.
async fn read_only(env: &TestEnv, on: bool) {
    let (_, database) = env.settings().database_url.rsplit_once('/').unwrap();
    let sql = format!("alter database {database}_standby set default_transaction_read_only = {on}");
    env.db().await.batch_execute(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_wait_for_one_search_and_go_to_the_host_that_is_promoted() {
    let env = TestEnv::new().await;
    let url = read_only_database(&env).await;
    let (first, second) =
        (Proxy::start(address(&url)).await.unwrap(), Proxy::start(address(&url)).await.unwrap());
    let database = Database::new(&by_way_of(&url, &[first.address(), second.address()]), 30).unwrap();
    let began = std::time::Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let database = database.clone();
        waiting.spawn(async move { database.client().await.is_ok() });
    }
    // The one search asks each host twice a second, however many connections wait for it.
    eventually("the search goes on", async || (second.accepted() >= 3).then_some(())).await;
    let asked = first.accepted() + second.accepted();
    let rounds = 2 + began.elapsed().as_millis() / 400;
    assert!(u128::from(asked) <= 2 * rounds, "{asked} connections in {:?}", began.elapsed());

    read_only(&env, false).await;
    assert!(waiting.join_all().await.into_iter().all(|connected| connected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_takes_no_writes_is_no_host_for_work() {
    let env = TestEnv::new().await;
    let url = read_only_database(&env).await;
    let error = Database::new(&format!("{url}?target_session_attrs=read-write"), 1)
        .unwrap()
        .client()
        .await
        .expect_err("it takes no writes");
    assert!(error.to_string().contains("takes no writes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_at_a_host_that_hangs_is_given_up_and_a_slow_one_is_not() {
    let url = &Servers::shared().database_url;
    let proxy = Proxy::start(address(url)).await.unwrap();
    let database = Database::new(&by_way_of(url, &[proxy.address(), address(url)]), 3).unwrap();
    let (slow, first, second) = tokio::join!(database.client(), database.client(), database.client());
    let (slow, first, second) = (slow.unwrap(), first.unwrap(), second.unwrap());
    // Longer than the limit of silence, and in two halves, whose first is answered.
    slow.batch_execute("select 1; select pg_sleep(4)").await.expect("the server only takes its time");
    // An idle one is not watched, and is found out with the others.
    drop(second);

    proxy.set(Condition::Stalled);
    let lost = timeout(IN_TIME, first.query_one("select 1", &[])).await.expect("it is given up");
    assert!(lost.is_err(), "{lost:?}");
    for _ in 0..3 {
        let client = timeout(IN_TIME, database.client()).await.expect("in time").expect("the second host");
        assert_eq!(client.query_one("select 1", &[]).await.unwrap().get::<_, i32>(0), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_at_the_host_that_answers() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    let mut settings: Settings = env.settings().clone();
    let upstream = address(&settings.database_url);
    let proxy = Proxy::start(upstream).await.unwrap();
    settings.database_url = by_way_of(&settings.database_url, &[proxy.address(), upstream]);
    let process = Process::start(settings, vec![fixture.worker()]).await.unwrap();
    process.health().until_ready().await;
    env.deliver(&told("before", "complete")).await;
    env.expect::<OrderCompleted>("before").await;
    proxy.set(Condition::Stalled);
    for order in 0..20 {
        env.deliver(&told(&format!("during-{order}"), "complete")).await;
    }
    for order in 0..20 {
        env.expect::<OrderCompleted>(&format!("during-{order}")).await;
    }
    assert_eq!(kept(&env, "during-7", "recorded").await, 1);
    assert!(env.messages("dead.>").await.is_empty());
    process.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_hangs_is_left_and_returned_to() {
    let env = TestEnv::new().await;
    let mut settings: Settings = env.settings().clone();
    let upstream = address(&settings.nats_url);
    let (first, second) = (Proxy::start(upstream).await.unwrap(), Proxy::start(upstream).await.unwrap());
    let proxies = [first, second];
    let through =
        |proxy: &Proxy| settings.nats_url.replace(&upstream.to_string(), &proxy.address().to_string());
    settings.nats_url = format!("{},{}", through(&proxies[0]), through(&proxies[1]));
    let fixture = Fixture::new(&env).await;
    let process = Process::start(settings, vec![fixture.worker()]).await.unwrap();
    process.health().until_ready().await;
    let home = usize::from(proxies[1].open() > proxies[0].open());

    proxies[home].set(Condition::Stalled);
    for order in 0..20 {
        env.deliver(&told(&format!("during-{order}"), "complete")).await;
    }
    for order in 0..20 {
        env.expect::<OrderCompleted>(&format!("during-{order}")).await;
    }
    assert!(proxies[1 - home].open() > 0, "the other server carries the work");

    proxies[home].set(Condition::Open);
    eventually("the process returns to its server", async || {
        (proxies[home].open() > 0 && proxies[1 - home].open() == 0).then_some(())
    })
    .await;
    env.deliver(&told("after", "complete")).await;
    env.expect::<OrderCompleted>("after").await;
    process.drain().await;
}
