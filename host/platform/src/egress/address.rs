//! Addresses that plugins may reach, and the resolver that enforces the rule.
//!
//! A connection is made to an address that was checked, never to a name that could resolve to
//! another one later.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// IPv4 networks that are not public: IANA's special-purpose registry (RFC 6890), multicast and
/// reserved.
const CLOSED_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Global unicast; nothing outside is public.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks in it that are not public: protocol assignments (with Teredo and benchmarking), 6to4,
/// documentation.
const CLOSED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The well-known prefix of NAT64 (RFC 6052), which embeds IPv4 addresses.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Public addresses, and those that the operator opened.
#[derive(Debug, Clone, Default)]
pub struct AddressRule {
    open: Arc<[IpNet]>,
}

impl AddressRule {
    /// With these networks opened.
    ///
    /// # Errors
    /// The text that is not a network.
    pub fn new(open: &[String]) -> Result<Self, String> {
        let network = |text: &String| {
            text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| text.clone())
        };
        Ok(Self { open: open.iter().map(network).collect::<Result<_, _>>()? })
    }

    /// Whether a name may resolve to this address.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.opened(address) || is_global(address)
    }

    /// Whether the operator opened this address. A literal address in a URL has no name that a
    /// certificate could confirm, so it must be opened.
    pub fn opened(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.open.iter().any(|network| network.contains(&address))
    }
}

fn is_global(address: IpAddr) -> bool {
    let v4 = |(network, length)| Ipv4Net::new(network, length).ok();
    let v6 = |(network, length)| Ipv6Net::new(network, length).ok();
    match address.to_canonical() {
        IpAddr::V4(address) => {
            !CLOSED_V4.into_iter().any(|network| v4(network).is_none_or(|network| network.contains(&address)))
        }
        IpAddr::V6(address) if v6(NAT64).is_some_and(|network| network.contains(&address)) => {
            let [.., a, b, c, d] = address.octets();
            is_global(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) => {
            v6(GLOBAL_V6).is_some_and(|network| network.contains(&address))
                && !CLOSED_V6.into_iter().any(|network| v6(network).is_none_or(|network| network.contains(&address)))
        }
    }
}

/// A name resolves to no permitted address.
#[derive(Debug)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no address that is open to plugins")
    }
}

impl Error for Closed {}

/// Resolves a name.
type Lookup = dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync;

/// Returns only the addresses that pass the rule.
pub struct Resolver {
    rule: AddressRule,
    lookup: Arc<Lookup>,
}

impl Resolver {
    /// With the resolver of the system.
    pub fn system(rule: AddressRule) -> Self {
        let lookup = |name: String| -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        };
        Self::over(rule, Arc::new(lookup))
    }

    /// With `lookup` as the resolver.
    pub fn over(rule: AddressRule, lookup: Arc<Lookup>) -> Self {
        Self { rule, lookup }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rule, found) = (self.rule.clone(), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let admitted: Vec<SocketAddr> =
                found.await?.into_iter().filter(|address| rule.admits(address.ip())).collect();
            if admitted.is_empty() {
                return Err(Closed.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn only_the_open_internet_is_open() {
        let rule = AddressRule::default();
        for open in [
            "8.8.8.8",
            "101.226.4.6",
            "172.32.0.1",
            "100.128.0.1",
            "2400:3200::1",
            "2606:4700:4700::1111",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
        ] {
            assert!(rule.admits(address(open)), "{open}");
        }
        for closed in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!rule.admits(address(closed)), "{closed}");
        }
    }

    #[test]
    fn the_operator_opens_what_they_name_and_no_more() {
        let rule = AddressRule::new(&["127.0.0.1/32".into(), "10.20.0.0/16".into(), "fd00::7".into()]).unwrap();
        for open in ["127.0.0.1", "::ffff:127.0.0.1", "10.20.255.1", "fd00::7"] {
            assert!(rule.admits(address(open)) && rule.opened(address(open)), "{open}");
        }
        for closed in ["127.0.0.2", "10.21.0.1", "fd00::8", "::1"] {
            assert!(!rule.admits(address(closed)), "{closed}");
        }
        assert!(rule.admits(address("8.8.8.8")) && !rule.opened(address("8.8.8.8")));
        assert_eq!(AddressRule::new(&["10.0.0.0/40".into()]).unwrap_err(), "10.0.0.0/40");
    }
}
