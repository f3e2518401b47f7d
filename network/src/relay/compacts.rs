//! Announcements in short, ahead of gossip: each node that hears of a block hands them to its nearest peers,
//! and whoever has the block's transactions needs nothing else to pass it on.

use super::{Ids, Leftovers, push_bounded};
use crate::protocol::{ChainView, Hub};
use crate::wire::{Announcement, Compact, Question};
use libp2p::PeerId;
use starling_primitives::BlockId;
use std::collections::VecDeque;

/// Peers that a node hands an announcement to.
const HANDED_TO: usize = 5;
/// Blocks whose attempts are counted.
const MAX_TRIED: usize = 64;
/// Attempts at one block: short ids may be made up, and looking through the pool takes time.
const ATTEMPTS: usize = 3;

/// What was tried lately.
#[derive(Debug, Default)]
pub(crate) struct Compacts {
    /// One entry for each attempt.
    tried: VecDeque<BlockId>,
}

impl Compacts {
    /// The ids of a block whose header is right, as far as they are those of the pool and the leftovers.
    pub(crate) fn find(&mut self, compact: &Compact, view: &dyn ChainView, leftovers: &Leftovers) -> Ids {
        let id = compact.header().id();
        if self.tried.iter().filter(|tried| **tried == id).count() >= ATTEMPTS {
            return Ids::Unknown;
        }
        push_bounded(&mut self.tried, id, MAX_TRIED);
        Ids::Partly(compact.find(view.pool_ids().chain(leftovers.ids()))).checked(compact.header())
    }

    /// Hands an announcement to the nearest, but not to those that `told` us.
    pub(crate) fn hand_on(announcement: &Announcement, told: &[PeerId], hub: &mut Hub) {
        let Some(compact) = Compact::of(announcement) else { return };
        let question = Question::Compact(Box::new(compact));
        let nearest = hub.peers.nearest();
        let others = nearest.iter().filter(|peer| !told.contains(peer));
        // Who cannot be asked now takes no place.
        others.filter(|peer| hub.ask(peer, &question).is_some()).take(HANDED_TO).for_each(drop);
    }
}

#[cfg(test)]
mod tests;
