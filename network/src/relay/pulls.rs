//! Fetching transactions that peers offer: at most 256 a request, one request at a time to a peer, each
//! transaction from one peer at a time and from another when that one is slow. What a peer offers is fetched
//! in its order: a sender's transactions that come before those they build on may find no room in the pool.

use crate::driver::{Protocol, RequestId};
use crate::peers::Penalty;
use crate::protocol::{ChainView, Hub, Miss, Report, TxSource};
use crate::wire::{MAX_TX_IDS, Question};
use libp2p::PeerId;
use starling_primitives::{Transaction, Wtxid};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Offers of one peer that wait at the most; more are left to the next look at its pool.
const MAX_WAITING: usize = 8_192;
/// How long a transaction that was asked for is not asked from another peer that offers it: whoever offers
/// and does not send must not keep it from us.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one peer offers.
#[derive(Debug, Default)]
struct Offered {
    /// In its order.
    ids: VecDeque<Wtxid>,
    /// On its way.
    open: Option<(RequestId, Vec<Wtxid>)>,
}

/// What is offered, and what is on its way.
#[derive(Debug, Default)]
pub(crate) struct Pulls {
    peers: BTreeMap<PeerId, Offered>,
    /// When each that is on its way was last asked for.
    asked: HashMap<Wtxid, Duration>,
}

impl Pulls {
    /// Whether a whole page of a pool still finds room.
    pub(crate) fn has_room(&self, peer: &PeerId, ids: usize) -> bool {
        let waiting = self.peers.get(peer).map_or(0, |offered| offered.ids.len());
        waiting.saturating_add(ids) <= MAX_WAITING
    }

    /// A peer has these.
    pub(crate) fn offer(&mut self, peer: PeerId, ids: &[Wtxid], view: &dyn ChainView) {
        let offered = self.peers.entry(peer).or_default();
        let room = MAX_WAITING.saturating_sub(offered.ids.len());
        offered.ids.extend(ids.iter().filter(|id| !view.knows_tx(id)).take(room));
    }

    /// Asks for what is offered and not known.
    pub(crate) fn step(&mut self, hub: &mut Hub, view: &dyn ChainView) {
        let now = hub.now;
        // Those of our own choice first: who only says that it has something must not hold it up for long.
        let is_own = |peer: &PeerId| hub.peers.get(peer).is_some_and(|peer| peer.outbound);
        let (own, others): (Vec<PeerId>, Vec<PeerId>) = self.peers.keys().partition(|peer| is_own(peer));
        for peer in own.iter().chain(&others) {
            let Some(offered) = self.peers.get_mut(peer) else { continue };
            if offered.open.is_some() || !hub.can_ask(peer, Protocol::Txs, u32::from(MAX_TX_IDS)) {
                continue;
            }
            let asked = &self.asked;
            let busy = |id: &Wtxid| asked.get(id).is_some_and(|since| now < *since + PATIENCE);
            let ids = offered.next(&busy, view);
            if !ids.is_empty()
                && let Some(request) = hub.ask(peer, &Question::Txs(ids.clone()))
            {
                self.asked.extend(ids.iter().map(|id| (*id, now)));
                offered.open = Some((request, ids));
            }
        }
        self.peers.retain(|_, offered| offered.open.is_some() || !offered.ids.is_empty());
    }

    /// An answer, or none.
    pub(crate) fn answered(
        &mut self,
        id: RequestId,
        result: Result<Vec<Option<Arc<Transaction>>>, Miss>,
        hub: &mut Hub,
    ) {
        let is_it = |offered: &Offered| offered.open.as_ref().is_some_and(|(open, _)| *open == id);
        let Some((peer, offered)) = self.peers.iter_mut().find(|(_, offered)| is_it(offered)) else { return };
        let Some((_, ids)) = offered.open.take() else { return };
        let peer = *peer;
        for id in &ids {
            self.asked.remove(id);
        }
        match result {
            Ok(txs) => {
                let right = |(tx, id): (&Option<Arc<Transaction>>, &Wtxid)| {
                    tx.as_ref().is_none_or(|tx| tx.wtxid() == *id)
                };
                if txs.len() != ids.len() || !txs.iter().zip(&ids).all(right) {
                    hub.penalise(&peer, Penalty::Ban, "transactions that were not asked for");
                    return;
                }
                for tx in txs.into_iter().flatten() {
                    hub.report(Report::Transaction { source: TxSource::Direct { peer }, tx });
                }
            }
            // They were in the list before, so there are hardly more of them than fit.
            Err(Miss::RateLimited) => ids.into_iter().rev().for_each(|id| offered.ids.push_front(id)),
            Err(Miss::NotHere | Miss::Failed) => {}
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        let open = self.peers.remove(peer).and_then(|offered| offered.open);
        for id in open.into_iter().flat_map(|(_, ids)| ids) {
            self.asked.remove(&id);
        }
    }
}

impl Offered {
    /// The ids of one request, up to the first that another peer was asked for: if that fails, this one has
    /// it too.
    fn next(&mut self, busy: &dyn Fn(&Wtxid) -> bool, view: &dyn ChainView) -> Vec<Wtxid> {
        let mut ids = Vec::new();
        while ids.len() < usize::from(MAX_TX_IDS) && self.ids.front().is_some_and(|id| !busy(id)) {
            let next = self.ids.pop_front().filter(|id| !view.knows_tx(id) && !ids.contains(id));
            ids.extend(next);
        }
        ids
    }
}

#[cfg(test)]
mod tests;
