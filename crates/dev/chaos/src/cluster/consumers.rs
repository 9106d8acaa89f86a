//! Measures the price of consumers: each is a group of servers of its own, with a leader, heartbeats and elections.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::stream;
use clap::Args;
use futures_util::StreamExt;

use super::broker::Broker;
use crate::deployment::STREAM;
use crate::dir::Dir;
use crate::result::Result;

/// How long the servers may take to place a consumer.
const PLACING: Duration = Duration::from_secs(60);

/// Measure elections and idle processor time with many consumers at three replicas
#[derive(Debug, Args)]
pub(crate) struct ConsumersArgs {
    /// Measure with these numbers of consumers, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "0,8,40,100", value_name = "N")]
    pub(crate) counts: Vec<usize>,
    /// Measure idle processor time for this long
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub(crate) seconds: u64,
    /// Kill the server that leads the stream this many times for each number
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) elections: usize,
}

/// Runs as the command line says.
pub(crate) fn measure(args: &ConsumersArgs) -> Result<ExitCode> {
    // Cannot fail: no other provider was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!(
        "{:>9} {:>22}  until each group is led again, after kill -9 of the leader",
        "consumers", "idle, of one core"
    );
    for count in &args.counts {
        let dir = Dir::create(None)?;
        runtime.block_on(with(&dir.path, *count, args))?;
        std::fs::remove_dir_all(dir.path)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn with(dir: &Path, count: usize, args: &ConsumersArgs) -> Result {
    let mut broker = Broker::start(dir).await?;
    let mut jetstream = broker.jetstream().await?;
    // Servers that have just met take their time.
    jetstream.set_timeout(PLACING);
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["evt.>".to_owned()],
        num_replicas: 3,
        ..stream::Config::default()
    };
    let stream = jetstream.create_stream(config).await?;
    for number in 0..count {
        let config = pull::Config {
            durable_name: Some(format!("worker-{number}")),
            filter_subject: format!("evt.{number}"),
            ..pull::Config::default()
        };
        tokio::spawn(wait(stream.create_consumer(config).await?));
    }
    let groups = count + 2;
    let all = async |broker: &Broker| {
        let monitor = broker.monitor();
        monitor.until("all are led", async |found| found.led.len() == groups && found.behind.is_empty()).await
    };
    all(&broker).await?;
    let before = broker.processor_time()?;
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let idle = broker.processor_time()?.saturating_sub(before).as_secs_f64()
        / Duration::from_secs(args.seconds).as_secs_f64();
    let mut elections = Vec::new();
    for _ in 0..args.elections {
        let led = all(&broker).await?.led;
        let server = *led.get(STREAM).ok_or("the stream has no leader")?;
        let without: Vec<String> =
            led.into_iter().filter(|(_, leader)| *leader == server).map(|(group, _)| group).collect();
        let (at, lost_count) = (SystemTime::now(), without.len());
        broker.kill(server)?;
        let elected = broker.monitor().elected(without, server).await?;
        let last = elected.values().max().and_then(|last| last.duration_since(at).ok()).unwrap_or_default();
        elections.push(format!("{:.1} s ({lost_count} groups)", last.as_secs_f64()));
        broker.restart(server).await?;
    }
    println!("{count:>9} {:>20.1} %  {}", idle * 100.0, elections.join(", "));
    broker.end()
}

/// Pulls like a handler that has nothing to do.
async fn wait(consumer: PullConsumer) {
    if let Ok(mut messages) = consumer.messages().await {
        while messages.next().await.is_some() {}
    }
}
