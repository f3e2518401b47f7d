//! Announcements in short, ahead of gossip: whoever has a block's transactions needs nothing else to pass it
//! on.

use super::{Ids, Leftovers, push_bounded};
use crate::protocol::ChainView;
use crate::wire::Compact;
use libp2p::PeerId;
use starling_primitives::{BlockId, Wtxid};
use std::collections::VecDeque;

/// Attempts that are remembered.
const MAX_TRIED: usize = 256;
/// Attempts at one block: short ids may be made up, and looking through the pool takes time.
const ATTEMPTS: usize = 8;

/// What was tried lately.
#[derive(Debug, Default)]
pub(crate) struct Compacts {
    tried: VecDeque<(BlockId, PeerId)>,
}

impl Compacts {
    /// Whether to look for a block by the short ids of this peer: once for each, and for a few.
    pub(crate) fn may_try(&mut self, id: BlockId, peer: PeerId) -> bool {
        let (mut count, mut again) = (0, false);
        for (_, other) in self.tried.iter().filter(|(tried, _)| *tried == id) {
            count += 1;
            again |= *other == peer;
        }
        let may = count < ATTEMPTS && !again;
        if may {
            push_bounded(&mut self.tried, (id, peer), MAX_TRIED);
        }
        may
    }

    /// The ids of a block whose header is right, as far as they are those of the leftovers, or of the pool
    /// and not `hidden`.
    pub(crate) fn find(
        (compact, peer): (&Compact, PeerId),
        view: &dyn ChainView,
        leftovers: &Leftovers,
        hidden: impl Fn(&Wtxid) -> bool,
    ) -> Ids {
        let known = view.pool_ids().filter(|id| !hidden(id)).chain(leftovers.ids());
        Ids::Partly(peer, compact.find(known)).checked(compact.header())
    }
}

#[cfg(test)]
mod tests;
