//! Addresses that people gave: by hand, which are never given up; the bootstrap list, for as long as peers
//! are wanted; and those of DNS seeds without a peer id, tried once. Whoever else tells of addresses feeds
//! the book.

use crate::driver::DialEnd;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::time::Duration;
use thiserror::Error;

/// Addresses kept at the most, of all kinds together.
const MAX_ADDRESSES: usize = 64;
/// Pause after the first attempt; it doubles with each one that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: after a divided network is whole again, its parts meet within half a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Addresses of seeds that are dialled at a time: each is tried once, so none is to be lost for want of room.
const MAX_SEEDS_AT_ONCE: usize = 8;
/// A connection that lasted this long was a success.
const LASTING: Duration = Duration::from_secs(60);

/// The pause after a peer of another chain was met there: it does not change its mind soon.
const FOREIGN_PAUSE: Duration = Duration::from_secs(600);
/// How often it is told that an address cannot be reached.
const TOLD_EVERY: Duration = Duration::from_secs(3_600);

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddPeerError {
    /// There is no room for another address.
    #[error("already {MAX_ADDRESSES} addresses are dialled")]
    TooMany,
    /// The peer that it names is banned.
    #[error("this peer is banned for another {} s: {}", .remaining.as_secs(), .reason)]
    Banned {
        /// For how long.
        remaining: Duration,
        /// Why.
        reason: String,
    },
}

/// Who gave an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Giver {
    /// A DNS seed.
    Seed,
    /// The bootstrap list.
    Bootstrap,
    /// Somebody by hand.
    Hand,
}

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    /// From the address, or whoever answered there last.
    peer: Option<PeerId>,
    giver: Giver,
    due: Duration,
    pause: Duration,
    /// When it was last told that nobody is reached there.
    told: Option<Duration>,
}

impl Entry {
    /// Whether it is time to tell of a failure.
    fn tell(&mut self, now: Duration) -> bool {
        let is_new = self.told.is_none_or(|told| now >= told.saturating_add(TOLD_EVERY));
        if is_new {
            self.told = Some(now);
        }
        is_new
    }
}

/// The addresses to stay connected to.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    entries: Vec<Entry>,
}

impl Dials {
    /// Takes an address up, due at once. It replaces the same one with another peer behind, unless somebody
    /// gave that who counts for more.
    pub(crate) fn add(&mut self, address: Multiaddr, giver: Giver) -> Result<(), AddPeerError> {
        let (bare, peer) = (without_peer(&address), peer_of(&address));
        if let Some(entry) = self.entries.iter_mut().find(|entry| without_peer(&entry.address) == bare) {
            if giver > Giver::Seed && giver >= entry.giver {
                (entry.giver, entry.due) = (giver, Duration::ZERO);
                if entry.address != address {
                    (entry.pause, entry.told) = (FIRST_PAUSE, None);
                    (entry.peer, entry.address) = (peer.or(entry.peer), address);
                }
            }
            return Ok(());
        }
        if self.entries.len() >= MAX_ADDRESSES {
            let lesser = self.entries.iter().position(|entry| entry.giver < giver);
            self.entries.remove(lesser.ok_or(AddPeerError::TooMany)?);
        }
        let (due, pause) = (Duration::ZERO, FIRST_PAUSE);
        self.entries.push(Entry { address, peer, giver, due, pause, told: None });
        Ok(())
    }

    /// Drops an address, whoever is there; whether it was one of these.
    pub(crate) fn remove_address(&mut self, address: &Multiaddr) -> bool {
        let (before, bare) = (self.entries.len(), without_peer(address));
        self.entries.retain(|entry| without_peer(&entry.address) != bare);
        self.entries.len() < before
    }

    /// Drops every address of a peer; whether there was one.
    pub(crate) fn remove(&mut self, peer: &PeerId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.peer != Some(*peer));
        self.entries.len() < before
    }

    /// A connection stands: who gave the address it leads to, if it is one of these.
    pub(crate) fn connected(&mut self, peer: &PeerId, address: &Multiaddr) -> Option<Giver> {
        let bare = without_peer(address);
        for entry in self.entries.iter_mut().filter(|entry| without_peer(&entry.address) == bare) {
            if entry.peer.is_none() || peer_of(&entry.address).is_none() {
                entry.peer = Some(*peer);
            }
        }
        let of_peer = |entry: &&Entry| entry.peer == Some(*peer);
        let giver = self.entries.iter().filter(of_peer).map(|entry| entry.giver).max();
        // A seed's address has served: the book knows the peer by its record.
        self.entries.retain(|entry| entry.giver != Giver::Seed || entry.peer != Some(*peer));
        giver
    }

    /// A connection that had lasted for a while is gone: dial anew without the pauses of earlier failures.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, lasted: Duration, now: Duration) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(*peer)) {
            if lasted >= LASTING {
                entry.pause = FIRST_PAUSE;
            }
            // Not before it is due anyway: it may be of another chain.
            entry.due = entry.due.max(now.saturating_add(entry.pause));
        }
    }

    /// The peer is one of ours: what is wrong with it later is news.
    pub(crate) fn greeted(&mut self, peer: &PeerId) {
        self.entries.iter_mut().filter(|entry| entry.peer == Some(*peer)).for_each(|entry| entry.told = None);
    }

    /// A dial came to nothing; one that led to this node is not repeated. Whether somebody is to be told:
    /// whoever named the address does not know it, or has forgotten.
    pub(crate) fn failed(&mut self, address: &Multiaddr, end: DialEnd, now: Duration) -> bool {
        let bare = without_peer(address);
        let counts = matches!(end, DialEnd::Failed | DialEnd::Ourselves);
        let named = |entry: &&mut Entry| entry.giver > Giver::Seed && without_peer(&entry.address) == bare;
        let tell = counts && self.entries.iter_mut().find(named).is_some_and(|entry| entry.tell(now));
        let dropped = |entry: &Entry| end == DialEnd::Ourselves || entry.giver == Giver::Seed;
        self.entries.retain(|entry| without_peer(&entry.address) != bare || !dropped(entry));
        tell
    }

    /// A peer is of another chain, and its addresses can wait. One of them, if somebody is to be told of it.
    pub(crate) fn foreign(&mut self, peer: &PeerId, now: Duration) -> Option<Multiaddr> {
        let mut told = None;
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(*peer)) {
            entry.due = now.saturating_add(FOREIGN_PAUSE);
            if entry.giver > Giver::Seed && entry.tell(now) {
                told = Some(entry.address.clone());
            }
        }
        told
    }

    /// The addresses to dial now, one for each peer at a time; `leave` names peers that are connected or not
    /// wanted. Without `wants_peers`, only those given by hand; a few of the seeds at a time.
    pub(crate) fn due(
        &mut self,
        now: Duration,
        wants_peers: bool,
        leave: impl Fn(&PeerId) -> bool,
    ) -> Vec<(Multiaddr, Giver)> {
        let mut addresses = Vec::new();
        let mut busy: Vec<PeerId> = Vec::new();
        let mut seeds = 0;
        // Whoever has waited longest first, or the first address of a peer would always win.
        self.entries.sort_by_key(|entry| entry.due);
        for entry in &mut self.entries {
            let alone = entry.peer.as_ref().is_none_or(|peer| !busy.contains(peer) && !leave(peer));
            let wanted = match entry.giver {
                Giver::Hand => true,
                Giver::Bootstrap => wants_peers,
                Giver::Seed => wants_peers && seeds < MAX_SEEDS_AT_ONCE,
            };
            if now >= entry.due && alone && wanted {
                seeds += usize::from(entry.giver == Giver::Seed);
                busy.extend(entry.peer);
                entry.due = now.saturating_add(entry.pause);
                entry.pause = (entry.pause * 2).min(LONGEST_PAUSE);
                addresses.push((entry.address.clone(), entry.giver));
            }
        }
        addresses
    }
}

/// The peer an address ends in, if it names one.
pub(crate) fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

/// Where it leads, whoever is there.
pub(crate) fn without_peer(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}
