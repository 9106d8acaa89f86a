//! Whole orders: over HTTP into the gateway, through all the real workers, until the customer has reviewed. Providers
//! answer at once and in process, so that only our own code is measured: the cost of an order, by worker.
//!
//! [`deployment`] runs the workers, [`load_generator`] is their surroundings, [`cost`] their resources. [`audit`] fails
//! a run in which not every order was completed exactly once.

mod audit;
mod cost;
mod deployment;
mod load_generator;

use std::process::ExitCode;
use std::time::Instant;

use cost::{Cost, Reading, WorkerCost};
use deployment::{Deployment, Processes};
use despatch_order_files::FileOrder;
use despatch_scenario::{receive_stock, sample};
use load_generator::LoadGenerator;
use serde_json::json;

use crate::bounds::at_least_one;
use crate::load::despatch_process::DespatchProcess;
use crate::load::http_client::HttpClient;
use crate::load::run_env::{RunEnv, Servers};
use crate::measure::report::Report;
use crate::measure::run::Run;
use crate::measure::spread::Spread;
use crate::measure::usage::{Meter, Shares};
use crate::measure::{messages, statements};
use crate::options::Options;
use crate::result::Result;

/// How orders are carried.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct OrdersLoad {
    /// Orders in each measured run, of data/superstore.csv
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = at_least_one)]
    orders: usize,
    /// Orders that warm up before each of them
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = at_least_one)]
    warm_up: usize,
    /// Orders that are placed and not reviewed yet
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = at_least_one)]
    in_flight: usize,
    /// How the workers run
    #[arg(long, value_enum, default_value = "each")]
    processes: Processes,
}

/// `bench orders`.
pub(crate) async fn command(options: &Options, load: OrdersLoad) -> Result<ExitCode> {
    let mut report = Report::new("orders");
    let sample = sample::repeated(load.warm_up + load.orders)?;
    let mut servers = Servers::start(options).await?;
    servers.count_statements().await?;
    let mut runs = Vec::new();
    for number in 1..=options.runs {
        let run = once(&servers, load, &sample).await?;
        let rate = run.run.orders_per_second();
        eprintln!("orders {number}: {rate:.0} orders/s, {:.2} CPU-ms an order", run.cost.cpu_ms);
        runs.push(run);
    }
    servers.stop().await?;
    report.field("orders", load.orders);
    report.field("in_flight", load.in_flight);
    report.field("processes", if load.processes == Processes::One { "one" } else { "each" });
    report.field("runs", options.runs);
    report.line("checked", "every order came to its end exactly once");
    add_totals(&mut report, &runs);
    add_workers(&mut report, &runs);
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

/// A run, and the cost of each order.
struct OrdersRun {
    run: Run,
    cost: Cost,
}

/// Runs once in a new environment.
async fn once(servers: &Servers, load: OrdersLoad, sample: &[FileOrder]) -> Result<OrdersRun> {
    let env = servers.run_env().await?;
    let db = env.db().await?;
    let has_statements = statements::start(&db).await?;
    let mut deployment = Deployment::start(&env, load.processes).await?;
    receive_stock(&deployment.database, sample).await?;
    let http = HttpClient::new(deployment.gateway);
    let mut generator = LoadGenerator::start(&env, http, load.in_flight).await?;
    let (warm_up, measured) = sample.split_at(load.warm_up);
    generator.run(warm_up).await?;
    deployment.until_quiet(&env).await?;

    let pids = deployment.processes.iter().map(DespatchProcess::pid).collect::<Result<Vec<_>>>()?;
    let before = Reading::take(&env, &db, &deployment).await?;
    if has_statements {
        statements::reset(&db).await?;
    }
    let meter = Meter::start(servers.pids(), pids)?;
    let started = Instant::now();
    generator.run(measured).await?;
    deployment.until_quiet(&env).await?;
    let seconds = started.elapsed().as_secs_f64();
    let usage = meter.stop()?;
    let executed = if has_statements { Some(statements::by_role(&db).await?) } else { None };
    let after = Reading::take(&env, &db, &deployment).await?;

    let messages = messages::read(&env.jetstream, &env.stream(), &env.settings.namespace).await?;
    audit::audit(&deployment, sample, &messages).await?;
    let cost = before.cost(&after, measured.len(), &deployment, &messages, executed.as_ref());
    drop((generator, db));
    let roles = deployment.stop().await?;
    env.clear().await?;
    RunEnv::drop_roles(servers, &roles).await?;
    Ok(OrdersRun { run: Run { orders: measured.len(), seconds, usage }, cost })
}

/// Adds the figures of whole orders.
fn add_totals(report: &mut Report, runs: &[OrdersRun]) {
    let spread = |figure: fn(&OrdersRun) -> f64| Spread::of(runs.iter().map(figure));
    report.spread("orders_per_second", "orders/s", spread(|run| run.run.orders_per_second()));
    let known = |figure: fn(&OrdersRun) -> Option<f64>| {
        let figures: Option<Vec<f64>> = runs.iter().map(figure).collect();
        figures.map(Spread::of)
    };
    let figures = [
        ("cpu_ms_per_order", "CPU-ms of workers", Some(spread(|run| run.cost.cpu_ms))),
        ("nats_cpu_ms_per_order", "CPU-ms of NATS", known(|run| run.per_order().nats)),
        ("postgres_cpu_ms_per_order", "CPU-ms of Postgres", known(|run| run.per_order().postgres)),
        ("wal_kib_per_order", "WAL KiB", Some(spread(|run| run.cost.wal_kib))),
        ("statements_per_order", "statements", known(|run| run.cost.sum(|cost| cost.statements))),
        ("transactions_per_order", "transactions", Some(spread(|run| run.cost.transactions))),
        ("journal_rows_per_order", "journal rows", known(|run| run.cost.sum(|cost| Some(cost.journal_rows)))),
        ("messages_per_order", "messages", known(|run| run.cost.sum(|cost| Some(cost.messages)))),
    ];
    for (name, label, figure) in figures {
        match figure {
            Some(figure) => report.spread(name, label, figure),
            // An unknown figure is not replaced by a guess.
            None => report.line(label, "not known of these servers"),
        }
    }
    let memory: Vec<Shares<f64>> = runs.iter().map(|run| run.run.usage.rss_mb).collect();
    report.shares("rss_mb", "memory MB, peak", Shares::of(&memory, |all| Spread::of(all).max));
}

impl OrdersRun {
    /// Returns the processor time per order; ours includes the shop, the carrier and the customers.
    fn per_order(&self) -> Shares<f64> {
        self.run.per_order(self.run.usage.cpu_ms)
    }
}

/// A worker's figure: its name as a field, its name as a column, and its value.
type Column = (&'static str, &'static str, fn(&WorkerCost) -> Option<f64>);

const COLUMNS: [Column; 5] = [
    ("cpu_ms", "CPU-ms", |cost| cost.cpu_ms),
    ("statements", "statements", |cost| cost.statements),
    ("wal_kib", "WAL KiB", |cost| cost.wal_kib),
    ("journal_rows", "journal rows", |cost| Some(cost.journal_rows)),
    ("messages", "messages", |cost| Some(cost.messages)),
];

/// Adds the figures by worker: medians, per order. A worker's log is what its statements wrote. Commits, vacuum and
/// other writes of PostgreSQL are in the total alone.
fn add_workers(report: &mut Report, runs: &[OrdersRun]) {
    let Some(first) = runs.first() else { return };
    let heads = COLUMNS.map(|(_, head, _)| format!("{head:>14}"));
    report.line("by worker", heads.concat());
    let mut workers = serde_json::Map::new();
    for (at, (worker, _)) in first.cost.by_worker.iter().enumerate() {
        let mut columns = String::new();
        let mut fields = serde_json::Map::new();
        for (name, _, figure) in COLUMNS {
            let figures: Option<Vec<f64>> =
                runs.iter().map(|run| figure(&run.cost.by_worker[at].1)).collect();
            let median = figures.map(|figures| Spread::of(figures).median);
            columns
                .push_str(&median.map_or_else(|| format!("{:>14}", "-"), |median| format!("{median:>14.2}")));
            fields.insert(name.to_owned(), json!(median));
        }
        report.line(worker, columns);
        workers.insert((*worker).to_owned(), fields.into());
    }
    report.field("by_worker", workers);
}
