//! A server on loopback with a few routes, and clients that misbehave. Time is moved, not waited for.

use std::net::SocketAddr;

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::advance;

use super::*;
use crate::connections::Proxies;

/// A server until the test ends.
struct Server {
    address: SocketAddr,
    /// Requests of `/wait` that have begun.
    begun: Arc<Semaphore>,
    /// Lets requests of `/wait` end.
    let_go: Arc<Semaphore>,
    serving: tokio::task::JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Server {
    async fn start(total: usize, per_address: usize, proxies: &[&str]) -> Self {
        let (begun, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (begins, waits) = (begun.clone(), let_go.clone());
        let wait = async move || {
            begins.add_permits(1);
            waits.acquire().await.map_or("closed", |_| "waited")
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/healthz", get(async || "alive"))
            .route("/wait", get(wait));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxies: Vec<String> = proxies.iter().map(|proxy| (*proxy).to_owned()).collect();
        let limits = ConnectionLimits { total, per_address, proxies: Proxies::new(&proxies) };
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        Server { address, begun, let_go, serving, shutdown }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Connects and sends a request; returns once its answer is there.
    async fn get(&self, path: &str) -> (Client, String) {
        let mut client = self.connect().await;
        client.ask(path, "").await;
        let answer = client.answer().await;
        (client, answer)
    }

    /// Connects and sends requests whose answers wait; returns once the server has begun with all of them.
    async fn occupy(&self, count: usize, header: &str) -> Vec<Client> {
        let mut clients = Vec::new();
        for _ in 0..count {
            let mut client = self.connect().await;
            client.ask("/wait", header).await;
            clients.push(client);
        }
        self.begun.acquire_many(count.try_into().unwrap()).await.unwrap().forget();
        clients
    }
}

struct Client(TcpStream);

impl Client {
    async fn ask(&mut self, path: &str, header: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\n{header}\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// The next answer; empty if the server has closed the connection.
    async fn answer(&mut self) -> String {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let read = self.0.read(&mut buffer).await.unwrap_or(0);
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            let length = text.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next());
            let whole = length.zip(text.split_once("\r\n\r\n"));
            if read == 0 || whole.is_some_and(|(length, (_, body))| body.len() >= length.parse().unwrap()) {
                return text;
            }
        }
    }

    async fn is_closed(&mut self) -> bool {
        self.answer().await.is_empty()
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_dribbles_is_cut_off() {
    let server = Server::start(10, 0, &[]).await;
    let mut client = server.connect().await;
    let began = Instant::now();
    let dribble = async {
        for byte in b"GET / HTTP/1.1\r\nx-slow: ".iter().chain(std::iter::repeat(&b'a')).take(1000) {
            sleep(Duration::from_secs(1)).await;
            if client.0.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    };
    dribble.await;
    assert!(client.is_closed().await);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_rest_between_requests_for_a_while() {
    let server = Server::start(10, 0, &[]).await;
    let (mut client, answer) = server.get("/").await;
    assert!(answer.ends_with("here"), "{answer}");
    // As long as load balancers keep theirs.
    advance(Duration::from_secs(60)).await;
    client.ask("/", "").await;
    assert!(client.answer().await.ends_with("here"));
    let rested = Instant::now();
    assert!(client.is_closed().await);
    assert!(rested.elapsed() >= Duration::from_secs(70), "{:?}", rested.elapsed());
    // One that never sends anything is no different from one that sends slowly.
    assert!(server.connect().await.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn the_connection_that_rests_longest_makes_room() {
    let server = Server::start(3, 0, &[]).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(server.get("/").await.0);
        advance(Duration::from_secs(2)).await;
    }
    let (_new, answer) = server.get("/").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(clients[0].is_closed().await);
    clients[1].ask("/", "").await;
    assert!(clients[1].answer().await.ends_with("here"));
}

#[tokio::test(start_paused = true)]
async fn where_all_are_busy_others_are_told_so_and_probes_are_answered() {
    let server = Server::start(3, 0, &[]).await;
    let mut busy = server.occupy(3, "").await;
    let (mut refused, answer) = server.get("/").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
    assert!(refused.is_closed().await);
    let (_, answer) = server.get("/healthz").await;
    assert!(answer.ends_with("alive"), "{answer}");
    server.let_go.close();
    for client in &mut busy {
        assert!(client.answer().await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_behind_a_trusted_proxy_has_a_limit_of_its_own() {
    let server = Server::start(100, 2, &["127.0.0.0/8"]).await;
    let _busy = server.occupy(2, "x-forwarded-for: 203.0.113.9\r\n").await;
    for (from, status) in [("203.0.113.9", "429"), ("198.51.100.7", "200")] {
        let mut client = server.connect().await;
        client.ask("/", &format!("x-forwarded-for: {from}\r\n")).await;
        let answer = client.answer().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{from}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_no_proxy_has_so_many_connections() {
    let server = Server::start(100, 2, &["10.0.0.0/8"]).await;
    let (first, _) = server.get("/").await;
    let _second = server.get("/").await;
    assert!(server.connect().await.is_closed().await);
    drop(first);
    while server.get("/").await.1.is_empty() {}

    // Without proxies that are known, the address may be that of one.
    let server = Server::start(100, 2, &[]).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let (client, answer) = server.get("/").await;
        assert!(answer.ends_with("here"), "{answer}");
        clients.push(client);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_finishes_what_it_began() {
    let server = Server::start(10, 0, &[]).await;
    let (mut resting, _) = server.get("/").await;
    let mut busy = server.occupy(1, "").await;
    server.shutdown.cancel();
    assert!(resting.is_closed().await);
    assert!(!server.serving.is_finished());
    server.let_go.add_permits(1);
    assert!(busy[0].answer().await.ends_with("waited"));
    server.serving.await.unwrap();
}
