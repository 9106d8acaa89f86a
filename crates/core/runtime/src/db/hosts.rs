//! Connects to whichever of a database's hosts takes writes.
//!
//! The client library tries one host after the other, and has no limit for a host that accepts the connection and then
//! never answers. Here a host that is silent does not keep the others from being tried. While none takes writes, one
//! search runs in the whole process and the others wait for it: a hundred connections that search for themselves would
//! take the processor from the server that they look for.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Connect;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::sleep;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

use crate::db::endpoint::{Connected, Endpoint, HostState, Limits, as_error};
use crate::db::watched::SILENCE;

/// How long the only host may take to let us in.
const ONLY_HOST: Duration = Duration::from_secs(5);

/// How long one of several hosts may take, because another may be the one to go to.
const ONE_OF_SEVERAL: Duration = Duration::from_secs(3);

/// How long a search may go on while a standby answers, which may be promoted at any moment.
const SEARCH: Duration = Duration::from_secs(5);

/// Wait for a host before the next one is tried beside it.
const BESIDE: Duration = Duration::from_millis(250);

/// Wait before a host that has refused is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// The hosts of one database.
pub(crate) struct Hosts {
    endpoints: Vec<Arc<Endpoint>>,
    found: Arc<Found>,
}

/// The search for the host that takes writes, for all pools of this process.
struct Found {
    states: Vec<Arc<HostState>>,
    /// Which host was connected to last, and when.
    last: Mutex<Option<(usize, Instant)>>,
    /// Held by the one that searches.
    searching: tokio::sync::Mutex<()>,
}

impl Found {
    fn of(config: &Config, count: usize, must_take_writes: bool) -> Arc<Self> {
        static FOUND: LazyLock<Mutex<HashMap<String, Arc<Found>>>> = LazyLock::new(Mutex::default);
        let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
        let key = format!("{hosts:?} {addresses:?} {:?} {must_take_writes}", config.get_ports());
        let begin = || {
            Arc::new(Found {
                states: (0..count).map(|_| Arc::default()).collect(),
                last: Mutex::default(),
                searching: tokio::sync::Mutex::default(),
            })
        };
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert_with(begin).clone()
    }

    fn last(&self) -> Option<(usize, Instant)> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, last: Option<usize>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last.map(|nth| (nth, Instant::now()));
    }
}

impl Hosts {
    pub(crate) fn of(config: &Config) -> Self {
        let count = config.get_hosts().len().max(config.get_hostaddrs().len());
        // Of several hosts only one takes writes, unless the URL asks for something else.
        let must_take_writes = match config.get_target_session_attrs() {
            TargetSessionAttrs::ReadWrite => true,
            TargetSessionAttrs::Any => count > 1,
            _ => false,
        };
        let limits = if count > 1 {
            Limits { connect: ONE_OF_SEVERAL, doubt: SILENCE }
        } else {
            // Giving up the only host leads nowhere else, so it may take as long as for any connection.
            Limits { connect: ONLY_HOST, doubt: ONLY_HOST }
        };
        let found = Found::of(config, count, must_take_writes);
        let endpoint = |(nth, state): (usize, &Arc<HostState>)| {
            Endpoint::of(config, nth, limits, must_take_writes, state.clone())
        };
        Hosts { endpoints: found.states.iter().enumerate().map(endpoint).collect(), found }
    }

    /// How long connecting may take at most.
    pub(crate) fn limit(&self) -> Duration {
        if self.endpoints.len() > 1 { SEARCH + ONE_OF_SEVERAL } else { ONLY_HOST }
    }

    /// Returns whether a host has been found to hang since this moment.
    pub(crate) fn hung_since(&self, moment: Instant) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.hung_at().is_some_and(|at| at > moment))
    }

    async fn connect(&self) -> Result<Connected, Error> {
        match &self.endpoints[..] {
            [] => Err(as_error(io::Error::new(io::ErrorKind::NotFound, "no host is named")).await),
            [only] => only.connect().await,
            _ => {
                if let Some(connected) = self.connect_to_last().await {
                    return Ok(connected);
                }
                let searching = self.found.searching.lock().await;
                if self.found.last().is_none() {
                    return self.search().await;
                }
                // Another one has found it, and all that waited go there beside each other.
                drop(searching);
                if let Some(connected) = self.connect_to_last().await {
                    return Ok(connected);
                }
                let _searching = self.found.searching.lock().await;
                self.search().await
            }
        }
    }

    /// Connects to the host that was connected to last, unless it has failed since.
    async fn connect_to_last(&self) -> Option<Connected> {
        let (nth, at) = self.found.last()?;
        let endpoint = self.endpoints.get(nth)?;
        let hangs = endpoint.hung_at().is_some_and(|hung| hung >= at);
        let connected = if hangs { None } else { endpoint.connect().await.ok() };
        if connected.is_none() && self.found.last() == Some((nth, at)) {
            self.found.note(None);
        }
        connected
    }

    /// Tries each host until one lets us in or all have failed. The next one is tried once the one before has failed, or
    /// beside it if it is silent. Returns the error that tells most.
    async fn search(&self) -> Result<Connected, Error> {
        let began = Instant::now();
        let mut next = 0..self.endpoints.len();
        let mut errors: Vec<Option<Error>> = next.clone().map(|_| None).collect();
        let mut tries = FuturesUnordered::new();
        tries.extend(next.next().map(|nth| self.attempt(nth, Duration::ZERO)));
        loop {
            tokio::select! {
                Some((nth, outcome)) = tries.next() => match outcome {
                    Ok(connected) => {
                        self.found.note(Some(nth));
                        return Ok(connected);
                    }
                    Err(error) => {
                        errors[nth] = Some(error);
                        tries.extend(next.next().map(|nth| self.attempt(nth, Duration::ZERO)));
                        let undecided = errors.iter().any(Option::is_none);
                        let may_be_promoted = errors.iter().flatten().any(is_standby) && began.elapsed() < SEARCH;
                        if !undecided && !may_be_promoted {
                            break;
                        }
                        tries.push(self.attempt(nth, AGAIN));
                    }
                },
                () = sleep(BESIDE), if !next.is_empty() => {
                    tries.extend(next.next().map(|nth| self.attempt(nth, Duration::ZERO)));
                }
                else => break,
            }
        }
        match errors.into_iter().flatten().min_by_key(how_little_it_tells) {
            Some(error) => Err(error),
            None => Err(as_error(io::ErrorKind::NotConnected.into()).await),
        }
    }

    async fn attempt(&self, nth: usize, after: Duration) -> (usize, Result<Connected, Error>) {
        sleep(after).await;
        (nth, self.endpoints[nth].connect().await)
    }
}

/// Sorts errors: what a server says tells more than that it is away, and that it is a standby tells least.
fn how_little_it_tells(error: &Error) -> u8 {
    match error.code() {
        Some(_) if is_standby(error) => 2,
        Some(_) => 0,
        None => 1,
    }
}

fn is_standby(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Lets the pool connect to these hosts.
pub(crate) struct AnyHost(pub(crate) Arc<Hosts>);

impl Connect for AnyHost {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<Connected, Error>> {
        self.0.connect().boxed()
    }
}
