//! The gateway: orders over HTTP on connections that are kept, each answered when it is committed.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use despatch_gateway::{Config, Secret};
use despatch_read_model::ReadModel;
use despatch_runtime::Process;
use despatch_testkit::order_json;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bounds::at_least_one;
use crate::load::run_env::{RunEnv, Servers};
use crate::measure::report::{self, Report};
use crate::measure::run::Run;
use crate::measure::spread::Spread;
use crate::options::Options;
use crate::result::{Error, Result};

/// The load on the gateway.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct GatewayLoad {
    /// Orders in each measured run.
    #[arg(long, default_value_t = 50_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) orders: usize,
    /// Orders that warm up before each of them.
    #[arg(long, default_value_t = 5_000, value_name = "N")]
    pub(crate) warm_up: usize,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = at_least_one)]
    pub(crate) connections: usize,
}

/// The API key for orders.
pub(crate) const API_KEY: &str = "bench-api-key";

/// The longest answer that is measured, in microseconds.
const LONGEST: u64 = 60_000_000;

/// `bench gateway`.
pub(crate) async fn command(options: &Options, load: GatewayLoad) -> Result<ExitCode> {
    let mut report = Report::new("gateway");
    let servers = Servers::start(options).await?;
    let (mut runs, mut answers) = (Vec::new(), Vec::new());
    for number in 1..=options.runs {
        let (run, times) = once(&servers, load).await?;
        eprintln!("gateway {number}: {:.0} orders/s accepted", run.orders_per_second());
        runs.push(run);
        answers.push(times);
    }
    servers.stop().await?;
    report.field("orders", load.orders);
    report.field("connections", load.connections);
    report.field("runs", options.runs);
    report::rates(&mut report, "orders_per_second", "orders/s accepted", &runs);
    for (name, label, quantile) in [("p50_ms", "answer p50 ms", 0.5), ("p99_ms", "answer p99 ms", 0.99)] {
        let spread = Spread::of(answers.iter().map(|times| report::milliseconds(times, quantile)));
        report.line(label, spread);
        report.field(name, spread.median);
    }
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn once(servers: &Servers, load: GatewayLoad) -> Result<(Run, Histogram<u64>)> {
    let env = servers.run_env().await?;
    let process = Process::start(env.settings.clone(), vec![despatch_gateway::worker()]).await?;
    process.health().until_ready().await;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let outbox = process.outbox(despatch_gateway::NAME).ok_or("the process runs the gateway")?;
    let shutdown = CancellationToken::new();
    let read_model = ReadModel::new(&env.settings)?;
    let serving =
        tokio::spawn(despatch_gateway::serve(config(), outbox, read_model, listener, shutdown.clone()));

    place(address, load.connections, "warm-up", load.warm_up).await?;
    let mut accepted = Vec::new();
    let placing = async {
        accepted = place(address, load.connections, "bench", load.orders).await?;
        Ok(())
    };
    let run = Run::of(load.orders, servers.pids(), Vec::new(), placing).await?;

    shutdown.cancel();
    serving.await??;
    process.drain().await;
    let mut times = Histogram::new_with_max(LONGEST, 3)?;
    let mut order_ids = Vec::new();
    for connection in accepted {
        times.add(connection.times)?;
        order_ids.extend(connection.order_ids);
    }
    audit(&env, order_ids, load).await?;
    env.clear().await?;
    Ok((run, times))
}

/// Returns the configuration with the binary's defaults.
fn config() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        body_limit_bytes: 1024 * 1024,
        requests_per_second: 0,
        connections: 4096,
        connections_per_address: 0,
        trusted_proxies: Vec::new(),
        batch: 256,
        commit_wait_ms: 20_000,
        retry_after_seconds: 5,
        api_keys: vec![Secret::new(API_KEY)],
        shop_name: "Quay Street Supplies".to_owned(),
        link_secret: Secret::new("bench-link-secret-of-at-least-32-bytes"),
        former_link_secrets: Vec::new(),
        order_page_days: 90,
        shopify: Vec::new(),
        woocommerce: Vec::new(),
        shippo_tokens: Vec::new(),
        stripe_secrets: Vec::new(),
    }
}

/// The answers to one connection.
pub(crate) struct Accepted {
    /// Microseconds from each request to its answer.
    times: Histogram<u64>,
    order_ids: Vec<Uuid>,
}

/// Places orders over this many connections, one request at a time on each.
pub(crate) async fn place(
    address: SocketAddr,
    connections: usize,
    shop: &str,
    orders: usize,
) -> Result<Vec<Accepted>> {
    let next = AtomicUsize::new(0);
    let connection = async || {
        let mut accepted = Accepted { times: Histogram::new_with_max(LONGEST, 3)?, order_ids: Vec::new() };
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= orders {
                return Ok::<_, Error>(accepted);
            }
            let body = order_json(shop, &number.to_string()).to_string();
            let asked = Instant::now();
            accepted.order_ids.push(send(&mut sender, address, body).await?);
            accepted.times.saturating_record(u64::try_from(asked.elapsed().as_micros())?);
        }
    };
    try_join_all((0..connections).map(|_| connection())).await
}

/// Sends one order; returns its id.
async fn send(sender: &mut SendRequest<Full<Bytes>>, address: SocketAddr, body: String) -> Result<Uuid> {
    sender.ready().await?;
    let request = Request::post("/v1/orders")
        .header("host", address.to_string())
        .header("authorization", format!("Bearer {API_KEY}"))
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if status != StatusCode::CREATED {
        return Err(format!("an order was answered with {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    let answer: Value = serde_json::from_slice(&body)?;
    let order_id = answer["order_id"].as_str().ok_or("an answer without an order id")?;
    Ok(Uuid::try_parse(order_id)?)
}

/// Fails unless every order that was answered 2xx is in PostgreSQL, and its event on the stream.
async fn audit(env: &RunEnv, mut order_ids: Vec<Uuid>, load: GatewayLoad) -> Result {
    order_ids.sort_unstable();
    order_ids.dedup();
    let db = env.db().await?;
    let sql = "select (select count(*) from gateway.orders where order_id = any($1)),
                      (select count(*) from gateway.orders), (select count(*) from gateway.outbox_batch)";
    let row = db.query_one(sql, &[&order_ids]).await?;
    let found: [i64; 3] = [0, 1, 2].map(|column| row.get(column));
    let all = load.orders + load.warm_up;
    let expected = [load.orders, all, 0].map(i64::try_from);
    if order_ids.len() != load.orders
        || !found.iter().zip(expected).all(|(found, expected)| Ok(*found) == expected)
    {
        return Err(format!(
            "{} orders were accepted under {} ids; of these are in the database, all orders there, outbox batches: \
             {found:?}",
            load.orders,
            order_ids.len()
        )
        .into());
    }
    let stream = env.jetstream.get_stream(env.stream()).await?;
    let subject = format!("{}.evt.order.placed", env.settings.namespace);
    let mut subjects = stream.info_with_subjects(subject).await?;
    let mut published = 0;
    while let Some(counted) = subjects.next().await {
        published += counted?.1;
    }
    if published != all {
        return Err(format!("{all} orders were accepted, {published} published").into());
    }
    Ok(())
}
