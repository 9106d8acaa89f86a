//! The proxy before a server: it can cut, delay, stall and half-close TCP connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The treatment of all traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It passes.
    Open,
    /// No connection is accepted.
    Closed,
    /// It passes late.
    Late(Duration),
    /// It does not pass until the condition changes, and neither does the end of a connection. A new connection is
    /// accepted, and nobody answers.
    Stalled,
}

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// A proxy. It ends with the runtime.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// New connections take turns between these.
    upstreams: Mutex<Vec<SocketAddr>>,
    condition: watch::Sender<Condition>,
    /// Rises when every connection must end.
    cuts: watch::Sender<u64>,
    /// Rises when half of the connections must be closed in a direction.
    half_closes: watch::Sender<(u64, Direction)>,
    connections: AtomicU64,
    open: AtomicUsize,
}

impl Proxy {
    /// Listens on a free loopback port.
    pub async fn start(upstream: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstreams: Mutex::new(vec![upstream]),
            condition: watch::Sender::new(Condition::Open),
            cuts: watch::Sender::new(0),
            half_closes: watch::Sender::new((0, Direction::ToClient)),
            connections: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            loop {
                // An error here is a client that has gone again.
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(carry(serving.clone(), client));
            }
        });
        Ok(Proxy { address, shared })
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections have been accepted.
    pub fn accepted(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns how many connections are open. One that is stalled counts until its end can pass.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Sets the destination of new connections.
    pub fn point_to(&self, upstream: SocketAddr) {
        self.balance(vec![upstream]);
    }

    /// Lets new connections take turns between these destinations. Without any, each is closed at once.
    pub fn balance(&self, upstreams: Vec<SocketAddr>) {
        *self.shared.upstreams.lock().unwrap_or_else(PoisonError::into_inner) = upstreams;
    }

    /// Changes the treatment of all traffic.
    pub fn set(&self, condition: Condition) {
        self.shared.condition.send_replace(condition);
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes every other connection in one direction. The other direction stays open.
    pub fn half_close(&self, direction: Direction) {
        self.shared.half_closes.send_modify(|half| *half = (half.0 + 1, direction));
    }
}

/// Carries one connection until both of its directions have ended or it is cut.
async fn carry(shared: Arc<Shared>, client: TcpStream) {
    let mut cuts = shared.cuts.subscribe();
    if *shared.condition.borrow() == Condition::Closed {
        return;
    }
    let mut condition = shared.condition.subscribe();
    tokio::select! {
        _ = condition.wait_for(|condition| *condition != Condition::Stalled) => {}
        _ = cuts.changed() => return,
    }
    let number = shared.connections.fetch_add(1, Ordering::Relaxed);
    let Some(server) = shared.connect(number).await else { return };
    // Small messages must not wait for each other.
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    shared.open.fetch_add(1, Ordering::Relaxed);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let half = |direction| Half { shared: shared.clone(), direction, closes: number.is_multiple_of(2) };
    tokio::select! {
        _ = async {
            tokio::join!(
                half(Direction::ToServer).pump(from_client, to_server),
                half(Direction::ToClient).pump(from_server, to_client),
            )
        } => {}
        _ = cuts.changed() => {}
    }
    shared.open.fetch_sub(1, Ordering::Relaxed);
}

impl Shared {
    /// Connects to the destination whose turn it is, or to the next one that accepts.
    async fn connect(&self, number: u64) -> Option<TcpStream> {
        let mut upstreams = self.upstreams.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let turn = usize::try_from(number).unwrap_or_default() % upstreams.len().max(1);
        upstreams.rotate_left(turn);
        for upstream in upstreams {
            if let Ok(server) = TcpStream::connect(upstream).await {
                return Some(server);
            }
        }
        None
    }
}

/// One direction of a connection.
struct Half {
    shared: Arc<Shared>,
    direction: Direction,
    /// Whether half-closing closes it.
    closes: bool,
}

impl Half {
    async fn pump(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut half_closes = self.shared.half_closes.subscribe();
        let mut condition = self.shared.condition.subscribe();
        let mut buffer = vec![0; 64 * 1024];
        let close = async {
            loop {
                if half_closes.changed().await.is_err() {
                    return;
                }
                if self.closes && half_closes.borrow_and_update().1 == self.direction {
                    return;
                }
            }
        };
        let pass = async {
            loop {
                let read = from.read(&mut buffer).await;
                let now = *condition.borrow_and_update();
                match now {
                    Condition::Open | Condition::Closed => {}
                    Condition::Late(by) => tokio::time::sleep(by).await,
                    Condition::Stalled => {
                        let _ = condition.wait_for(|condition| *condition != Condition::Stalled).await;
                    }
                }
                // The end of a connection passes as its bytes do.
                let Ok(read @ 1..) = read else { return };
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = pass => {}
            () = close => {}
        }
        // The peer may have gone already.
        let _ = to.shutdown().await;
    }
}
