//! Connects to whichever of a database's hosts takes writes.
//!
//! The client library tries one host after the other, and has no limit for a host that accepts the connection and then
//! never answers. Here a host that is silent does not keep the others from being tried.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use deadpool_postgres::Connect;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_util::either::Either;

use crate::db::tls::verified;
use crate::db::watched::{Asking, SILENCE, Watch, Watched, WatchedTls};

/// How long the only host may take to let us in.
const ONLY_HOST: Duration = Duration::from_secs(5);

/// How long one of several hosts may take, because another may be the one to go to.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(2);

/// Wait for a host before the next one is tried beside it.
const BESIDE: Duration = Duration::from_millis(250);

/// Wait before a host that has refused is asked again, as long as others are silent.
const AGAIN: Duration = Duration::from_millis(500);

/// How long an answer about a host stays true.
const FRESH: Duration = Duration::from_secs(1);

/// Idle time after which the operating system asks whether the other end is there. An idle connection to a host that
/// vanished must not look alive for two hours.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Fails where writes are refused, as they are by a standby.
const TAKES_WRITES: &str = "do $$ begin if current_setting('transaction_read_only')::bool then \
     raise exception using errcode = '25006', message = 'it is a standby or allows only reads'; end if; end $$";

/// A connection and the task that drives it.
type Connected = (Client, JoinHandle<()>);

/// The hosts of one database.
pub(crate) struct Hosts {
    hosts: Vec<Arc<Endpoint>>,
    /// Which of them was connected to last: it is tried first.
    last: AtomicUsize,
}

impl Hosts {
    pub(crate) fn of(config: &Config) -> Self {
        let (names, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
        let count = names.len().max(addresses.len());
        let port = |nth: usize| ports.get(nth).or(ports.first()).copied().unwrap_or(5432);
        let hosts = (0..count).map(|nth| {
            Arc::new_cyclic(|this| Endpoint {
                this: this.clone(),
                name: names.get(nth).cloned(),
                address: addresses.get(nth).map(ToString::to_string),
                port: port(nth),
                config: config.clone(),
                // Of several hosts only one takes writes, unless the URL asks for something else.
                must_take_writes: match config.get_target_session_attrs() {
                    TargetSessionAttrs::ReadWrite => true,
                    TargetSessionAttrs::Any => count > 1,
                    _ => false,
                },
                limit: if count > 1 { ONE_OF_SEVERAL } else { ONLY_HOST },
                answers: tokio::sync::Mutex::new(None),
                hung: Mutex::new(None),
            })
        });
        Hosts { hosts: hosts.collect(), last: AtomicUsize::new(0) }
    }

    /// How long connecting may take at most.
    pub(crate) fn limit(&self) -> Duration {
        let others = self.hosts.len().saturating_sub(1);
        let beside = BESIDE * u32::try_from(others).unwrap_or(u32::MAX);
        self.hosts.first().map_or(ONLY_HOST, |host| host.limit) + beside
    }

    /// Returns whether a host has been found to hang since this moment.
    pub(crate) fn hung_since(&self, moment: Instant) -> bool {
        let hung = |host: &Arc<Endpoint>| *host.hung.lock().unwrap_or_else(PoisonError::into_inner);
        self.hosts.iter().any(|host| hung(host).is_some_and(|at| at > moment))
    }

    /// Tries each host until one lets us in or all have failed. The next one is tried once the one before has failed, or
    /// beside it if it is silent. Returns the error that tells most.
    async fn connect(&self) -> Result<Connected, Error> {
        let (count, last) = (self.hosts.len(), self.last.load(Ordering::Relaxed));
        let mut next = (0..count).map(|nth| (last + nth) % count);
        let mut errors: Vec<Option<Error>> = (0..count).map(|_| None).collect();
        let mut tries = FuturesUnordered::new();
        tries.extend(next.next().map(|nth| self.attempt(nth, Duration::ZERO)));
        loop {
            tokio::select! {
                Some((nth, outcome)) = tries.next() => match outcome {
                    Ok(connected) => {
                        self.last.store(nth, Ordering::Relaxed);
                        return Ok(connected);
                    }
                    Err(error) => {
                        errors[nth] = Some(error);
                        if let Some(nth) = next.next() {
                            tries.push(self.attempt(nth, Duration::ZERO));
                        }
                        if errors.iter().any(Option::is_none) {
                            tries.push(self.attempt(nth, AGAIN));
                        } else {
                            break;
                        }
                    }
                },
                () = sleep(BESIDE), if next.len() > 0 => {
                    tries.extend(next.next().map(|nth| self.attempt(nth, Duration::ZERO)));
                }
                else => break,
            }
        }
        match errors.into_iter().flatten().min_by_key(how_little_it_tells) {
            Some(error) => Err(error),
            None => Err(as_error(io::Error::new(io::ErrorKind::NotFound, "no host is named")).await),
        }
    }

    async fn attempt(&self, nth: usize, after: Duration) -> (usize, Result<Connected, Error>) {
        sleep(after).await;
        (nth, self.hosts[nth].connect().await)
    }
}

/// Sorts errors: what a server says tells more than that it is away, and that it is a standby tells least.
fn how_little_it_tells(error: &Error) -> u8 {
    match error.code() {
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => 3,
        Some(_) => 0,
        None => 1,
    }
}

/// Lets the pool connect to these hosts.
pub(crate) struct AnyHost(pub(crate) Arc<Hosts>);

impl Connect for AnyHost {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<Connected, Error>> {
        self.0.connect().boxed()
    }
}

/// One host.
struct Endpoint {
    this: Weak<Endpoint>,
    name: Option<Host>,
    /// Its address, where the URL names it beside the name.
    address: Option<String>,
    port: u16,
    config: Config,
    must_take_writes: bool,
    limit: Duration,
    /// Whether it answered when it was last asked, and when that was.
    answers: tokio::sync::Mutex<Option<(Instant, bool)>>,
    /// When it was last found to hang.
    hung: Mutex<Option<Instant>>,
}

impl Endpoint {
    /// Connects, within the limit.
    async fn connect(&self) -> Result<Connected, Error> {
        self.connect_within(self.limit).await
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

    async fn establish(&self) -> Result<Connected, Error> {
        let stream = match self.open().await {
            Ok(stream) => stream,
            Err(error) => return Err(as_error(error).await),
        };
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

    /// Opens the stream below.
    async fn open(&self) -> io::Result<Stream> {
        if let (Some(Host::Unix(path)), None) = (&self.name, &self.address) {
            let socket = path.join(format!(".s.PGSQL.{}", self.port));
            return Ok(Either::Right(UnixStream::connect(socket).await?));
        }
        let stream = TcpStream::connect((self.address.as_deref().unwrap_or(self.name()), self.port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(Either::Left(stream))
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
        let mut known = self.answers.lock().await;
        if let Some((at, answers)) = *known
            && at.elapsed() < FRESH
        {
            return answers;
        }
        let answers = match self.connect_within(SILENCE).await {
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
            *self.hung.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
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

/// Drives a connection to its end.
async fn drive(connection: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection to PostgreSQL ended");
    }
}

/// An error of ours as one of the client library, which offers no way to make one: a connection over a stream that fails.
async fn as_error(error: io::Error) -> Error {
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
