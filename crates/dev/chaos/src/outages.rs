//! Providers out of service, one after the other, each over its share of the orders and with moved time. Nothing is lost
//! and nobody has to act. The held events go on at the rate that the breaker allows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use despatch_order_files::FileOrder;
use despatch_runtime::Database;
use despatch_sandbox::{Faults, Operation, Rates};
use despatch_scenario::{Discrepancy, advance_time};

use crate::deployment::{Deployment, STREAM};
use crate::result::Result;
use crate::shop::{People, Shop, until};

/// An outage to go through.
struct Outage {
    name: &'static str,
    worker: &'static str,
    provider: &'static str,
    reason: &'static str,
    rates: Rates,
    operations: &'static [Operation],
    /// The operation that an event begins with, whose requests are counted.
    counted: Operation,
    lasts: Duration,
}

/// Steps in which an outage's time is moved.
const STEPS: u32 = 12;

/// How long each part of an outage may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(900);

const HOUR: Duration = Duration::from_secs(3600);

fn outages() -> [Outage; 3] {
    let down = Rates { outage: 1.0, ..Rates::default() };
    [
        Outage {
            name: "the mail server is down for an hour",
            worker: "notifications",
            provider: "smtp",
            reason: "provider-down",
            rates: down,
            operations: &[Operation::Mail],
            counted: Operation::Mail,
            lasts: HOUR,
        },
        Outage {
            name: "the carrier is down for an hour",
            worker: "labels",
            provider: "shippo",
            reason: "provider-down",
            rates: down,
            operations: &[Operation::Shipment, Operation::Label, Operation::FindLabel],
            counted: Operation::Shipment,
            lasts: HOUR,
        },
        Outage {
            name: "Stripe refuses the key for five minutes",
            worker: "payments",
            provider: "stripe",
            reason: "provider-refused",
            rates: Rates { refused: 1.0, ..Rates::default() },
            operations: &[Operation::Capture, Operation::FindPayment, Operation::Refund, Operation::Cancel],
            counted: Operation::FindPayment,
            lasts: Duration::from_secs(300),
        },
    ]
}

/// Goes through every outage, and returns the violations.
pub(crate) async fn run_outages(
    deployment: &mut Deployment,
    orders: Vec<FileOrder>,
) -> Result<Vec<Discrepancy>> {
    deployment.sandbox.record_requests();
    let mut shop = Shop::open(deployment, orders, People::default()).await?;
    let outages = outages();
    let mut wrong = Vec::new();
    println!(
        "{:<42} {:>7} {:>6} {:>7} {:>9} {:>10} {:>6} {:>7} {:>5}",
        "outage", "orders", "held", "probes", "out after", "highest/s", "cases", "alerts", "dead"
    );
    for (number, outage) in (1_usize..).zip(&outages) {
        let orders = shop.orders() * number / outages.len();
        let number = i64::try_from(number)?;
        wrong.extend(go_through(deployment, &mut shop, outage, (number, orders)).await?);
    }
    let about = |wrong| Discrepancy { about: "outages".to_owned(), wrong };
    let mut violations: Vec<Discrepancy> = wrong.into_iter().map(about).collect();
    violations.extend(shop.audit(deployment, true).await?);
    Ok(violations)
}

/// Goes through one outage while the shop places orders up to this number, and returns what is wrong.
async fn go_through(
    deployment: &mut Deployment,
    shop: &mut Shop,
    outage: &Outage,
    (number, orders): (i64, usize),
) -> Result<Vec<String>> {
    let Outage { name, worker, provider, reason, rates, operations, counted, lasts } = outage;
    let database = deployment.database()?;
    let before = shop.accepted.count();
    let rates = operations.iter().map(|operation| (*operation, *rates));
    deployment.sandbox.set_faults(Faults { rates: rates.collect::<BTreeMap<_, _>>(), ..Faults::none() })?;
    shop.place_up_to(orders);
    let breaker = async || Breaker::read(&database, worker, provider).await;
    let mut held = (0, Instant::now());
    until("the breaker holds everything", WITHIN, async || {
        shop.watch.check(deployment)?;
        let now = breaker().await?;
        if now.held != held.0 {
            held = (now.held, Instant::now());
        }
        let settled = held.1.elapsed() > Duration::from_secs(3);
        let all = shop.accepted.count() == orders && now.held >= orders - before;
        Ok(now.state == "open" && now.held == now.waiting && all && settled)
    })
    .await?;
    let held = held.0;
    for _ in 0..STEPS {
        let probes = breaker().await?.probes;
        advance_time(&database, *lasts / STEPS).await?;
        until("an event probes", WITHIN, async || Ok(breaker().await?.probes > probes)).await?;
    }
    let probes = breaker().await?.probes;
    let mark = deployment.sandbox.recorded_requests().len();
    deployment.sandbox.set_faults(Faults::none())?;
    advance_time(&database, Duration::from_secs(60)).await?;
    let back = Instant::now();
    until("everything has gone on", WITHIN, async || {
        let now = breaker().await?;
        Ok(now.state == "closed" && now.waiting == 0)
    })
    .await?;
    let out_after = back.elapsed();
    let requests = deployment.sandbox.recorded_requests().split_off(mark);
    let served = requests.iter().filter(|request| request.operation == *counted && request.fault.is_none());
    let served: Vec<Instant> = served.map(|request| request.at).collect();

    let client = database.client().await?;
    let mut wrong = Vec::new();
    let count = async |sql: &str| Result::Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0));
    let resolved = "select count(*) from exceptions.exception where resolution = 'recovered'";
    until("the case resolves by itself", WITHIN, async || Ok(count(resolved).await? == number)).await?;
    let cases = count("select count(*) from exceptions.exception").await?;
    let of_reason = format!(
        "select count(*) from exceptions.exception where handler = '{worker}.{provider}' and reason = '{reason}'"
    );
    let by_hand = "select count(*) from exceptions.history where kind not in ('out-of-service', 'recovered')";
    let (own, by_hand) = (count(&of_reason).await?, count(by_hand).await?);
    let alerts = on_stream(deployment, "evt.alert.raised").await?;
    let dead = on_stream(deployment, "dead.>").await?;
    let too_early = first_too_early(&served);
    println!(
        "{name:<42} {:>7} {held:>6} {probes:>7} {:>8.1}s {:>10} {own:>6} {:>7} {dead:>5}",
        orders - before,
        out_after.as_secs_f64(),
        most_in_a_second(&served),
        alerts - (number - 1).unsigned_abs(),
    );
    let number_of = number.unsigned_abs();
    for (holds, what) in [
        (
            cases == number && own == 1,
            format!("{name}: {cases} cases after {number} outages, {own} of this one"),
        ),
        (alerts == number_of, format!("{name}: {alerts} alerts after {number} outages")),
        (dead == 0, format!("{name}: {dead} dead letters")),
        (by_hand == 0, format!("{name}: {by_hand} decisions by people")),
        (too_early.is_none(), format!("{name}: request {too_early:?} came before the rate allowed it")),
        (!served.is_empty(), format!("{name}: no request was served")),
    ] {
        if !holds {
            wrong.push(what);
        }
    }
    Ok(wrong)
}

/// Returns the number of the first request that came before the breaker's rate allowed it.
///
/// The first request is the probe. Each answer raises the rate of 5 a second by 0.05, so that at most this many requests
/// can follow in so many seconds. A delay only makes them fewer.
fn first_too_early(served: &[Instant]) -> Option<u32> {
    let first = served.first()?;
    (0_u32..)
        .zip(served)
        .skip(1)
        .find(|(number, at)| {
            let seconds = at.duration_since(*first).as_secs_f64();
            f64::from(*number) > 100.0 * ((0.05 * seconds).exp() - 1.0) + 2.0
        })
        .map(|(number, _)| number)
}

fn most_in_a_second(served: &[Instant]) -> usize {
    let within = |from: &Instant| {
        served.iter().filter(|at| **at >= *from && at.duration_since(*from) < Duration::from_secs(1)).count()
    };
    served.iter().map(within).max().unwrap_or(0)
}

/// A breaker's row, and how much waits.
struct Breaker {
    state: String,
    probes: i64,
    held: usize,
    waiting: usize,
}

impl Breaker {
    /// A worker that has just migrated may not have its row yet, and then lets everything through.
    async fn read(database: &Database, worker: &str, provider: &str) -> Result<Self> {
        let sql = format!(
            "select coalesce(max(state), 'closed'), coalesce(max(probes), 0)::int8,
                    (select count(*) from {worker}.retry where held_by = $1),
                    (select count(*) from {worker}.journal where state = 'waiting')
               from {worker}.breaker where provider = $1"
        );
        let row = database.client().await?.query_one(&sql, &[&provider]).await?;
        let count = |at| usize::try_from(row.get::<_, i64>(at)).unwrap_or_default();
        Ok(Breaker { state: row.get(0), probes: row.get(1), held: count(2), waiting: count(3) })
    }
}

/// Returns how many messages of these subjects are on the stream.
async fn on_stream(deployment: &Deployment, subject: &str) -> Result<u64> {
    let stream = deployment.jetstream().await?.get_stream(STREAM).await?;
    let mut subjects = stream.info_with_subjects(subject).await?;
    let mut count = 0;
    while let Some(subject) = futures_util::StreamExt::next(&mut subjects).await {
        count += u64::try_from(subject?.1)?;
    }
    Ok(count)
}
