//! Protocols that not every connection has.
//!
//! A connection over a relay carries no chain data: it is there to find a direct one. One that is to carry
//! blocks alone carries no gossip. On these, a [`Gated`] protocol has no handler, so the other side cannot
//! even negotiate it, and the protocol itself is not told of the connection: each of the library's would
//! panic, or count wrongly, if it were told of half.

use either::Either;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::util::unreachable;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;
use std::task::{Context, Poll, ready};

/// A protocol and the connections that have it.
pub(super) struct Gated<B> {
    /// The protocol.
    pub(super) inner: B,
    /// Whether new connections have it at all.
    open: bool,
    /// Dials and connections without it, to whom once they stand.
    shut: HashMap<ConnectionId, Option<PeerId>>,
    /// The connections with it.
    standing: HashMap<PeerId, Vec<ConnectionId>>,
}

impl<B> Gated<B> {
    /// With `open`, every direct connection has the protocol, unless its dial is [`Gated::shut`].
    pub(super) fn new(inner: B, open: bool) -> Self {
        Self { inner, open, shut: HashMap::new(), standing: HashMap::new() }
    }

    /// The connection that this dial leads to is not to have it.
    pub(super) fn shut(&mut self, dial: ConnectionId) {
        self.shut.insert(dial, None);
    }

    /// Whether this connection has it.
    pub(super) fn has(&self, peer: PeerId, id: ConnectionId) -> bool {
        self.standing.get(&peer).is_some_and(|ids| ids.contains(&id))
    }

    fn admit(&mut self, peer: PeerId, id: ConnectionId) {
        self.standing.entry(peer).or_default().push(id);
    }

    /// How many connections to the peer are left, if this was one of them.
    fn leave(&mut self, peer: PeerId, id: ConnectionId) -> Option<usize> {
        self.shut.remove(&id);
        let ids = self.standing.get_mut(&peer)?;
        let before = ids.len();
        ids.retain(|other| *other != id);
        let left = ids.len();
        if left == 0 {
            self.standing.remove(&peer);
        }
        (left < before).then_some(left)
    }
}

/// Whether this end of a connection names a relay. Of one that others opened it is our end.
pub(super) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

impl<B: NetworkBehaviour> NetworkBehaviour for Gated<B> {
    type ConnectionHandler = Either<THandler<B>, dummy::ConnectionHandler>;
    type ToSwarm = B::ToSwarm;

    /// It may refuse a dial, but names no addresses for it: those are the book's.
    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)?;
        Ok(Vec::new())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        // Who is not to have it cannot change that by a connection of its own.
        let kept_out = self.shut.values().any(|known| *known == Some(peer));
        if kept_out {
            self.shut.insert(id, Some(peer));
        }
        if kept_out || !self.open || is_relayed(local) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler = self.inner.handle_established_inbound_connection(id, peer, local, remote)?;
        self.admit(peer, id);
        Ok(Either::Left(handler))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if let Some(to) = self.shut.get_mut(&id) {
            *to = Some(peer);
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        if !self.open || is_relayed(address) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler = self.inner.handle_established_outbound_connection(id, peer, address, role, port)?;
        self.admit(peer, id);
        Ok(Either::Left(handler))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(mut event) => {
                if self.has(event.peer_id, event.connection_id) {
                    let others = self.standing.get(&event.peer_id).map_or(0, |ids| ids.len() - 1);
                    event.other_established = others;
                    self.inner.on_swarm_event(FromSwarm::ConnectionEstablished(event));
                }
            }
            FromSwarm::ConnectionClosed(mut event) => {
                if let Some(left) = self.leave(event.peer_id, event.connection_id) {
                    event.remaining_established = left;
                    self.inner.on_swarm_event(FromSwarm::ConnectionClosed(event));
                }
            }
            FromSwarm::AddressChange(event) => {
                if self.has(event.peer_id, event.connection_id) {
                    self.inner.on_swarm_event(FromSwarm::AddressChange(event));
                }
            }
            FromSwarm::DialFailure(event) => {
                self.shut.remove(&event.connection_id);
                self.inner.on_swarm_event(FromSwarm::DialFailure(event));
            }
            FromSwarm::ListenFailure(event) => {
                self.shut.remove(&event.connection_id);
                self.inner.on_swarm_event(FromSwarm::ListenFailure(event));
            }
            other => self.inner.on_swarm_event(other),
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Either::Left(event) if self.has(peer, id) => {
                self.inner.on_connection_handler_event(peer, id, event);
            }
            Either::Left(_) => {}
            Either::Right(never) => unreachable(never),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            let event = match ready!(self.inner.poll(cx)) {
                // "Any" would be any connection of the peer, also one without a handler.
                ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::Any, event } => {
                    let Some(id) = self.standing.get(&peer_id).and_then(|ids| ids.first()) else { continue };
                    ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(*id), event }
                }
                other => other,
            };
            return Poll::Ready(event.map_in(Either::Left));
        }
    }
}
