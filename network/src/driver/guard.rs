//! Who may knock: bounds for each address before the handshake costs anything.
//!
//! On chains for everybody, connections count for their network as well; where all nodes may be in one house,
//! many share one. While it shakes hands, one over QUIC counts for its address alone: its first packet may
//! name any sender.

use super::gate::is_relayed;
use super::vetted::ip_of;
use crate::limits::{Bucket, Quota};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Connections of one address that may shake hands at a time.
const MAX_PENDING: usize = 8;
/// Connections of one network (/24, /48) that may shake hands at a time, over TCP: a quarter of all.
const MAX_PENDING_OF_NETWORK: usize = 16;
/// Connections of one address that may stand (network design: Peers).
const MAX_STANDING: usize = 3;
/// Connections of one network (/24, /48) that may stand.
const MAX_OF_NETWORK: usize = 12;

/// Connections over relays that others may open: one in ten seconds, bursts of 8. The library that makes
/// direct ones of them remembers something of each for ever.
const RELAYED: Quota = Quota { each: Duration::from_secs(10), burst: 8 };

/// So many come over relays that none is let in for a while.
#[derive(Debug, thiserror::Error)]
#[error("too many connections over relays")]
struct TooManyRelayed;

/// The door is shut for this address.
#[derive(Debug, thiserror::Error)]
#[error("too many connections from {0}")]
struct TooMany(IpAddr);

/// Counts connections from outside by where they come from.
pub(super) struct Guard {
    /// Whether addresses that stand are counted too.
    public: bool,
    /// From where, and whether they are certainly from there.
    pending: HashMap<ConnectionId, (IpAddr, bool)>,
    standing: HashMap<ConnectionId, IpAddr>,
    began: Instant,
    relayed: Bucket,
}

impl Guard {
    /// Nobody is here yet.
    pub(super) fn new(public: bool) -> Self {
        let (pending, standing) = (HashMap::new(), HashMap::new());
        Self { public, pending, standing, began: Instant::now(), relayed: Bucket::default() }
    }

    /// The lists hold as many as there may be connections: few enough to be counted each time.
    fn admit(&self, ip: IpAddr) -> Result<(), ConnectionDenied> {
        let standing = self.standing.values().filter(|other| **other == ip).count();
        let near = self.standing.values().filter(|other| network(**other) == network(ip)).count();
        let crowded = self.public && (standing >= MAX_STANDING || near >= MAX_OF_NETWORK);
        if crowded { Err(ConnectionDenied::new(TooMany(ip))) } else { Ok(()) }
    }

    /// The same for those that are still shaking hands.
    fn may_knock(&self, ip: IpAddr, certain: bool) -> Result<(), ConnectionDenied> {
        let pending = self.pending.values().filter(|(other, _)| *other == ip).count();
        let is_near = |(other, certain): &&(IpAddr, bool)| *certain && network(*other) == network(ip);
        let near = self.pending.values().filter(is_near).count();
        let crowded = self.public && certain && near >= MAX_PENDING_OF_NETWORK;
        if crowded || pending >= MAX_PENDING { Err(ConnectionDenied::new(TooMany(ip))) } else { Ok(()) }
    }
}

/// The part of an address that one customer of a provider usually has.
fn network(ip: IpAddr) -> [u8; 6] {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            [4, a, b, c, 0, 0]
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, ..] = ip.octets();
            [a, b, c, d, e, f]
        }
    }
}

impl NetworkBehaviour for Guard {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let Some(ip) = ip_of(remote) else { return Ok(()) };
        let certain = remote.iter().any(|part| matches!(part, Protocol::Tcp(_)));
        self.admit(ip)?;
        self.may_knock(ip, certain)?;
        self.pending.insert(id, (ip, certain));
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&id);
        if is_relayed(local) {
            let now = self.began.elapsed();
            self.relayed.take(RELAYED, 1, now).map_err(|_| ConnectionDenied::new(TooManyRelayed))?;
        }
        // Others may have come meanwhile.
        if let Some(ip) = ip_of(remote) {
            self.admit(ip)?;
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ListenFailure(event) => {
                self.pending.remove(&event.connection_id);
            }
            FromSwarm::ConnectionEstablished(event) if event.endpoint.is_listener() => {
                if let Some(ip) = ip_of(event.endpoint.get_remote_address()) {
                    self.standing.insert(event.connection_id, ip);
                }
            }
            FromSwarm::ConnectionClosed(event) => {
                self.standing.remove(&event.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
