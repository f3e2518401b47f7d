//! Looking through peers' pools: each new peer's once, all again after a reorganisation, and one now and
//! then, for gossip may lose a message.

use super::Pulls;
use crate::driver::{Protocol, RequestId};
use crate::protocol::{ChainView, Hub, Miss};
use crate::wire::{MAX_POOL_IDS, Question};
use libp2p::PeerId;
use starling_primitives::Wtxid;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Pages of one pool at the most: 256,000 ids.
const MAX_PAGES: u16 = 128;
/// Pools looked through at a time.
const MAX_WALKS: usize = 8;
/// Pause between looks at the pool of some peer.
const NOW_AND_THEN: Duration = Duration::from_secs(10);
/// A look without another page for so long is over: longer than the quota, or a peer's "rate limited", can
/// hold up an honest one.
const STUCK: Duration = Duration::from_secs(90);

#[derive(Debug)]
struct Walk {
    cursor: Wtxid,
    pages: u16,
    request: Option<RequestId>,
    /// When it began, or the last page came.
    moved: Duration,
}

/// Whose pools are to be looked through, and how far that is.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    due: BTreeSet<PeerId>,
    walks: BTreeMap<PeerId, Walk>,
    next: Duration,
}

impl Pools {
    /// Look through this peer's pool.
    pub(crate) fn look(&mut self, peer: PeerId) {
        self.due.insert(peer);
    }

    /// Begins and continues, once we can judge transactions.
    pub(crate) fn step(&mut self, hub: &mut Hub, view: &dyn ChainView, pulls: &Pulls) {
        if !view.synced() {
            return;
        }
        let now = hub.now;
        self.walks.retain(|_, walk| now.saturating_sub(walk.moved) < STUCK);
        if self.due.is_empty() && self.walks.len() < MAX_WALKS && now >= self.next {
            self.next = now + NOW_AND_THEN;
            let idle = |id: &PeerId| !self.walks.contains_key(id);
            let peers: Vec<PeerId> = hub.peers.relaying().map(|(id, _)| *id).filter(idle).collect();
            self.due.extend(hub.pick(&peers));
        }
        let met = |peer: &&PeerId| hub.peers.get(peer).is_some_and(|peer| peer.status.is_some());
        let begin: Vec<PeerId> = self.due.iter().filter(met).copied().collect();
        for peer in begin {
            if self.walks.len() >= MAX_WALKS {
                break;
            }
            self.due.remove(&peer);
            self.walks.insert(peer, Walk { cursor: Wtxid::ZERO, pages: 0, request: None, moved: now });
        }
        for (peer, walk) in self.walks.iter_mut().filter(|(_, walk)| walk.request.is_none()) {
            if pulls.has_room(peer, usize::from(MAX_POOL_IDS)) && hub.can_ask(peer, Protocol::Pool, 1) {
                walk.request = hub.ask(peer, &Question::Pool { cursor: walk.cursor, max: MAX_POOL_IDS });
            }
        }
    }

    /// A page, or none: what it offers, and whose it is.
    pub(crate) fn answered(
        &mut self,
        id: RequestId,
        result: Result<(Wtxid, Vec<Wtxid>), Miss>,
        now: Duration,
    ) -> Option<(PeerId, Vec<Wtxid>)> {
        let (peer, walk) = self.walks.iter_mut().find(|(_, walk)| walk.request == Some(id))?;
        let peer = *peer;
        walk.request = None;
        match result {
            Ok((next, ids)) => {
                walk.cursor = next;
                walk.pages += 1;
                walk.moved = now;
                if next == Wtxid::ZERO || ids.is_empty() || walk.pages >= MAX_PAGES {
                    self.end(&peer, now);
                }
                Some((peer, ids))
            }
            Err(Miss::RateLimited) => None,
            Err(Miss::NotHere | Miss::Failed) => {
                self.end(&peer, now);
                None
            }
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.due.remove(peer);
        self.walks.remove(peer);
    }

    fn end(&mut self, peer: &PeerId, now: Duration) {
        self.walks.remove(peer);
        self.next = now + NOW_AND_THEN;
    }
}

#[cfg(test)]
mod tests;
