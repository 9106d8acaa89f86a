//! The flash sale: many orders for one scarce SKU, through the real inventory, in one process per core. Each order is
//! decided once, and no unit is sold that does not exist.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use despatch_contracts::order::Line;
use despatch_contracts::payment::PaymentAuthorised;
use despatch_contracts::{Emitted, Trace};
use despatch_inventory::store::{self, Location, Totals};
use uuid::Uuid;

use crate::bounds::at_least_one;
use crate::load::closed_loop::closed_loop;
use crate::load::placing::Placing;
use crate::load::progress::watch;
use crate::load::run_env::{RunEnv, Servers};
use crate::load::worker_process::{Children, Role};
use crate::measure::report::{self, Report};
use crate::measure::run::Run;
use crate::options::Options;
use crate::result::Result;

/// A sale.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Sale {
    /// Orders, of one unit each.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) orders: usize,
    /// Units that there are.
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = at_least_one)]
    pub(crate) units: usize,
    /// Orders that warm up, for something else.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    pub(crate) warm_up: usize,
}

/// The SKU that is on sale.
const WANTED: &str = "SALE";

/// The SKU of the warm-up, of which there is enough.
const PLENTY: &str = "PLENTY";

const WAREHOUSE: &str = "east";

/// The consumer whose progress is watched.
const CONSUMER: &str = "inventory-reserve";

/// `bench flash-sale`.
pub(crate) async fn command(options: &Options, sale: Sale) -> Result<ExitCode> {
    let mut report = Report::new("flash-sale");
    let servers = Servers::start(options).await?;
    let processes = std::thread::available_parallelism().map_or(2, usize::from);
    let mut runs = Vec::new();
    for number in 1..=options.runs {
        let run = once(&servers, sale, processes).await?;
        eprintln!("flash sale {number}: {:.0} decisions/s", run.orders_per_second());
        runs.push(run);
    }
    servers.stop().await?;
    report.field("orders", sale.orders);
    report.field("units", sale.units);
    report.field("processes", processes);
    report.field("runs", options.runs);
    report.line("checked", format!("{} reserved, {} refused", sale.sold(), sale.orders - sale.sold()));
    report::rates(&mut report, "decisions_per_second", "decisions/s", &runs);
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

impl Sale {
    fn sold(self) -> usize {
        self.units.min(self.orders)
    }
}

async fn once(servers: &Servers, sale: Sale, processes: usize) -> Result<Run> {
    let env = servers.run_env().await?;
    let children = Children::start(&env, &vec![Role::Inventory; processes], None).await?;
    stock(&env, sale).await?;
    let run = measure(servers, &env, sale, children.pids()).await?;
    children.stop().await?;
    audit(&env, sale).await?;
    env.clear().await?;
    Ok(run)
}

async fn stock(env: &RunEnv, sale: Sale) -> Result {
    let db = env.db().await?;
    let location = Location {
        id: WAREHOUSE.to_owned(),
        name: "Warehouse East".to_owned(),
        country: "US".to_owned(),
        region: "KY".to_owned(),
        rank: 1,
    };
    store::open_locations(&db, &[location]).await?;
    let enough = i64::try_from(sale.warm_up)?.max(1);
    let units = [(WANTED, WAREHOUSE, i64::try_from(sale.units)?), (PLENTY, WAREHOUSE, enough)];
    Ok(store::receive(&db, "first delivery", &units).await?)
}

async fn measure(servers: &Servers, env: &RunEnv, sale: Sale, children: Vec<u32>) -> Result<Run> {
    let (completed, watching) = watch(env, CONSUMER).await?;
    let numbers = AtomicUsize::new(0);
    // All orders at once, because a sale is like that.
    let place = |orders, sku| {
        let placing = move |number| placing(env, number, sku);
        let numbers = &numbers;
        let next = move || placing(numbers.fetch_add(1, Ordering::Relaxed));
        closed_loop(&env.jetstream, orders, usize::MAX / 2, &completed, next)
    };
    let measured = async {
        place(sale.warm_up, PLENTY).await?;
        Run::of(sale.orders, servers.pids(), children, place(sale.orders, WANTED)).await
    };
    tokio::select! {
        run = measured => run,
        Err(error) = watching => Err(error),
    }
}

fn placing(env: &RunEnv, number: usize, sku: &str) -> Placing {
    let mut order = despatch_testkit::order(&Uuid::now_v7().to_string());
    order.shop_order_id = format!("S-{number}");
    let line = Line {
        number: 1,
        sku: sku.to_owned(),
        title: "Bookcase".to_owned(),
        quantity: 1,
        total_minor: 12_345,
        taxes: Vec::new(),
        ..Line::default()
    };
    order.lines = vec![line];
    let event = PaymentAuthorised { order: Some(order) };
    Placing::new(&env.settings.namespace, Emitted::from(&event), &Trace::root())
}

/// Fails unless exactly the existing units are reserved, each order is decided once, and the ledger adds up.
async fn audit(env: &RunEnv, sale: Sale) -> Result {
    let db = env.db().await?;
    let sql = "select (select available from inventory.stock where sku = $1),
                      (select coalesce(sum(quantity), 0)::int8 from inventory.allocation where sku = $1),
                      (select count(distinct order_id) from inventory.allocation where sku = $1),
                      (select count(*) from inventory.journal
                        where handler = 'inventory.reserve' and state = 'dead' and reason = 'stock-short'),
                      (select count(*) from inventory.journal where handler = 'inventory.reserve'),
                      (select count(*) from inventory.outbox_batch)";
    let row = db.query_one(sql, &[&WANTED]).await?;
    let found: [i64; 6] = [0, 1, 2, 3, 4, 5].map(|column| row.get(column));
    let (sold, refused) = (sale.sold(), sale.orders - sale.sold());
    let expected = [sale.units - sold, sold, sold, refused, sale.orders + sale.warm_up, 0];
    if !found.iter().zip(expected).all(|(found, expected)| usize::try_from(*found) == Ok(expected)) {
        return Err(format!(
            "units left, units reserved, orders reserved, orders refused, orders decided, outbox batches: {found:?}, \
             not {expected:?}"
        )
        .into());
    }
    let Totals { received, available, reserved, shipped, set_aside } = store::totals(&db).await?;
    if received != available + reserved + shipped + set_aside || available < 0 {
        return Err(format!("{received} received, {available} available, {reserved} reserved").into());
    }
    Ok(())
}
