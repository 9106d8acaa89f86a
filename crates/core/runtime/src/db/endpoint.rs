//! One of a database's hosts: connects to it, and finds out whether it hangs.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_util::either::Either;

use crate::db::place::port;
use crate::db::tls::verified;
use crate::db::watched::{Asking, Watch, Watched, WatchedTls};

/// How long an answer about a host stays true.
const FRESH: Duration = Duration::from_secs(1);

/// Idle time after which the operating system asks whether the other end is there. An idle connection to a host that
/// vanished must not look alive for two hours.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Fails where writes are refused, as they are by a standby.
const TAKES_WRITES: &str = "do $$ begin if current_setting('transaction_read_only')::bool then \
     raise exception using errcode = '25006', message = 'it is a standby or allows only reads'; end if; end $$";

/// A connection and the task that drives it.
pub(crate) type Connected = (Client, JoinHandle<()>);

/// The state of one host, whichever of this process's pools has found it out.
#[derive(Default)]
pub(crate) struct HostState {
    /// Whether it answered when it was last asked, and when that was.
    answers: tokio::sync::Mutex<Option<(Instant, bool)>>,
    /// When it was last found to hang.
    hung: Mutex<Option<Instant>>,
}

/// How long a host may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// To let us in.
    pub(crate) connect: Duration,
    /// To answer when it is asked whether it hangs.
    pub(crate) doubt: Duration,
}

/// One host.
pub(crate) struct Endpoint {
    this: Weak<Endpoint>,
    name: Option<Host>,
    /// Its address, where the URL names it beside the name.
    address: Option<String>,
    port: u16,
    config: Config,
    must_take_writes: bool,
    limits: Limits,
    known_state: Arc<HostState>,
}

impl Endpoint {
    /// The `nth` of the hosts that a URL names.
    pub(crate) fn of(
        config: &Config,
        nth: usize,
        limits: Limits,
        must_take_writes: bool,
        known_state: Arc<HostState>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Endpoint {
            this: this.clone(),
            name: config.get_hosts().get(nth).cloned(),
            address: config.get_hostaddrs().get(nth).map(ToString::to_string),
            port: port(config, nth),
            config: config.clone(),
            must_take_writes,
            limits,
            known_state,
        })
    }

    /// When it was last found to hang, by any pool of this process.
    pub(crate) fn hung_at(&self) -> Option<Instant> {
        *self.known_state.hung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, within the limit.
    pub(crate) async fn connect(&self) -> Result<Connected, Error> {
        self.connect_within(self.limits.connect).await
    }

    /// Boxed, because a connection asks for another one.
    fn connect_within(&self, limit: Duration) -> BoxFuture<'_, Result<Connected, Error>> {
        Box::pin(async move {
            match timeout(limit, self.establish()).await {
                Ok(connected) => connected,
                Err(_) => Err(as_error(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")).await),
            }
        })
    }

    /// Connects to the first of its addresses that lets us in.
    async fn establish(&self) -> Result<Connected, Error> {
        if let (Some(Host::Unix(path)), None) = (&self.name, &self.address) {
            let socket = path.join(format!(".s.PGSQL.{}", self.port));
            return match UnixStream::connect(socket).await {
                Ok(stream) => self.log_in(Either::Right(stream)).await,
                Err(error) => Err(as_error(error).await),
            };
        }
        let name = (self.address.as_deref().unwrap_or(self.name()), self.port);
        let addresses = match lookup_host(name).await {
            Ok(addresses) => addresses,
            Err(error) => return Err(as_error(error).await),
        };
        let mut failure = None;
        for address in addresses {
            let connected = match open(address).await {
                Ok(stream) => self.log_in(Either::Left(stream)).await,
                Err(error) => Err(as_error(error).await),
            };
            match connected {
                Ok(connected) => return Ok(connected),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Err(as_error(io::Error::new(io::ErrorKind::NotFound, "the host has no address")).await),
        }
    }

    async fn log_in(&self, stream: Stream) -> Result<Connected, Error> {
        let established = Arc::new(AtomicBool::new(false));
        let host = self.this.clone();
        let ask = Arc::new(move || -> Asking {
            let host = host.clone();
            Box::pin(async move {
                match host.upgrade() {
                    Some(host) => host.answers().await,
                    None => false,
                }
            })
        });
        let watch = Watch { established: established.clone(), ask };
        let (client, driver) = if self.config.get_ssl_mode() == SslMode::Require {
            let Ok(connect) = MakeTlsConnect::<Stream>::make_tls_connect(&mut verified(), self.name());
            let tls = WatchedTls { connect, watch };
            let (client, connection) = self.config.connect_raw(stream, tls).await?;
            (client, tokio::spawn(drive(connection)))
        } else {
            let stream = Watched::new(stream, watch);
            let (client, connection) = self.config.connect_raw(stream, NoTls).await?;
            (client, tokio::spawn(drive(connection)))
        };
        established.store(true, Ordering::Relaxed);
        if self.must_take_writes {
            client.batch_execute(TAKES_WRITES).await?;
        }
        Ok((client, driver))
    }

    /// The name that its certificate proves.
    fn name(&self) -> &str {
        match &self.name {
            Some(Host::Tcp(name)) => name,
            _ => self.address.as_deref().unwrap_or_default(),
        }
    }

    /// Returns whether it still answers, on a connection of its own. Many ask at the same moment, and one finds out.
    async fn answers(&self) -> bool {
        let mut known = self.known_state.answers.lock().await;
        if let Some((at, answers)) = *known
            && at.elapsed() < FRESH
        {
            return answers;
        }
        let answers = match self.connect_within(self.limits.doubt).await {
            Ok((client, driver)) => {
                drop(client);
                driver.abort();
                true
            }
            // A server that says no answers, but one that starts or stops has ended our connections, and a standby is not
            // where we were.
            Err(error) => error.as_db_error().is_some_and(|said| {
                !said.code().code().starts_with("57P") && *said.code() != SqlState::READ_ONLY_SQL_TRANSACTION
            }),
        };
        if !answers {
            *self.known_state.hung.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            tracing::warn!(
                host = self.name(),
                port = self.port,
                "PostgreSQL hangs: its connections are given up"
            );
        }
        *known = Some((Instant::now(), answers));
        answers
    }
}

/// The stream below the protocol.
type Stream = Either<TcpStream, UnixStream>;

/// Opens the stream below the protocol.
async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(stream)
}

/// Drives a connection to its end.
async fn drive(connection: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection to PostgreSQL ended");
    }
}

/// An error of ours as one of the client library, which offers no way to make one: a connection over a stream that fails.
pub(crate) async fn as_error(error: io::Error) -> Error {
    match Config::new().user("nobody").connect_raw(Broken(Some(error)), NoTls).await {
        Err(error) => error,
        Ok(_) => unreachable!("a stream that fails carries no connection"),
    }
}

/// A stream that fails at once.
struct Broken(Option<io::Error>);

impl Broken {
    fn fail<T>(&mut self) -> Poll<io::Result<T>> {
        Poll::Ready(Err(self.0.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }
}

impl AsyncRead for Broken {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.fail()
    }
}

impl AsyncWrite for Broken {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        self.fail()
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fail()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
