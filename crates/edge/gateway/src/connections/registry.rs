//! The open connections, and their limits: in all, and for one address where addresses are known.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::address::Proxies;
use super::connection::Connection;

/// Connections beyond the limit, which are told that there is no room. Probes are answered on them too.
const RESERVED: usize = 64;

/// How long a connection is quiet before it may be closed to make room: its last answer is on its way.
const QUIET: Duration = Duration::from_secs(1);

/// The least time between two lines about one limit.
const LINES: u64 = 60_000;

/// How many connections there may be.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    /// In all.
    pub(crate) total: usize,
    /// Connections, or requests through a proxy, of one address; 0 for any number.
    pub(crate) per_address: usize,
    /// The proxies whose forwarded addresses are believed.
    pub(crate) proxies: Proxies,
}

/// A limit that is met.
#[derive(Clone, Copy)]
enum Limit {
    Total,
    Address,
}

/// The open connections.
pub(super) struct Connections {
    limits: ConnectionLimits,
    began: Instant,
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    /// The connections, or requests in progress, of each counted address.
    addresses: Mutex<HashMap<IpAddr, usize>>,
    next: AtomicU64,
    ended: Notify,
    limited: Counter<u64>,
    /// When each limit was logged last, in milliseconds after `began`; 0 for never.
    logged: [AtomicU64; 2],
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        let limited = global::meter("despatch").u64_counter("despatch.connections_limited").build();
        for limit in [Limit::Total, Limit::Address] {
            // A counter that begins at zero shows its first rise.
            limited.add(0, &[limit.label()]);
        }
        Connections {
            limits,
            began: Instant::now(),
            open: Mutex::default(),
            addresses: Mutex::default(),
            next: AtomicU64::new(0),
            ended: Notify::new(),
            limited,
            logged: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Waits until another connection can be accepted.
    pub(super) async fn room(&self) {
        while lock(&self.open).len() >= self.limits.total + RESERVED {
            self.met(Limit::Total);
            self.close_idlest();
            // A connection becomes idle without a notice.
            let _ = timeout(Duration::from_millis(100), self.ended.notified()).await;
        }
    }

    /// Makes room by closing the connection that has been idle for longest. Returns whether there is one.
    pub(super) fn close_idlest(&self) -> bool {
        let open = lock(&self.open);
        let quiet = open.values().filter(|connection| !connection.is_closing());
        let quiet = quiet.filter_map(|connection| Some((connection.quiet_since()?, connection)));
        let idlest = quiet.min_by_key(|(since, _)| *since);
        idlest.is_some_and(|(since, connection)| since.elapsed() >= QUIET && connection.ask_to_close())
    }

    /// Admits a connection; returns `None` if its address has too many.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Open> {
        let address = self.count(self.limits.proxies.of_connection(peer))?;
        let is_full = lock(&self.open).len() >= self.limits.total;
        let over_limit = is_full && {
            self.met(Limit::Total);
            !self.close_idlest()
        };
        let connection = Arc::new(Connection::new(peer.to_canonical(), over_limit));
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.open).insert(id, connection.clone());
        Some(Open { id, connection, of: self.clone(), _address: address })
    }

    /// Admits a request that a proxy passes on; returns `None` if its sender's address has too many.
    pub(super) fn admit_request(
        self: &Arc<Self>,
        peer: IpAddr,
        headers: &axum::http::HeaderMap,
    ) -> Option<Counted> {
        self.count(self.limits.proxies.of_request(peer, headers))
    }

    fn count(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Counted> {
        let counted = address.filter(|_| self.limits.per_address > 0);
        if let Some(address) = counted {
            let mut addresses = lock(&self.addresses);
            let count = addresses.entry(address).or_default();
            if *count >= self.limits.per_address {
                drop(addresses);
                self.met(Limit::Address);
                return None;
            }
            *count += 1;
        }
        Some(Counted(counted.map(|address| (address, self.clone()))))
    }

    /// Counts that a limit is met, and logs it now and then.
    fn met(&self, limit: Limit) {
        self.limited.add(1, &[limit.label()]);
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let logged = &self.logged[limit as usize];
        let last = logged.load(Ordering::Relaxed);
        let is_due = last == 0 || now.saturating_sub(last) >= LINES;
        if is_due && logged.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let ConnectionLimits { total, per_address, .. } = self.limits;
            let allowed = match limit {
                Limit::Total => total,
                Limit::Address => per_address,
            };
            tracing::warn!(limit = limit.name(), allowed, "connection limit met");
        }
    }
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Limit::Total => "total",
            Limit::Address => "address",
        }
    }

    fn label(self) -> KeyValue {
        KeyValue::new("limit", self.name())
    }
}

/// An open connection, until this is dropped.
pub(super) struct Open {
    id: u64,
    pub(super) connection: Arc<Connection>,
    pub(super) of: Arc<Connections>,
    _address: Counted,
}

impl Drop for Open {
    fn drop(&mut self) {
        lock(&self.of.open).remove(&self.id);
        self.of.ended.notify_one();
    }
}

/// One of an address's connections or requests, until this is dropped.
pub(super) struct Counted(Option<(IpAddr, Arc<Connections>)>);

impl Drop for Counted {
    fn drop(&mut self) {
        let Some((address, of)) = &self.0 else { return };
        let mut addresses = lock(&of.addresses);
        if let Some(count) = addresses.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(address);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
