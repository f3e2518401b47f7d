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
use std::time::{Duration, Instant};

/// Addresses taken from one announcement on the local network.
const MAX_DISCOVERED: usize = 64;
/// Pings in a row that a connection may miss.
const MAX_MISSED_PINGS: u8 = 2;

/// Connections over relays that others may have opened at a time.
const MAX_RELAYED: usize = 8;
/// How long one lasts: the direct one stands by then, or never will.
const RELAYED_FOR: Duration = Duration::from_secs(20);
/// How long a connection lasts that only tests an address.
const TEST_FOR: Duration = Duration::from_secs(15);
/// Both may dial at the same moment, and each has then a connection too many. One of them closes its own
/// after a while, the other later, in case the first does not.
const SPARE_FOR: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));

/// A connection.
pub(super) struct Link {
    dialled: Option<Multiaddr>,
    pub(super) outbound: bool,
    pub(super) remote: Multiaddr,
    missed_pings: u8,
    since: Instant,
}

/// A connection over a relay, which carries nothing but what leads to a direct one.
pub(super) struct Relayed {
    pub(super) peer: PeerId,
    /// What we dialled, if we did, until something has come of it.
    dialled: Option<Multiaddr>,
    outbound: bool,
    since: Instant,
}

/// A connected peer.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) links: HashMap<ConnectionId, Link>,
    /// Whether it relays for others, and tests their addresses.
    pub(super) relays: bool,
    pub(super) tests: bool,
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
            self.swarm.behaviour_mut().keep_quiet(id);
        }
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_failed(id, &error);
        }
    }

    pub(super) fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: ConnectedPoint) {
        let mut dialled = self.dials.remove(&id).map(|(_, address)| address);
        if endpoint.is_relayed() {
            return self.on_relayed((peer, id), dialled, endpoint.is_dialer());
        }
        if self.tests.contains_key(&id) {
            return;
        }
        let led: Vec<ConnectionId> = self.led_to(&peer).map(|(id, _)| *id).collect();
        for id in &led {
            let way = self.relayed.get_mut(id);
            dialled = dialled.or(way.and_then(|relayed| relayed.dialled.take()));
            self.swarm.close_connection(*id);
        }
        // Where a relay led the way, both dialled. Of our choice is only what the core wanted.
        let outbound = dialled.is_some();
        let remote = endpoint.get_remote_address().clone();
        // Who is known here, or was met halfway, came through a door that we had opened for it.
        let is_stranger = led.is_empty() && !self.peers.contains_key(&peer);
        if let ConnectedPoint::Listener { local_addr, .. } = &endpoint
            && is_stranger
        {
            let steps = self.reach.came(local_addr, &remote);
            self.take_steps(steps);
        }
        let known = self.peers.entry(peer).or_default();
        let first = known.links.is_empty();
        let (address, since) = (remote.clone(), Instant::now());
        known.links.insert(id, Link { dialled, outbound, remote, missed_pings: 0, since });
        if first {
            self.backlog.push_back(NetEvent::Connected { peer, address, outbound });
        }
    }

    fn led_to(&self, peer: &PeerId) -> impl Iterator<Item = (&ConnectionId, &Relayed)> {
        self.relayed.iter().filter(move |(_, relayed)| relayed.peer == *peer)
    }

    fn on_relayed(&mut self, (peer, id): (PeerId, ConnectionId), dialled: Option<Multiaddr>, outbound: bool) {
        let others = self.relayed.values().filter(|relayed| !relayed.outbound).count();
        if !outbound && (others >= MAX_RELAYED || self.peers.contains_key(&peer)) {
            self.swarm.close_connection(id);
            return;
        }
        self.relayed.insert(id, Relayed { peer, dialled, outbound, since: Instant::now() });
    }

    /// The way over a relay is gone; without a direct connection, the dial has failed.
    fn on_relayed_closed(&mut self, id: ConnectionId) {
        let Some(Relayed { peer, dialled: Some(address), .. }) = self.relayed.remove(&id) else { return };
        let error = "the relay led to the node, but no direct connection came about".to_owned();
        let (peer, end) = (Some(peer), DialEnd::Failed);
        self.backlog.push_back(NetEvent::DialFailed { peer, address, end, error });
    }

    /// Ends connections that have served.
    pub(super) fn keep_links(&mut self) {
        let local = *self.swarm.local_peer_id();
        let mut over: Vec<ConnectionId> = Vec::new();
        over.extend(
            self.relayed
                .iter()
                .filter(|(_, relayed)| relayed.since.elapsed() > RELAYED_FOR)
                .map(|(id, _)| *id),
        );
        let tests = self.tests.iter().filter(|(_, (_, since))| since.elapsed() > TEST_FOR);
        over.extend(tests.map(|(id, _)| *id));
        for (peer, known) in &self.peers {
            let spare_for = if local < *peer { SPARE_FOR.0 } else { SPARE_FOR.1 };
            let guest_since = known.links.values().filter(|link| !link.outbound).map(|link| link.since).min();
            let spare = |link: &Link| {
                link.outbound
                    && guest_since.is_some_and(|since| since <= link.since)
                    && link.since.elapsed() > spare_for
            };
            over.extend(known.links.iter().filter(|(_, link)| spare(link)).map(|(id, _)| *id));
        }
        for id in over {
            self.swarm.close_connection(id);
        }
    }

    /// A test of somebody's address is over: the connection that it was made with ends.
    pub(super) fn end_test(&mut self, peer: &PeerId) {
        let made: Vec<ConnectionId> =
            self.tests.iter().filter(|(_, (tested, _))| tested == peer).map(|(id, _)| *id).collect();
        for id in made {
            self.swarm.close_connection(id);
        }
    }

    /// Hole punching has failed.
    pub(super) fn give_up_relayed(&mut self, peer: &PeerId) {
        let led: Vec<ConnectionId> = self.led_to(peer).map(|(id, _)| *id).collect();
        for id in led {
            self.swarm.close_connection(id);
        }
    }

    pub(super) fn on_closed(&mut self, peer: PeerId, id: ConnectionId) {
        if self.tests.remove(&id).is_some() {
            return;
        }
        if self.relayed.contains_key(&id) {
            return self.on_relayed_closed(id);
        }
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
        self.tests.remove(&id);
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
        let identify::Event::Received { peer_id: peer, info, connection_id } = event else { return };
        self.learn(peer, connection_id, &info);
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
        let event = |(peer, address)| NetEvent::Discovered { peer, addresses: vec![address], by: None };
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
