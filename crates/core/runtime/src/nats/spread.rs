//! Which server of a cluster a process connects to.
//!
//! Each process has an order of its own over the servers, so that processes spread. The first of its order is its home. When
//! the home fails, the process goes to the next one. When the home is back, the process returns.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Client, ReconnectToServer, Server, ServerAddr};

use crate::nats::connect::reach_server;

/// How often a process that is away from its home looks whether to return. All processes must not return together, so
/// each waits up to twice as long.
const LOOK: Duration = Duration::from_secs(10);

/// A process's order over the servers, and where it is.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// Hashes differently in each process.
    order: RandomState,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// The server of the last attempt.
    tried: Option<ServerAddr>,
    /// The server whose connection was lost last. The client does not count that as a failure.
    lost: Option<ServerAddr>,
    /// Whether the next connection is to the home, whatever its past.
    returning: bool,
}

impl Spread {
    /// Chooses the server of the next attempt: one that failed less often, then by this process's order.
    pub(crate) fn choose(&self, servers: &[Server]) -> Option<ReconnectToServer> {
        let mut place = self.place();
        let connected = |server: &&Server| server.did_connect && server.failed_attempts == 0;
        let tried = place.tried.take();
        let before = servers.iter().filter(connected).find(|server| Some(&server.addr) == tried.as_ref());
        let returning = std::mem::take(&mut place.returning);
        if let Some(before) = before {
            place.lost = (!returning).then(|| before.addr.clone());
        }
        let is_lost = |server: &Server| place.lost.as_ref() == Some(&server.addr);
        let failures = |server: &Server| {
            if returning { 0 } else { server.failed_attempts + usize::from(is_lost(server)) }
        };
        let chosen = servers.iter().min_by_key(|server| (failures(server), self.rank(&server.addr)))?;
        place.tried = Some(chosen.addr.clone());
        Some(ReconnectToServer { addr: chosen.addr.clone(), delay: None })
    }

    /// Returns to the home whenever the connection is to another server and the home answers. Ends with the client.
    pub(crate) async fn keep_home(self: Arc<Self>, client: Client, url: String) {
        loop {
            let part = u32::try_from(self.order.hash_one(&url) % 1024).unwrap_or_default();
            tokio::time::sleep(LOOK + LOOK * part / 1024).await;
            let Ok(servers) = client.server_pool().await else { continue };
            let Some(home) = servers.iter().min_by_key(|server| self.rank(&server.addr)) else { continue };
            if self.place().tried.as_ref() == Some(&home.addr)
                || reach_server(&url, &home.addr).await.is_err()
            {
                continue;
            }
            self.place().returning = true;
            if client.force_reconnect().await.is_err() {
                return;
            }
        }
    }

    /// A server's place in this process's order.
    fn rank(&self, server: &ServerAddr) -> u64 {
        self.order.hash_one((server.host(), server.port()))
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> Server {
        Server {
            addr: format!("nats://{name}:4222").parse().expect("an address"),
            failed_attempts: 0,
            did_connect: false,
            is_discovered: false,
            last_error: None,
        }
    }

    fn chosen(spread: &Spread, servers: &mut [Server], succeeds: bool) -> String {
        let addr = spread.choose(servers).expect("a server").addr;
        let server = servers.iter_mut().find(|server| server.addr == addr).expect("one of the pool");
        if succeeds {
            (server.did_connect, server.failed_attempts) = (true, 0);
        } else {
            server.failed_attempts += 1;
        }
        addr.host().to_owned()
    }

    #[test]
    fn processes_spread_over_the_servers() {
        let mut homes = std::collections::BTreeMap::<String, usize>::new();
        for _ in 0..300 {
            let mut servers = [server("a"), server("b"), server("c")];
            *homes.entry(chosen(&Spread::default(), &mut servers, true)).or_default() += 1;
        }
        assert!(homes.len() == 3 && homes.values().all(|count| *count > 30), "{homes:?}");
    }

    #[test]
    fn a_server_that_was_lost_is_tried_last_and_the_home_is_returned_to() {
        let spread = Spread::default();
        let mut servers = [server("a"), server("b"), server("c")];
        let home = chosen(&spread, &mut servers, true);
        let next = chosen(&spread, &mut servers, false);
        assert_ne!(next, home);
        let third = chosen(&spread, &mut servers, true);
        assert!(third != home && third != next, "{third}");
        spread.place().returning = true;
        assert_eq!(chosen(&spread, &mut servers, true), home);
    }
}
