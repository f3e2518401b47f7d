//! Whom to dial: addresses given by hand, which are never given up, and nodes of the local network, which
//! are.

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::time::Duration;
use thiserror::Error;

/// Addresses kept at the most, of both kinds together.
const MAX_ADDRESSES: usize = 64;
/// Pause after the first attempt; it doubles with each one that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: after a divided network is whole again, its parts meet within half a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lasted this long was a success.
const LASTING: Duration = Duration::from_secs(60);
/// Failures after which a discovered address is dropped.
const MAX_FAILURES: u8 = 8;

/// There is no room for another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("already {MAX_ADDRESSES} addresses are dialled; remove one first")]
pub struct BookFull;

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    /// From the address, or whoever answered there last.
    peer: Option<PeerId>,
    manual: bool,
    due: Duration,
    pause: Duration,
    failures: u8,
}

/// The addresses to stay connected to.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    entries: Vec<Entry>,
}

impl Dials {
    /// Takes an address up, due at once. Known already: nothing changes but that it counts as given by hand.
    pub(crate) fn add(
        &mut self,
        address: Multiaddr,
        peer: Option<PeerId>,
        manual: bool,
    ) -> Result<(), BookFull> {
        let bare = without_peer(&address);
        if let Some(entry) = self.entries.iter_mut().find(|entry| without_peer(&entry.address) == bare) {
            if manual {
                entry.manual = true;
                entry.due = Duration::ZERO;
            }
            return Ok(());
        }
        if self.entries.len() >= MAX_ADDRESSES {
            let discovered = self.entries.iter().position(|entry| !entry.manual).filter(|_| manual);
            self.entries.remove(discovered.ok_or(BookFull)?);
        }
        let peer = peer.or_else(|| peer_of(&address));
        let (due, pause) = (Duration::ZERO, FIRST_PAUSE);
        self.entries.push(Entry { address, peer, manual, due, pause, failures: 0 });
        Ok(())
    }

    /// Drops every address of a peer; whether there was one.
    pub(crate) fn remove(&mut self, peer: &PeerId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.peer != Some(*peer));
        self.entries.len() < before
    }

    /// Drops what was only discovered of a peer: it is of another chain.
    pub(crate) fn not_ours(&mut self, peer: &PeerId) {
        self.entries.retain(|entry| entry.manual || entry.peer != Some(*peer));
    }

    /// A connection stands; whether somebody asked for it by hand.
    pub(crate) fn connected(&mut self, peer: &PeerId, address: &Multiaddr) -> bool {
        let bare = without_peer(address);
        let mut manual = false;
        for entry in &mut self.entries {
            if entry.peer.is_none() && without_peer(&entry.address) == bare {
                entry.peer = Some(*peer);
            }
            if entry.peer == Some(*peer) {
                entry.failures = 0;
                manual |= entry.manual;
            }
        }
        manual
    }

    /// A connection that had lasted for a while is gone: dial anew without the pauses of earlier failures.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, lasted: Duration, now: Duration) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(*peer)) {
            if lasted >= LASTING {
                entry.pause = FIRST_PAUSE;
            }
            entry.due = now.saturating_add(entry.pause);
        }
    }

    /// A dial came to nothing.
    pub(crate) fn failed(&mut self, address: &Multiaddr) {
        let bare = without_peer(address);
        for entry in self.entries.iter_mut().filter(|entry| without_peer(&entry.address) == bare) {
            entry.failures = entry.failures.saturating_add(1);
        }
        self.entries.retain(|entry| entry.manual || entry.failures < MAX_FAILURES);
    }

    /// The addresses to dial now, one for each peer at a time; `leave` names peers that are connected or not
    /// wanted.
    pub(crate) fn due(&mut self, now: Duration, leave: impl Fn(&PeerId) -> bool) -> Vec<Multiaddr> {
        let mut addresses = Vec::new();
        let mut busy: Vec<PeerId> = Vec::new();
        // Whoever has waited longest first, or the first address of a peer would always win.
        self.entries.sort_by_key(|entry| entry.due);
        for entry in &mut self.entries {
            let alone = entry.peer.as_ref().is_none_or(|peer| !busy.contains(peer) && !leave(peer));
            if now >= entry.due && alone {
                busy.extend(entry.peer);
                entry.due = now.saturating_add(entry.pause);
                entry.pause = (entry.pause * 2).min(LONGEST_PAUSE);
                addresses.push(entry.address.clone());
            }
        }
        addresses
    }
}

/// The peer an address ends in, if it names one.
fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

fn without_peer(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}
