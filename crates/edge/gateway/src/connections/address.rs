//! The address that a request comes from, where proxies are known.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::network;

/// The header in which each proxy appends the address that it was asked by.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The part of an IPv6 address that names a customer's network; the rest is the customer's own choice.
const NETWORK_BITS: u32 = 64;

/// The proxies whose forwarded addresses are believed. Without any, nothing is known about addresses: that of a connection
/// may be a proxy's, behind which are all customers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Reads addresses and networks. The configuration's check reports those that cannot be read.
    pub(crate) fn new(texts: &[String]) -> Self {
        Proxies(texts.iter().filter_map(|text| network(text)).collect())
    }

    /// Returns whose connection this is, to be counted; `None` for a proxy's, or if no proxies are known.
    pub(crate) fn of_connection(&self, peer: IpAddr) -> Option<IpAddr> {
        (!self.0.is_empty() && !self.trusts(peer)).then(|| counted(peer))
    }

    /// Returns whose request a proxy passes on, to be counted: the last forwarded address that is no proxy's. The sender
    /// may have made up those before it. Returns `None` for a request that comes without a proxy.
    pub(crate) fn of_request(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trusts(peer) {
            return None;
        }
        let lines = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|line| line.to_str().ok());
        let forwarded: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        let mut nearest_first = forwarded.iter().rev().map_while(|text| text.trim().parse().ok());
        nearest_first.find(|address| !self.trusts(*address)).map(counted)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Returns the address under which a sender is counted.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK_BITS))).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_forwarded_address_is_believed_as_far_as_proxies_are_known() {
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned(), "192.0.2.1".to_owned()]);
        let of = |peer, forwarded: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            proxies.of_request(ip(peer), &headers)
        };
        assert_eq!(of("10.1.2.3", &["203.0.113.9"]), Some(ip("203.0.113.9")));
        assert_eq!(of("10.1.2.3", &["198.51.100.7, 203.0.113.9", "192.0.2.1"]), Some(ip("203.0.113.9")));
        assert_eq!(of("::ffff:10.1.2.3", &["2001:db8::1:2:3:4"]), Some(ip("2001:db8::")));
        assert_eq!(of("203.0.113.1", &["198.51.100.7"]), None, "anybody can send the header");
        assert_eq!(of("10.1.2.3", &["198.51.100.7, nonsense"]), None);
        assert_eq!(of("10.1.2.3", &[]), None);
    }

    #[test]
    fn connections_are_counted_by_address_only_where_proxies_are_known() {
        let proxies = Proxies::new(&["10.0.0.0/8".to_owned()]);
        assert_eq!(proxies.of_connection(ip("203.0.113.1")), Some(ip("203.0.113.1")));
        assert_eq!(proxies.of_connection(ip("10.0.0.1")), None);
        assert_eq!(Proxies::default().of_connection(ip("203.0.113.1")), None);
    }
}
