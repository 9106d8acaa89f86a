//! Growth: the flow with millions of orders and their journal rows in the tables, against empty tables.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use despatch_contracts::Trace;
use despatch_runtime::Process;

use crate::load::audit::audit;
use crate::load::run_env::{RunEnv, Servers};
use crate::load::saturate::saturate;
use crate::load::steps;
use crate::load::steps::SCHEMAS;
use crate::load::volume::Volume;
use crate::measure::report::{self, Report};
use crate::measure::run::Run;
use crate::measure::spread::Spread;
use crate::options::Options;
use crate::result::Result;
use crate::scenarios::flow;

/// The amount of data in the tables.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Growth {
    #[command(flatten)]
    pub(crate) volume: Volume,
    /// Orders in the tables, separated by commas.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    pub(crate) levels: Vec<usize>,
    /// With 3,000,000 orders too: takes some 15 GB of disk.
    #[arg(long)]
    pub(crate) full: bool,
}

const FULL: usize = 3_000_000;

/// Interval and limit of the wait until the workers have caught up. They poll the stream every five seconds.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);

/// `bench growth`.
pub(crate) async fn command(options: &Options, growth: &Growth) -> Result<ExitCode> {
    let mut report = Report::new("growth");
    let servers = Servers::start(options).await?;
    let (mut all_empty, mut levels) = (Vec::new(), Vec::new());
    for there in growth.levels.iter().copied().chain(growth.full.then_some(FULL)) {
        let env = servers.run_env().await?;
        // The workers save their checkpoints before the orders exist. Without one, each would publish its whole journal
        // again, because the stream may lack it.
        started(&env).await?.drain().await;
        eprintln!("growth: loading {there} orders");
        load(&env, there).await?;
        let (mut runs, mut ratios) = (Vec::new(), Vec::new());
        for number in 0..options.runs as usize {
            let empty = flow::once(&servers, growth.volume).await?;
            let orders = growth.volume.warm_up + growth.volume.orders;
            let run = once(&servers, &env, growth.volume, there + orders * (number + 1)).await?;
            ratios.push(run.orders_per_second() / empty.orders_per_second());
            eprintln!(
                "growth {}: empty {:.0}, with {there} orders {:.0} orders/s",
                number + 1,
                empty.orders_per_second(),
                run.orders_per_second()
            );
            all_empty.push(empty);
            runs.push(run);
        }
        env.clear().await?;
        levels.push((there, runs, ratios));
    }
    servers.stop().await?;
    report.field("orders", growth.volume.orders);
    report.field("runs", options.runs);
    let mut part = Report::new("flow");
    report::runs(&mut part, &all_empty);
    report.part("0", part);
    for (there, runs, ratios) in levels {
        let mut part = Report::new("flow");
        report::runs(&mut part, &runs);
        part.spread("ratio", "ratio to empty", Spread::of(ratios));
        report.part(&there.to_string(), part);
    }
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn once(servers: &Servers, env: &RunEnv, volume: Volume, afterwards: usize) -> Result<Run> {
    let process = started(env).await?;
    let run = saturate(servers, env, volume, Vec::new(), Trace::root).await?;
    process.drain().await;
    audit(env, afterwards).await?;
    Ok(run)
}

/// Returns the workers once they have started: each has published again what was recorded since its checkpoint, and has
/// saved a new one. This benchmark does not measure the start.
async fn started(env: &RunEnv) -> Result<Process> {
    let began = Instant::now();
    let process = Process::start(env.settings.clone(), steps::workers(false)).await?;
    process.health().until_ready().await;
    let db = env.db().await?;
    let since: SystemTime = db.query_one("select despatch_now()", &[]).await?.get(0);
    let noted = SCHEMAS
        .map(|schema| format!("exists (select from {schema}.stream_checkpoint where stored_until > $1)"));
    let noted = format!("select {}", noted.join(" and "));
    while !db.query_one(&noted, &[&since]).await?.get::<_, bool>(0) {
        if began.elapsed() > CATCH_UP_TIMEOUT {
            return Err("the workers have not caught up with the stream".into());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    eprintln!("growth: the workers had caught up after {:.1} s", began.elapsed().as_secs_f64());
    Ok(process)
}

/// Fills the tables as if this many orders had passed. Their ids are of the last minutes, a millisecond apart, so that
/// they are in the journal's current partition. Each journal row was recorded before the last poll and has nothing left
/// to publish. It holds a follow-on of the real size, if there is one.
async fn load(env: &RunEnv, orders: usize) -> Result {
    let db = env.db().await?;
    let orders = i64::try_from(orders)?;
    for (step, (schema, handler)) in SCHEMAS.into_iter().zip(steps::HANDLERS).enumerate() {
        // The last step has no follow-on. If its rows were larger than those of the runs, the runs' rows would fill the
        // gaps that vacuumed rows leave, all over the table.
        let outbox = if step + 1 < SCHEMAS.len() {
            format!("decode('{OUTBOX}' || repeat('07', 617), 'hex')")
        } else {
            "null".to_owned()
        };
        db.batch_execute(&format!(
            "set synchronous_commit = off;
             create temp table loaded as
             select (lpad(to_hex((extract(epoch from despatch_now()) * 1000)::int8 - {orders} + i), 12, '0')
                     || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid as id
               from generate_series(1, {orders}) as i;
             insert into {schema}.result select id, decode(repeat('07', {row}), 'hex') from loaded;
             insert into {schema}.journal (id, handler, generation, state, subject, outbox, recorded_at)
             select id, '{handler}', 0, 'done', id::text, {outbox},
                    despatch_now() - interval '1 hour'
               from loaded;
             drop table loaded",
            row = steps::ROW,
        ))
        .await?;
        // Neither statement runs together with others.
        for table in ["result", "journal"] {
            db.batch_execute(&format!("vacuum analyze {schema}.{table}")).await?;
        }
    }
    db.batch_execute("checkpoint").await?;
    Ok(())
}

/// The beginning of an outbox without a message: an unknown field of 617 bytes. A follow-on with its headers takes as
/// many, and a runtime that takes the stream for a new one finds nothing here to publish again.
const OUTBOX: &str = "7ae904";
