//! How to dial, and when to dial the bootstrap nodes: again and again while they are not connected, ever more
//! slowly.

use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use std::time::{Duration, Instant};

/// The pause after the first failure; it doubles with each one that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: after a divided network is whole again, its parts meet within half a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lasted this long was a success: the pauses start anew. A shorter one, such as one the
/// other side closes at once, was not.
const LASTING: Duration = Duration::from_secs(30);

/// The peer an address ends in, if it names one.
pub(super) fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

/// A dial of one address. Over TCP it leaves from a port of its own: with the listening port reused, two
/// nodes that dial each other at the same moment meet in one connection in which both are the dialler, and
/// it fails.
pub(super) fn dial_options(peer: Option<PeerId>, address: Multiaddr) -> DialOpts {
    let tcp = address.iter().any(|part| matches!(part, Protocol::Tcp(_)));
    match (peer, tcp) {
        (Some(peer), tcp) => {
            let options = DialOpts::peer_id(peer).condition(PeerCondition::DisconnectedAndNotDialing);
            let options = options.addresses(vec![address]);
            if tcp { options.allocate_new_port().build() } else { options.build() }
        }
        (None, true) => DialOpts::unknown_peer_id().address(address).allocate_new_port().build(),
        (None, false) => DialOpts::unknown_peer_id().address(address).build(),
    }
}

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    /// From the address, or whoever answered there last.
    peer: Option<PeerId>,
    dialling: Option<ConnectionId>,
    connected_at: Option<Instant>,
    due: Instant,
    pause: Duration,
    /// The address is our own.
    ourselves: bool,
}

/// The bootstrap nodes. It knows no clock: `now` comes from outside.
#[derive(Debug)]
pub(super) struct Bootstrap {
    entries: Vec<Entry>,
}

impl Bootstrap {
    /// All of them due at once.
    pub(super) fn new(addresses: &[Multiaddr], now: Instant) -> Self {
        let entries = addresses.iter().map(|address| Entry {
            address: address.clone(),
            peer: peer_of(address),
            dialling: None,
            connected_at: None,
            due: now,
            pause: FIRST_PAUSE,
            ourselves: false,
        });
        Self { entries: entries.collect() }
    }

    /// The addresses to dial now, one for each peer at a time: the others of a peer stay due. Each is due
    /// again after its pause unless the dial is under way by then.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Multiaddr> {
        let mut addresses = Vec::new();
        let under_way = self.entries.iter().filter(|entry| entry.dialling.is_some());
        let mut busy: Vec<PeerId> = under_way.filter_map(|entry| entry.peer).collect();
        // Whoever has waited longest first, or the first address of a peer would always win.
        self.entries.sort_by_key(|entry| entry.due);
        for entry in &mut self.entries {
            let idle = !entry.ourselves && entry.dialling.is_none() && entry.connected_at.is_none();
            let alone = entry.peer.is_none_or(|peer| !busy.contains(&peer));
            if idle && alone && now >= entry.due {
                busy.extend(entry.peer);
                entry.due = now + entry.pause;
                entry.pause = (entry.pause * 2).min(LONGEST_PAUSE);
                addresses.push(entry.address.clone());
            }
        }
        addresses
    }

    /// A dial to this address is under way.
    pub(super) fn dialling(&mut self, address: &Multiaddr, id: ConnectionId) {
        for entry in self.entries.iter_mut().filter(|entry| entry.address == *address) {
            entry.dialling = Some(id);
        }
    }

    /// A dial has failed, for good if it led to ourselves.
    pub(super) fn failed(&mut self, id: ConnectionId, ourselves: bool) {
        for entry in self.entries.iter_mut().filter(|entry| entry.dialling == Some(id)) {
            entry.dialling = None;
            entry.ourselves |= ourselves;
        }
    }

    /// A connection stands, whoever dialled.
    pub(super) fn connected(&mut self, id: ConnectionId, peer: PeerId, now: Instant) {
        for entry in &mut self.entries {
            if entry.dialling == Some(id) {
                entry.dialling = None;
                entry.peer = Some(peer);
            }
            if entry.peer == Some(peer) {
                entry.connected_at.get_or_insert(now);
            }
        }
    }

    /// The last connection to a peer is gone.
    pub(super) fn disconnected(&mut self, peer: PeerId, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(peer)) {
            let lasted = entry.connected_at.take().is_some_and(|since| now.duration_since(since) >= LASTING);
            if lasted {
                entry.pause = FIRST_PAUSE;
            }
            entry.due = now + entry.pause;
        }
    }
}

#[cfg(test)]
mod tests;
