//! Protocols that say by themselves which addresses are ours. Here they only tell what they found out:
//! whether it is so is put together elsewhere ([`super::reach`]).

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::NewExternalAddrCandidate;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::task::{Context, Poll, ready};

/// A protocol that neither hears what others believe to be our addresses, nor announces any.
pub(super) struct Quietly<B>(pub(super) B);

/// Tells a protocol of an address that may be ours.
pub(super) fn suggest(to: &mut impl NetworkBehaviour, address: &Multiaddr) {
    let candidate = NewExternalAddrCandidate { addr: address };
    to.on_swarm_event(FromSwarm::NewExternalAddrCandidate(candidate));
}

impl<B: NetworkBehaviour> NetworkBehaviour for Quietly<B> {
    type ConnectionHandler = THandler<B>;
    type ToSwarm = B::ToSwarm;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        if !matches!(event, FromSwarm::NewExternalAddrCandidate(_)) {
            self.0.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.0.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match ready!(self.0.poll(cx)) {
                ToSwarm::ExternalAddrConfirmed(_) | ToSwarm::NewExternalAddrCandidate(_) => {}
                other => return Poll::Ready(other),
            }
        }
    }
}
