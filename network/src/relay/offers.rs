//! Ids of our pool on their way to each peer by `announce/1`: more transactions than gossip takes, and those
//! that gossip has carried before and keeps back.

use crate::driver::{Protocol, RequestId};
use crate::protocol::{Hub, Miss};
use crate::wire::{MAX_TX_IDS, Question};
use libp2p::PeerId;
use starling_primitives::Wtxid;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Ids kept for peers that are slow to take them, at the most; what they miss is left to the exchange of
/// pools.
const MAX_KEPT: usize = 16_384;
/// How long fewer ids than fill a question wait for more.
const GATHER: Duration = Duration::from_millis(250);

#[derive(Debug)]
struct Offer {
    id: Wtxid,
    /// Who gave it to us, and is not told of it.
    from: Option<PeerId>,
}

/// How far in the list a peer is.
#[derive(Debug)]
struct Told {
    /// The number up to which it was told.
    next: usize,
    /// The question on its way, one at a time so that the order is kept, and the number it began with.
    open: Option<(RequestId, usize)>,
}

/// One list for all peers, and each connected one's place in it.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// Oldest first.
    list: VecDeque<Offer>,
    /// The number of the first in the list, counted from the start.
    first: usize,
    told: BTreeMap<PeerId, Told>,
    /// When questions that are not full may leave.
    due: Duration,
}

impl Offers {
    /// Offers a transaction to all peers but the one it is from.
    pub(crate) fn push(&mut self, id: Wtxid, from: Option<PeerId>) {
        if self.list.len() == MAX_KEPT {
            self.list.pop_front();
            self.first += 1;
        }
        self.list.push_back(Offer { id, from });
    }

    /// Tells each peer as much as it may be told now. A new peer is told of what comes from here on: it asks
    /// for the pool by itself.
    pub(crate) fn step(&mut self, hub: &mut Hub) {
        let end = self.first + self.list.len();
        let peers: Vec<PeerId> = hub.peers.relaying().map(|(id, _)| *id).collect();
        let due = hub.now >= self.due;
        for peer in peers {
            let told = self.told.entry(peer).or_insert(Told { next: end, open: None });
            told.next = told.next.max(self.first);
            let (from, waiting) = (told.next, end - told.next);
            let now = waiting > 0 && told.open.is_none() && (due || waiting >= usize::from(MAX_TX_IDS));
            if !now || !hub.can_ask(&peer, Protocol::Announce, u32::from(MAX_TX_IDS)) {
                continue;
            }
            let (ids, next) = self.batch(&peer, from);
            let mut open = None;
            if !ids.is_empty() {
                let Some(request) = hub.ask(&peer, &Question::Announce(ids)) else { continue };
                open = Some((request, from));
                self.due = hub.now + GATHER;
            }
            self.told.insert(peer, Told { next, open });
        }
        let needed = self.told.values().map(|told| told.open.map_or(told.next, |(_, from)| from));
        let least = needed.min().unwrap_or(end);
        while self.first < least && self.list.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// An answer, or none: who had enough for now is told again later.
    pub(crate) fn answered(&mut self, id: RequestId, result: Result<(), Miss>) {
        let is_it = |told: &&mut Told| told.open.is_some_and(|(open, _)| open == id);
        let Some(told) = self.told.values_mut().find(is_it) else { return };
        if let (Some((_, from)), Err(Miss::RateLimited)) = (told.open.take(), result) {
            told.next = from;
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.told.remove(peer);
    }

    /// The ids of one question from this number on, and the number after the last that was looked at.
    fn batch(&self, peer: &PeerId, from: usize) -> (Vec<Wtxid>, usize) {
        let (mut ids, mut next) = (Vec::new(), from);
        for offer in self.list.range(from.saturating_sub(self.first)..) {
            next += 1;
            if offer.from != Some(*peer) {
                ids.push(offer.id);
            }
            if ids.len() == usize::from(MAX_TX_IDS) {
                break;
            }
        }
        (ids, next)
    }
}

#[cfg(test)]
mod tests;
