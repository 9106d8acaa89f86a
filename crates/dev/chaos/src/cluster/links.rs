//! The network of a cluster: a proxy before each server for clients, and one for each pair of servers.

use std::net::{Ipv4Addr, SocketAddr};

use despatch_testkit::{Condition, Proxy};

use crate::result::Result;

/// Servers in a cluster.
pub(crate) const SERVERS: usize = 3;

/// All proxies of a cluster. Servers are named by their place.
pub(crate) struct Links {
    clients: Vec<Proxy>,
    /// By the server that connects, and the server that it connects to.
    peers: Vec<Vec<Proxy>>,
}

impl Links {
    /// Starts the proxies. Nothing listens behind them until [`point_to`](Links::point_to) was called.
    pub(crate) async fn start() -> Result<Self> {
        let nowhere = (Ipv4Addr::LOCALHOST, 0).into();
        let mut links = Links { clients: Vec::new(), peers: Vec::new() };
        for _ in 0..SERVERS {
            links.clients.push(Proxy::start(nowhere).await?);
            let mut peers = Vec::new();
            for _ in 0..SERVERS {
                peers.push(Proxy::start(nowhere).await?);
            }
            links.peers.push(peers);
        }
        Ok(links)
    }

    /// Returns the address of each server for clients.
    pub(crate) fn for_clients(&self) -> Vec<SocketAddr> {
        self.clients.iter().map(Proxy::address).collect()
    }

    /// Returns the address of a server for another server.
    pub(crate) fn between(&self, from: usize, to: usize) -> SocketAddr {
        self.peers[from][to].address()
    }

    /// Points to a server's current addresses, for clients and for other servers.
    pub(crate) fn point_to(&self, server: usize, clients: SocketAddr, peers: SocketAddr) {
        self.clients[server].point_to(clients);
        for from in &self.peers {
            from[server].point_to(peers);
        }
    }

    /// Lets everything to and from a server disappear. No connection ends.
    pub(crate) fn swallow(&self, server: usize) {
        self.set(server, Condition::Stalled);
    }

    /// Lets everything pass again. With `cut`, the connections of before end.
    pub(crate) fn open(&self, server: usize, cut: bool) {
        if cut {
            self.of(server).for_each(Proxy::cut);
        }
        self.set(server, Condition::Open);
    }

    fn set(&self, server: usize, condition: Condition) {
        self.of(server).for_each(|proxy| proxy.set(condition));
    }

    fn of(&self, server: usize) -> impl Iterator<Item = &Proxy> {
        let to = self.peers.iter().map(move |from| &from[server]);
        std::iter::once(&self.clients[server]).chain(&self.peers[server]).chain(to)
    }
}
