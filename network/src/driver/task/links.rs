//! Connections: how they come and go, and what their other ends say of themselves.

use super::super::MAX_AGENT_CHARS;
use super::super::behaviour::{MAX_DIALS, is_of_chain, version};
use super::super::dialling::dial_options;
use super::super::message::{DialEnd, NetEvent};
use super::Task;
use crate::peers::peer_of;
use libp2p::core::{ConnectedPoint, SignedEnvelope};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId, identify, mdns, ping};
use std::collections::HashMap;
use std::error::Error;

/// Addresses taken from one announcement on the local network.
const MAX_DISCOVERED: usize = 64;
/// Pings in a row that a connection may miss.
const MAX_MISSED_PINGS: u8 = 2;

/// A connection.
pub(super) struct Link {
    dialled: Option<Multiaddr>,
    outbound: bool,
    missed_pings: u8,
}

/// A connected peer.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) links: HashMap<ConnectionId, Link>,
    identified: Option<(String, bool, Vec<Multiaddr>)>,
}

impl Task {
    /// Dials, unless that leads to a peer we are connected to, or where a dial is under way.
    pub(super) fn dial(&mut self, peer: Option<PeerId>, addresses: Vec<Multiaddr>, quiet: bool) {
        let Some(address) = addresses.first().cloned() else { return };
        let peer = peer.or_else(|| peer_of(&address));
        let known = match peer {
            Some(peer) => self.peers.contains_key(&peer),
            None => self.peers.values().any(|peer| peer.dialled(&address)),
        };
        let full = self.dials.len() >= usize::try_from(MAX_DIALS).unwrap_or(usize::MAX);
        let why_not = if peer == Some(*self.swarm.local_peer_id()) {
            Some((DialEnd::Ourselves, "this is our own address"))
        } else if known {
            Some((DialEnd::Needless, "it is connected already"))
        } else if full || self.dials.values().any(|(_, other)| *other == address) {
            Some((DialEnd::NoRoom, "too many dials are under way"))
        } else {
            None
        };
        let options = dial_options(peer, addresses).filter(|_| why_not.is_none());
        let Some(options) = options else {
            let (end, error) = why_not.unwrap_or((DialEnd::Failed, "there is no address"));
            let error = error.to_owned();
            self.backlog.push_back(NetEvent::DialFailed { peer, address, end, error });
            return;
        };
        let id = options.connection_id();
        self.dials.insert(id, (peer, address));
        if quiet {
            self.swarm.behaviour_mut().gossip.keep_quiet(id);
        }
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_failed(id, &error);
        }
    }

    pub(super) fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: ConnectedPoint) {
        let dialled = self.dials.remove(&id).map(|(_, address)| address);
        let known = self.peers.entry(peer).or_default();
        let first = known.links.is_empty();
        let outbound = endpoint.is_dialer();
        known.links.insert(id, Link { dialled, outbound, missed_pings: 0 });
        if first {
            let address = endpoint.get_remote_address().clone();
            self.backlog.push_back(NetEvent::Connected { peer, address, outbound });
        }
    }

    pub(super) fn on_closed(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        // One that was told to go is gone for the core, and may have come again meanwhile.
        if known.links.remove(&id).is_none() {
            return;
        }
        if known.links.is_empty() {
            self.peers.remove(&peer);
            self.backlog.push_back(NetEvent::Disconnected { peer });
        }
    }

    pub(super) fn on_dial_failed(&mut self, id: ConnectionId, error: &DialError) {
        let Some((peer, address)) = self.dials.remove(&id) else { return };
        let end = match error {
            // No addresses are left when the one given is one of those we listen on.
            DialError::LocalPeerId { .. } | DialError::NoAddresses => DialEnd::Ourselves,
            DialError::DialPeerConditionFalse(_) => DialEnd::Needless,
            _ => DialEnd::Failed,
        };
        let error = match error {
            DialError::WrongPeerId { obtained, .. } => {
                format!("the node there is {obtained}: correct or remove the /p2p/ part of the address")
            }
            DialError::Transport(errors) => errors.last().map_or_else(|| error.to_string(), |(_, e)| root(e)),
            other => root(other),
        };
        tracing::debug!(%address, error, "a dial failed");
        self.backlog.push_back(NetEvent::DialFailed { peer, address, end, error });
    }

    pub(super) fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id: peer, info, .. } = event else { return };
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let spoken: Vec<&str> = info.protocols.iter().map(AsRef::as_ref).collect();
        let came = known.links.values().all(|link| !link.outbound);
        let protocols_ok = is_of_chain(self.chain_id, &info.protocol_version, &spoken, came);
        let agent = printable(&info.agent_version);
        let said = (agent.clone(), protocols_ok, info.listen_addrs);
        if known.identified.as_ref() == Some(&said) {
            return;
        }
        known.identified = Some(said);
        if !protocols_ok {
            let (theirs, ours) = (printable(&info.protocol_version), version(self.chain_id));
            tracing::info!(%peer, agent, theirs, ours, "a peer on another chain or version");
        }
        let record = info.signed_peer_record.map(SignedEnvelope::into_protobuf_encoding);
        self.backlog.push_back(NetEvent::Identified { peer, agent, protocols_ok, record });
    }

    /// A connection whose other end has silently gone stays open for hours by itself: missed pings close it.
    pub(super) fn on_ping(&mut self, ping::Event { peer, connection, result }: ping::Event) {
        let Some(link) = self.peers.get_mut(&peer).and_then(|peer| peer.links.get_mut(&connection)) else {
            return;
        };
        match result {
            Ok(rtt) => {
                link.missed_pings = 0;
                self.backlog.push_back(NetEvent::Ping { peer, rtt });
            }
            Err(ping::Failure::Unsupported) => {}
            Err(error) => {
                link.missed_pings = link.missed_pings.saturating_add(1);
                if link.missed_pings >= MAX_MISSED_PINGS {
                    tracing::debug!(%peer, %error, "no answer to pings: closing the connection");
                    self.swarm.close_connection(connection);
                }
            }
        }
    }

    pub(super) fn on_mdns(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        let ourselves = *self.swarm.local_peer_id();
        let others = found.into_iter().filter(|(peer, _)| *peer != ourselves).take(MAX_DISCOVERED);
        let event = |(peer, address)| NetEvent::Discovered { peer, addresses: vec![address] };
        self.backlog.extend(others.map(event));
    }
}

impl Peer {
    /// Whether one of the connections came from dialling this address.
    fn dialled(&self, address: &Multiaddr) -> bool {
        self.links.values().any(|link| link.dialled.as_ref() == Some(address))
    }
}

/// The innermost cause, for people: libraries wrap it many times over.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// What a stranger says of itself, fit for a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_AGENT_CHARS).collect()
}
