//! The baseline: the messages, rows and transactions of the flow, without handlers, decoding, tracing or retries. It is
//! the limit that NATS and PostgreSQL set to any program with the same guarantee.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{Context, Message, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use crate::bounds::at_least_one;
use crate::load::closed_loop::closed_loop;
use crate::load::placing::Placing;
use crate::load::progress::Completed;
use crate::load::run_env::{RunEnv, Servers, connect};
use crate::load::steps::{ROW, SCHEMAS};
use crate::load::volume::Volume;
use crate::measure::report::{self, Report};
use crate::measure::run::Run;
use crate::options::Options;
use crate::result::Result;

/// The settings of the baseline; missing ones are found by trial.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Tuning {
    /// Loops for each step, each with a connection of its own.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) lanes: Option<usize>,
    /// The most messages in one transaction.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) batch: Option<usize>,
}

/// Bytes of a message.
const PAYLOAD: usize = 300;

/// The same as for the runtime's consumers.
const MAX_ACK_PENDING: i64 = 20_000;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// The settings of the baseline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuned {
    lanes: usize,
    batch: usize,
}

/// `bench baseline`.
pub(crate) async fn command(options: &Options, volume: Volume, tuning: Tuning) -> Result<ExitCode> {
    let mut report = Report::new("baseline");
    let servers = Servers::start(options).await?;
    let tuned = tune(&servers, volume, tuning).await?;
    let mut runs = Vec::new();
    for number in 1..=options.runs {
        let run = once(&servers, volume, tuned).await?;
        eprintln!("baseline {number}: {:.0} orders/s", run.orders_per_second());
        runs.push(run);
    }
    servers.stop().await?;
    report.field("orders", volume.orders);
    report.field("runs", options.runs);
    tuned.add_to(&mut report);
    report::runs(&mut report, &runs);
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

impl Tuned {
    pub(crate) fn add_to(self, report: &mut Report) {
        report.line("tuned to", format!("{} lanes, batches of up to {}", self.lanes, self.batch));
        report.field("lanes", self.lanes);
        report.field("batch", self.batch);
    }
}

/// Tries the missing settings, a quarter of a run each, and keeps the fastest.
pub(crate) async fn tune(servers: &Servers, volume: Volume, tuning: Tuning) -> Result<Tuned> {
    let choices =
        |given: Option<usize>, of: [usize; 2]| given.map_or_else(|| of.to_vec(), |given| vec![given]);
    let (lanes, batches) = (choices(tuning.lanes, [1, 2]), choices(tuning.batch, [256, 512]));
    let tries = lanes.iter().flat_map(|&lanes| batches.iter().map(move |&batch| Tuned { lanes, batch }));
    let tries: Vec<Tuned> = tries.collect();
    let mut best = (tries[0], 0.0);
    if tries.len() == 1 {
        return Ok(best.0);
    }
    let short = Volume { orders: volume.orders.div_ceil(4), ..volume };
    for tuned in tries {
        let rate = once(servers, short, tuned).await?.orders_per_second();
        eprintln!("baseline, {} lanes, batch {}: {rate:.0} orders/s", tuned.lanes, tuned.batch);
        if rate > best.1 {
            best = (tuned, rate);
        }
    }
    Ok(best.0)
}

/// Runs once in a new environment.
pub(crate) async fn once(servers: &Servers, volume: Volume, tuned: Tuned) -> Result<Run> {
    let env = servers.run_env().await?;
    let completed = Completed::default();
    let mut steps = start(&env, tuned, &completed).await?;
    let numbers = AtomicU64::new(0);
    let place = |orders| {
        let placing = || placing(&env, numbers.fetch_add(1, Ordering::Relaxed));
        closed_loop(&env.jetstream, orders, volume.in_flight, &completed, placing)
    };
    let measured = async {
        place(volume.warm_up).await?;
        Run::of(volume.orders, servers.pids(), Vec::new(), place(volume.orders)).await
    };
    let run = tokio::select! {
        run = measured => run?,
        Some(ended) = steps.join_next() => {
            ended??;
            return Err("a step of the baseline has ended".into());
        }
    };
    steps.shutdown().await;
    env.clear().await?;
    Ok(run)
}

fn placing(env: &RunEnv, number: u64) -> Placing {
    let id = Uuid::from_fields(0, 0, 0x7000, &[0x80, 0, 0, 0, 0, 0, 0, 0]).as_u128() | u128::from(number);
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, Uuid::from_u128(id).to_string());
    let payload = Bytes::from_static(&[7; PAYLOAD]);
    Placing { subject: subject(env, 0), headers, payload }
}

/// Returns the subject that a step consumes.
fn subject(env: &RunEnv, step: usize) -> String {
    format!("{}.baseline.{step}", env.settings.namespace)
}

/// Starts the lanes of all steps.
async fn start(env: &RunEnv, tuned: Tuned, completed: &Completed) -> Result<JoinSet<Result>> {
    let config = stream::Config {
        name: env.stream(),
        subjects: vec![format!("{}.>", env.settings.namespace)],
        ..stream::Config::default()
    };
    let stream = env.jetstream.create_stream(config).await?;
    let db = env.db().await?;
    let mut lanes = JoinSet::new();
    for (step, schema) in SCHEMAS.into_iter().enumerate() {
        db.batch_execute(&format!(
            "create schema {schema};
             create table {schema}.journal (
                 event_id uuid primary key, outs bytea not null, at timestamptz not null default now());
             create table {schema}.result (order_id uuid primary key, body bytea not null);
             create table {schema}.outbox_batch (id bigint primary key, ids uuid[] not null)"
        ))
        .await?;
        let config = pull::Config {
            durable_name: Some(schema.to_owned()),
            filter_subject: subject(env, step),
            max_ack_pending: MAX_ACK_PENDING,
            ..pull::Config::default()
        };
        let consumer: PullConsumer = stream.create_consumer(config).await?;
        for lane in 0..tuned.lanes {
            let db = connect(&env.settings.database_url).await?;
            let is_last = step + 1 == SCHEMAS.len();
            let lane = Lane {
                step,
                onward: (!is_last).then(|| subject(env, step + 1)),
                next_batch: i64::try_from(lane)?,
                lanes: i64::try_from(tuned.lanes)?,
                statements: Statements::prepare(&db, schema).await?,
                db,
                jetstream: env.jetstream.clone(),
                completed: completed.clone(),
            };
            lanes.spawn(lane.run(consumer.clone(), tuned.batch));
        }
    }
    Ok(lanes)
}

/// The parameters of a statement with two of them.
type Params<'a> = [&'a (dyn ToSql + Sync); 2];

/// One loop of a step.
struct Lane {
    step: usize,
    /// The subject that the next step consumes.
    onward: Option<String>,
    next_batch: i64,
    lanes: i64,
    db: Client,
    statements: Statements,
    jetstream: Context,
    completed: Completed,
}

struct Statements {
    known: Statement,
    journal: Statement,
    result: Statement,
    open: Statement,
    close: Statement,
}

impl Statements {
    async fn prepare(db: &Client, schema: &str) -> Result<Self> {
        let insert = |table: &str| {
            format!("insert into {schema}.{table} select * from unnest($1::uuid[], $2::bytea[])")
        };
        Ok(Statements {
            known: db
                .prepare(&format!("select event_id from {schema}.journal where event_id = any($1::uuid[])"))
                .await?,
            journal: db.prepare(&insert("journal (event_id, outs)")).await?,
            result: db.prepare(&insert("result (order_id, body)")).await?,
            open: db.prepare(&format!("insert into {schema}.outbox_batch values ($1, $2)")).await?,
            close: db.prepare(&format!("delete from {schema}.outbox_batch where id = $1")).await?,
        })
    }
}

impl Lane {
    async fn run(mut self, consumer: PullConsumer, batch: usize) -> Result {
        let messages = consumer.stream().max_messages_per_batch(batch * 2).messages().await?;
        let mut batches = messages.ready_chunks(batch);
        while let Some(messages) = batches.next().await {
            let messages = messages.into_iter().collect::<Result<Vec<Message>, _>>()?;
            self.handle(&messages).await?;
        }
        Ok(())
    }

    async fn handle(&mut self, messages: &[Message]) -> Result {
        let ids = messages.iter().map(id).collect::<Result<Vec<Uuid>>>()?;
        let bodies: Vec<&[u8]> = messages.iter().map(|message| &*message.payload).collect();
        let rows: Vec<&[u8]> = bodies.iter().map(|body| &body[..ROW]).collect();
        let batch = self.next_batch;
        self.next_batch += self.lanes;
        self.db.query(&self.statements.known, &[&ids]).await?;
        let tx = self.db.transaction().await?;
        let (journal, result, open): (Params<'_>, Params<'_>, Params<'_>) =
            ([&ids, &bodies], [&ids, &rows], [&batch, &ids]);
        tokio::try_join!(
            tx.execute(&self.statements.journal, &journal),
            tx.execute(&self.statements.result, &result),
            tx.execute(&self.statements.open, &open),
        )?;
        tx.commit().await?;
        if let Some(onward) = &self.onward {
            let sent = ids.iter().zip(messages).map(|(id, message)| {
                let (headers, payload) = (self.headers(*id), message.payload.clone());
                self.jetstream.publish_with_headers(onward.clone(), headers, payload)
            });
            let sent = try_join_all(sent).await?;
            for stored in join_all(sent.into_iter().map(IntoFuture::into_future)).await {
                stored?;
            }
        }
        self.db.execute(&self.statements.close, &[&batch]).await?;
        for message in messages {
            message.ack().await?;
        }
        if self.onward.is_none() {
            self.completed.fetch_add(messages.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn headers(&self, id: Uuid) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{id}-{}", self.step + 1));
        headers.insert("ce-id", id.to_string());
        headers.insert("ce-type", "despatch.step.v1");
        headers.insert("traceparent", TRACEPARENT);
        headers
    }
}

/// Returns the message's id without the step that published it.
fn id(message: &Message) -> Result<Uuid> {
    let header = message.headers.as_ref().and_then(|headers| headers.get(NATS_MESSAGE_ID));
    let text = header.and_then(|id| id.as_str().get(..36)).ok_or("a message without an id")?;
    Ok(Uuid::try_parse(text)?)
}
