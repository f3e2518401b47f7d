//! Which part of the internet an address lies in, and whether it can be dialled from anywhere.
//!
//! Addresses are cheap, networks are not: whoever fills a book from one network gets no further than the
//! book lets one group get (Bitcoin Core, `netgroup.h` and `addrman.h`). The special ranges are those of
//! IANA's registries for IPv4 and IPv6 (RFC 6890 and its successors).

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use starling_primitives::Tag;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of a group in hashes and files: the kind, then the prefix, padded with zeros.
pub(super) const GROUP_BYTES: usize = 9;

/// Networks of IPv4, as (network, bits), that nobody can be reached at from everywhere.
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
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
    // Multicast, reserved and broadcast together.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Networks within 2000::/3 that nobody can be reached at from everywhere: what IETF protocols use (with
/// Teredo, ORCHID and benchmarking) and what is for documents.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// What IANA gives out of IPv6.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The network that an address counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    /// This machine, or a network that others have too.
    Local,
    /// A /16, also of an IPv6 address that stands for one of IPv4.
    V4([u8; 2]),
    /// A /32.
    V6([u8; 4]),
    /// Anything else: the start of the hash of the name.
    Name(u64),
}

impl Group {
    /// The group of whoever is reached first through this address.
    pub(crate) fn of(address: &Multiaddr) -> Self {
        match address.iter().next() {
            None | Some(Protocol::Memory(_)) => Self::Local,
            Some(Protocol::Ip4(ip)) => Self::of_v4(ip),
            Some(Protocol::Ip6(ip)) => Self::of_v6(ip),
            Some(
                Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) | Protocol::Dnsaddr(name),
            ) => Self::of_name(&name),
            Some(other) => Self::of_name(&other.to_string()),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let shared = within_v4(ip, (Ipv4Addr::new(100, 64, 0, 0), 10));
        let local = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
        let [a, b, ..] = ip.octets();
        if local || shared { Self::Local } else { Self::V4([a, b]) }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        if let Some(v4) = embedded_v4(ip) {
            return Self::of_v4(v4);
        }
        // The deprecated fec0::/10 as well.
        let site = within_v6(ip, (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10));
        let local = ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local();
        let [a, b, c, d, ..] = ip.octets();
        if local || site || ip.is_unspecified() { Self::Local } else { Self::V6([a, b, c, d]) }
    }

    fn of_name(name: &str) -> Self {
        static NAME: Tag = Tag::new("starling/dns-group");
        let [a, b, c, d, e, f, g, h, ..] = NAME.hash(&[name.to_ascii_lowercase().as_bytes()]);
        Self::Name(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The one form that hashes and files know.
    pub(super) fn to_bytes(self) -> [u8; GROUP_BYTES] {
        match self {
            Self::Local => [0; GROUP_BYTES],
            Self::V4([a, b]) => [1, a, b, 0, 0, 0, 0, 0, 0],
            Self::V6([a, b, c, d]) => [2, a, b, c, d, 0, 0, 0, 0],
            Self::Name(hash) => {
                let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
                [3, a, b, c, d, e, f, g, h]
            }
        }
    }

    /// What [`Group::to_bytes`] gave; nothing else has a meaning.
    pub(super) fn from_bytes(bytes: [u8; GROUP_BYTES]) -> Option<Self> {
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 0, 0] => Some(Self::Local),
            [1, a, b, 0, 0, 0, 0, 0, 0] => Some(Self::V4([a, b])),
            [2, a, b, c, d, 0, 0, 0, 0] => Some(Self::V6([a, b, c, d])),
            [3, a, b, c, d, e, f, g, h] => Some(Self::Name(u64::from_le_bytes([a, b, c, d, e, f, g, h]))),
            _ => None,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::V4([a, b]) => write!(f, "{a}.{b}/16"),
            Self::V6([a, b, c, d]) => {
                let (high, low) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                write!(f, "{high:x}:{low:x}/32")
            }
            Self::Name(hash) => write!(f, "name-{hash:016x}"),
        }
    }
}

/// Whether anybody can dial this from anywhere: a global IP with a port, TCP or QUIC.
pub(crate) fn is_public(address: &Multiaddr) -> bool {
    endpoint(address).is_some_and(|ip| match ip {
        IpAddr::V4(ip) => is_global_v4(ip),
        IpAddr::V6(ip) => is_global_v6(ip),
    })
}

/// Whether this names one machine and a port, TCP or QUIC; it may be of a network that others have too.
pub(crate) fn is_dialable(address: &Multiaddr) -> bool {
    let one_v4 = |ip: Ipv4Addr| !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast();
    endpoint(address).is_some_and(|ip| match ip {
        IpAddr::V4(ip) => one_v4(ip),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && embedded_v4(ip).is_none_or(one_v4),
    })
}

/// The relay's own address, where a path leads over one to a peer behind it: `ADDRESS/p2p/RELAY/p2p-circuit`,
/// with nothing after it but perhaps the peer's id.
pub(crate) fn relay_of(address: &Multiaddr) -> Option<Multiaddr> {
    let mut relay: Vec<Protocol<'_>> = address.iter().collect();
    if let [.., Protocol::P2pCircuit, Protocol::P2p(_)] = relay.as_slice() {
        relay.pop();
    }
    relay.pop().filter(|part| *part == Protocol::P2pCircuit)?;
    matches!(relay.last(), Some(Protocol::P2p(_))).then(|| relay.into_iter().collect())
}

/// The IP of `IP/tcp/PORT` or `IP/udp/PORT/quic-v1`, with nothing after it but perhaps a peer's id. A path
/// over a relay is none: relayed connections carry no chain data.
fn endpoint(address: &Multiaddr) -> Option<IpAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    let port = match parts.next()? {
        Protocol::Tcp(port) => port,
        Protocol::Udp(port) if parts.next()? == Protocol::QuicV1 => port,
        _ => return None,
    };
    let ends = match parts.next() {
        None => true,
        Some(Protocol::P2p(_)) => parts.next().is_none(),
        Some(_) => false,
    };
    (port != 0 && ends).then_some(ip)
}

fn is_global_v4(ip: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| within_v4(ip, *network))
}

/// An address that stands for one of IPv4 is as global as that, where routers know how to take it there.
fn is_global_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x2002, ..] => embedded_v4(ip).is_some_and(is_global_v4),
        _ => within_v6(ip, GLOBAL_V6) && !SPECIAL_V6.iter().any(|network| within_v6(ip, *network)),
    }
}

fn within_v4(ip: Ipv4Addr, (network, bits): (Ipv4Addr, u32)) -> bool {
    let shift = u32::BITS.saturating_sub(bits);
    ip.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
}

fn within_v6(ip: Ipv6Addr, (network, bits): (Ipv6Addr, u32)) -> bool {
    let shift = u128::BITS.saturating_sub(bits);
    ip.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
}

/// The IPv4 address that an IPv6 address stands for, if it does.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        // IPv4-mapped (RFC 4291), IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(v4(high, low)),
        // Teredo (RFC 4380): the client's address with all bits turned.
        [0x2001, 0, _, _, _, _, high, low] => Some(v4(!high, !low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
