//! Dials that strangers ask for: to test whether they can be reached (AutoNAT), or to meet them halfway
//! (DCUtR).
//!
//! The library dials whatever it is asked to. Here a dial becomes an event first, so that the loop knows what
//! the connection will be for, and its addresses are looked at before it leaves: only where nodes of the
//! chain may be, only so many a minute, and for a test only the address that asks.

use crate::addresses::Rules;
use crate::limits::{Bucket, Quota};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::{Interval, interval};

/// Dials for strangers, all together: one a second, bursts of 16; for each: one in ten seconds, bursts of 4.
const DIALS: Quota = Quota { each: Duration::from_secs(1), burst: 16 };
const OF_ONE: Quota = Quota { each: Duration::from_secs(10), burst: 4 };
/// How long the dial of a test may take. The library gives the whole test ten seconds, and whoever asked
/// learns nothing when it takes longer; behind most routers, that is always.
const TEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Addresses of one dial.
const MAX_ADDRESSES: usize = 16;

/// A dial that is not ours to make.
#[derive(Debug, thiserror::Error)]
#[error("not dialled for a stranger: {0}")]
struct Refused(&'static str);

/// What comes of a protocol with such dials.
#[derive(Debug)]
pub(super) enum Vetting<E> {
    /// It wants to dial: dial this.
    Dial(Box<DialOpts>),
    /// Its own events.
    Event(E),
}

/// A protocol whose dials are looked at.
pub(super) struct Vetted<B> {
    pub(super) inner: B,
    rules: Rules,
    /// Whether only the address of an existing connection to the peer is dialled.
    own_address: bool,
    began: Instant,
    bucket: Bucket,
    of_one: HashMap<PeerId, Bucket>,
    /// Under way: whom they are to lead to, and since when.
    dials: HashMap<ConnectionId, (Option<PeerId>, Instant)>,
    clock: Interval,
    /// Where connections to peers come from.
    seen: HashMap<ConnectionId, (PeerId, IpAddr)>,
}

impl<B> Vetted<B> {
    /// With `own_address`, a peer may name no other.
    pub(super) fn new(inner: B, rules: Rules, own_address: bool) -> Self {
        let (dials, seen) = (HashMap::new(), HashMap::new());
        let (began, bucket, clock) = (Instant::now(), Bucket::default(), interval(LOOK_EVERY));
        Self { inner, rules, own_address, began, bucket, of_one: HashMap::new(), dials, clock, seen }
    }

    fn vet(&mut self, peer: Option<PeerId>, addresses: &[Multiaddr]) -> Result<(), Refused> {
        let allowed = |address: &Multiaddr| self.rules.allow(address);
        if addresses.len() > MAX_ADDRESSES || !addresses.iter().all(allowed) {
            return Err(Refused("no node of this chain may be there"));
        }
        let is_own = |address: &Multiaddr| {
            self.seen.values().any(|(known, ip)| Some(*known) == peer && ip_of(address) == Some(*ip))
        };
        if self.own_address && !addresses.iter().all(is_own) {
            return Err(Refused("the address is not its own"));
        }
        let (now, many) = (self.began.elapsed(), |_| Refused("too many of them"));
        self.of_one.retain(|_, bucket| !bucket.is_whole(OF_ONE, now));
        if let Some(peer) = peer {
            self.of_one.entry(peer).or_default().take(OF_ONE, 1, now).map_err(many)?;
        }
        self.bucket.take(DIALS, 1, now).map_err(many)
    }
}

impl<B: NetworkBehaviour> Vetted<B> {
    /// Tells of dials that have taken too long; what still comes of them, nobody asks for.
    fn give_up_tests(&mut self) {
        let late = self.dials.iter().filter(|(_, (_, since))| since.elapsed() >= TEST_TIMEOUT);
        let late: Vec<_> = late.map(|(id, (peer, _))| (*id, *peer)).collect();
        for (connection_id, peer_id) in late {
            self.dials.remove(&connection_id);
            let error = &DialError::Aborted;
            self.inner.on_swarm_event(FromSwarm::DialFailure(DialFailure { peer_id, error, connection_id }));
        }
    }
}

/// The address that a path begins with.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Vetted<B> {
    type ConnectionHandler = THandler<B>;
    type ToSwarm = Vetting<B::ToSwarm>;

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if self.dials.contains_key(&id) {
            self.vet(peer, addresses).map_err(ConnectionDenied::new)?;
        }
        Ok(Vec::new())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.seen.extend(ip_of(remote).map(|ip| (id, (peer, ip))));
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.dials.remove(&id);
        self.inner.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionClosed(event) => {
                self.seen.remove(&event.connection_id);
            }
            FromSwarm::ListenFailure(event) => {
                self.seen.remove(&event.connection_id);
            }
            FromSwarm::DialFailure(event) => {
                self.dials.remove(&event.connection_id);
            }
            // What any peer believes to be our address: those worth telling are suggested.
            FromSwarm::NewExternalAddrCandidate(_) => return,
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        while self.own_address && self.clock.poll_tick(cx).is_ready() {
            self.give_up_tests();
        }
        self.inner.poll(cx).map(|event| match event {
            ToSwarm::Dial { opts } => {
                self.dials.insert(opts.connection_id(), (opts.get_peer_id(), Instant::now()));
                ToSwarm::GenerateEvent(Vetting::Dial(Box::new(opts)))
            }
            other => other.map_out(Vetting::Event),
        })
    }
}
