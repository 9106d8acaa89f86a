//! The load that a gateway must bear: a log that nobody reads or that cannot be written, and more idle connections than the
//! usual limit of open files.

use std::io::{PipeReader, Read as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, StatusCode};

use crate::child::Despatch;
use crate::deployment::{Deployment, Shop, free_address};
use crate::until::until;

/// How long a request may take. A gateway that waits for its log never answers.
const ANSWER: Duration = Duration::from_secs(60);

/// The workers of a gateway's process.
const GATEWAY: [&str; 1] = ["gateway"];

/// A client, and the address of the gateway that it asks.
struct Asking {
    client: Client,
    gateway: String,
}

impl Asking {
    fn new() -> Self {
        let client = Client::builder().timeout(ANSWER).build().unwrap();
        Asking { client, gateway: free_address() }
    }

    fn url(&self) -> String {
        format!("http://{}", self.gateway)
    }

    async fn ready(&self) {
        until("the gateway is ready", async || {
            let answer = self.client.get(format!("{}/readyz", self.url())).send().await.ok()?;
            (answer.status() == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// A request that is refused, which is a line of the log.
    async fn refused(&self) {
        let answer = self.client.get(format!("{}/nowhere", self.url())).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_blocks_no_order_and_says_what_it_lost() {
    let deployment = Deployment::new(&[]).await;
    let (asking, health) = (Asking::new(), free_address());
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = deployment.command(&GATEWAY);
    command.env("DESPATCH_GATEWAY_LISTEN", &asking.gateway).env("DESPATCH_HEALTH_LISTEN", &health);
    command.env("RUST_LOG", "trace");
    let process = Despatch::start_with(&mut command, writer);
    drop(command);
    asking.ready().await;
    until("lines are lost", async || {
        asking.refused().await;
        let metrics = asking.client.get(format!("http://{health}/metrics")).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let lost = metrics.lines().find_map(|line| line.strip_prefix("despatch_log_lines_lost_total "))?;
        (lost.parse::<f64>().unwrap() > 0.0).then_some(())
    })
    .await;
    let shop = Shop::at(&deployment, asking.url());
    shop.place(0..5).await;

    let log = std::thread::spawn(move || read(reader));
    process.terminate();
    assert!(process.ended().await.status.success());
    let log = log.join().unwrap();
    assert!(log.contains("log lines lost"), "it says so when it is read again");
    assert!(log.contains("draining"), "and goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_reader_has_gone_stops_nothing() {
    let deployment = Deployment::new(&[]).await;
    let asking = Asking::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = deployment.command(&GATEWAY);
    command.env("DESPATCH_GATEWAY_LISTEN", &asking.gateway).env("RUST_LOG", "debug");
    let process = Despatch::start_with(&mut command, writer);
    drop(command);
    asking.ready().await;
    asking.refused().await;
    Shop::at(&deployment, asking.url()).place(0..5).await;
    process.terminate();
    assert!(process.ended().await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_beyond_the_usual_limit_of_files_keep_no_order_out() {
    // This process holds the other ends.
    despatch::raise_open_files();
    let deployment = Deployment::new(&[]).await;
    let asking = Asking::new();
    let run = deployment.command(&GATEWAY);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -S -n 1024; exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.env("DESPATCH_GATEWAY_LISTEN", &asking.gateway);
    let process = Despatch::start(&mut limited);
    asking.ready().await;
    let mut idle = Vec::new();
    while idle.len() < 1200 {
        idle.push(TcpStream::connect(&asking.gateway).unwrap());
    }
    Shop::at(&deployment, asking.url()).place(0..5).await;
    asking.ready().await;
    drop(idle);
    process.terminate();
    assert!(process.ended().await.status.success());
}

fn read(mut pipe: PipeReader) -> String {
    let mut text = Vec::new();
    pipe.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}
