//! A watch over gossip's streams.
//!
//! Gossipsub (rust-libp2p 0.50) opens a stream anew when it fails, but after the fifth in one direction its
//! handler is disabled for the rest of the connection, and nobody is told: such a peer stays connected,
//! stays in the mesh, and neither hears nor says anything. [`Watched`] counts the same events the handler
//! counts, and closes the connection when the handler gives up; whoever wants the peer dials it again.
//!
//! What peers bring passes by here first, and only what they may bring goes on.

use super::gossip::Gossip;
use super::intake::Intake;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::handler::ConnectionEvent;
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::task::{Context, Poll};
use std::time::Instant;

/// Streams in one direction at which gossipsub's handler gives up (its `MAX_SUBSTREAM_ATTEMPTS`).
const MAX_STREAMS: u32 = 5;

type Inner = THandler<Gossip>;
/// What gossip's handler says; the library names it only here.
type FromGossip = <Inner as ConnectionHandler>::ToBehaviour;

/// Gossip whose connections close when it has gone silent on them.
pub(super) struct Watched {
    /// Gossip itself.
    pub(super) inner: Gossip,
    /// Connections to be closed: at most those that are open.
    silent: Vec<(PeerId, ConnectionId)>,
    /// What peers bring, before gossip sees it.
    pub(super) intake: Intake,
    began: Instant,
}

impl Watched {
    /// Watches over this gossip.
    pub(super) fn new(inner: Gossip, intake: Intake) -> Self {
        Self { inner, intake, began: Instant::now(), silent: Vec::new() }
    }
}

// The methods left out, those about pending connections, are left out by gossipsub too.
impl NetworkBehaviour for Watched {
    type ConnectionHandler = WatchedHandler;
    type ToSwarm = <Gossip as NetworkBehaviour>::ToSwarm;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let inner = self.inner.handle_established_inbound_connection(id, peer, local, remote)?;
        Ok(WatchedHandler::new(inner))
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let inner = self.inner.handle_established_outbound_connection(id, peer, address, role, port)?;
        Ok(WatchedHandler::new(inner))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        if let FromSwarm::ConnectionClosed(closed) = &event
            && closed.remaining_established == 0
        {
            self.intake.gone(&closed.peer_id, self.began.elapsed());
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Some(mut event) => {
                if let FromGossip::Message { rpc, .. } = &mut event {
                    self.intake.sift(peer, &mut rpc.messages, self.began.elapsed());
                }
                self.inner.on_connection_handler_event(peer, id, event);
            }
            None => self.silent.push((peer, id)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.silent.pop() {
            tracing::debug!(peer = %peer_id, "gossip has gone silent on a connection: closing it");
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::One(id) });
        }
        self.inner.poll(cx)
    }
}

/// What a connection tells [`Watched`]: something for gossip, or nothing once gossip has given up on it.
type FromHandler = Option<FromGossip>;

/// Gossip's handler with its streams counted.
pub(super) struct WatchedHandler {
    inner: Inner,
    inbound: u32,
    outbound: u32,
    report: bool,
}

impl WatchedHandler {
    fn new(inner: Inner) -> Self {
        Self { inner, inbound: 0, outbound: 0, report: false }
    }
}

impl ConnectionHandler for WatchedHandler {
    type FromBehaviour = <Inner as ConnectionHandler>::FromBehaviour;
    type ToBehaviour = FromHandler;
    type InboundProtocol = <Inner as ConnectionHandler>::InboundProtocol;
    type OutboundProtocol = <Inner as ConnectionHandler>::OutboundProtocol;
    type InboundOpenInfo = <Inner as ConnectionHandler>::InboundOpenInfo;
    type OutboundOpenInfo = <Inner as ConnectionHandler>::OutboundOpenInfo;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol, Self::InboundOpenInfo> {
        self.inner.listen_protocol()
    }

    fn connection_keep_alive(&self) -> bool {
        self.inner.connection_keep_alive()
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Self::OutboundOpenInfo, FromHandler>> {
        if std::mem::take(&mut self.report) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(None));
        }
        self.inner.poll(cx).map(|event| event.map_custom(Some))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<FromHandler>> {
        self.inner.poll_close(cx).map(|event| event.map(Some))
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        self.inner.on_behaviour_event(event);
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<
            Self::InboundProtocol,
            Self::OutboundProtocol,
            Self::InboundOpenInfo,
            Self::OutboundOpenInfo,
        >,
    ) {
        let count = match (event.is_inbound(), event.is_outbound()) {
            (true, _) => Some(&mut self.inbound),
            (_, true) => Some(&mut self.outbound),
            _ => None,
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
            self.report |= *count == MAX_STREAMS;
        }
        self.inner.on_connection_event(event);
    }
}
