//! The flow: the five steps on the real runtime, to saturation.

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use despatch_contracts::Trace;
use despatch_runtime::Process;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::Outcome;
use crate::args::{Args, Volume};
use crate::load::{self, Completed, Placing};
use crate::report::{self, Report, Run};
use crate::site::{Plot, Site};
use crate::steps::{self, Parcel, SCHEMAS};

/// How often the broker is asked how far the last step is.
const LOOK: Duration = Duration::from_millis(10);

/// `bench flow`.
pub(crate) async fn command(args: &Args, volume: Volume) -> Outcome<ExitCode> {
    let mut report = Report::new("flow");
    let site = Site::start(args).await?;
    let mut runs = Vec::new();
    for number in 1..=args.runs {
        let run = once(&site, volume).await?;
        eprintln!("flow {number}: {:.0} orders/s", run.orders_per_second());
        runs.push(run);
    }
    site.stop().await?;
    report.field("orders", volume.orders);
    report.field("runs", args.runs);
    report::runs(&mut report, &runs);
    report.print(args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// One run on a fresh plot.
pub(crate) async fn once(site: &Site, volume: Volume) -> Outcome<Run> {
    let plot = site.plot().await?;
    let process = Process::start(plot.settings.clone(), steps::workers(false)).await?;
    process.health().until_ready().await;
    let run = saturate(site, &plot, volume, Vec::new(), Trace::root).await?;
    process.drain().await;
    audit(&plot, volume.warm_up + volume.orders).await?;
    plot.clear().await?;
    Ok(run)
}

/// Warms up and measures, with the workers that run; each order is placed in a trace of its own. `children` are the processes they run in besides this one.
pub(crate) async fn saturate(
    site: &Site,
    plot: &Plot,
    volume: Volume,
    children: Vec<u32>,
    trace: impl Fn() -> Trace,
) -> Outcome<Run> {
    let (completed, watching) = watch(plot, &steps::last_consumer()).await?;
    let namespace = plot.settings.namespace.clone();
    let placing = || Placing::new(&namespace, Parcel::new(Uuid::now_v7()).event(0), &trace());
    let place = |orders| load::closed_loop(&plot.jetstream, orders, volume.in_flight, &completed, placing);
    let measured = async {
        place(volume.warm_up).await?;
        Run::of(volume.orders, site.servers(), children, place(volume.orders)).await
    };
    tokio::select! {
        run = measured => run,
        Err(error) = watching => Err(error),
    }
}

/// Counts what a consumer has acked: with the flow's last one, orders that are recorded everywhere. Counts on while the
/// future that is answered is polled.
pub(crate) async fn watch(
    plot: &Plot,
    consumer: &str,
) -> Outcome<(Completed, impl Future<Output = Outcome> + use<>)> {
    let stream = plot.jetstream.get_stream(plot.stream()).await?;
    let acked = {
        let consumer = consumer.to_owned();
        async move || {
            let info = stream.consumer_info(&consumer).await?;
            let delivered = usize::try_from(info.delivered.consumer_sequence)?;
            Outcome::Ok(delivered.saturating_sub(info.num_ack_pending))
        }
    };
    let completed = Completed::default();
    completed.store(acked().await?, Ordering::Relaxed);
    let counting = completed.clone();
    let watching = async move {
        loop {
            tokio::time::sleep(LOOK).await;
            counting.store(acked().await?, Ordering::Relaxed);
        }
    };
    Ok((completed, watching))
}

/// Fails unless every order has completed each step, once, and nothing is left to be done.
pub(crate) async fn audit(plot: &Plot, orders: usize) -> Outcome {
    let db = plot.db().await?;
    for schema in SCHEMAS {
        audit_step(&db, schema, orders).await?;
    }
    Ok(())
}

/// The same for one step.
pub(crate) async fn audit_step(db: &Client, schema: &str, orders: usize) -> Outcome {
    let orders = i64::try_from(orders)?;
    let sql = format!(
        "select (select count(*) from {schema}.result),
                (select count(*) from {schema}.journal where state = 'done'),
                (select count(*) from {schema}.journal where state <> 'done'),
                (select count(*) from {schema}.open_batch)"
    );
    let row = db.query_one(&sql, &[]).await?;
    let found: [i64; 4] = [0, 1, 2, 3].map(|column| row.get(column));
    if found != [orders, orders, 0, 0] {
        let [results, done, unsettled, open] = found;
        return Err(format!(
            "{schema}: {orders} orders were placed; there are {results} results, {done} journal rows done and \
             {unsettled} not, {open} open batches"
        )
        .into());
    }
    Ok(())
}
