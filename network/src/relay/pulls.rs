//! Fetching transactions that peers offer: at most 256 a request, from one peer at a time each.

use crate::driver::{Protocol, RequestId};
use crate::peers::Penalty;
use crate::protocol::{ChainView, Hub, Miss, Report, TxSource};
use crate::wire::{MAX_TX_IDS, Question};
use libp2p::PeerId;
use starling_primitives::{Transaction, Wtxid};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

/// Offers of one peer that wait at the most; more are left to the next look at its pool.
const MAX_WAITING: usize = 8_192;
/// Waiting offers looked at for one request.
const MAX_LOOKED_AT: usize = 512;

/// What is offered, and what is on its way.
#[derive(Debug, Default)]
pub(crate) struct Pulls {
    waiting: BTreeMap<PeerId, VecDeque<Wtxid>>,
    open: BTreeMap<RequestId, (PeerId, Vec<Wtxid>)>,
    asked: HashSet<Wtxid>,
}

impl Pulls {
    /// Whether a whole page of a pool still finds room.
    pub(crate) fn has_room(&self, peer: &PeerId, ids: usize) -> bool {
        self.waiting.get(peer).map_or(0, VecDeque::len).saturating_add(ids) <= MAX_WAITING
    }

    /// A peer has these.
    pub(crate) fn offer(&mut self, peer: PeerId, ids: &[Wtxid], view: &dyn ChainView) {
        let waiting = self.waiting.entry(peer).or_default();
        let room = MAX_WAITING.saturating_sub(waiting.len());
        waiting.extend(ids.iter().filter(|id| !view.knows_tx(id)).take(room));
    }

    /// Asks for what is offered and not known.
    pub(crate) fn step(&mut self, hub: &mut Hub, view: &dyn ChainView) {
        for (peer, waiting) in &mut self.waiting {
            while !waiting.is_empty() && hub.can_ask(peer, Protocol::Txs, u32::from(MAX_TX_IDS)) {
                let mut ids = Vec::new();
                for _ in 0..waiting.len().min(MAX_LOOKED_AT) {
                    let Some(id) = waiting.pop_front() else { break };
                    if self.asked.contains(&id) {
                        // Another peer was asked; if that fails, this one has it too.
                        waiting.push_back(id);
                    } else if !view.knows_tx(&id) && !ids.contains(&id) {
                        ids.push(id);
                    }
                    if ids.len() == usize::from(MAX_TX_IDS) {
                        break;
                    }
                }
                if ids.is_empty() {
                    break;
                }
                let Some(request) = hub.ask(peer, &Question::Txs(ids.clone())) else { break };
                self.asked.extend(&ids);
                self.open.insert(request, (*peer, ids));
            }
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
    }

    /// An answer, or none.
    pub(crate) fn answered(
        &mut self,
        id: RequestId,
        result: Result<Vec<Option<Arc<Transaction>>>, Miss>,
        hub: &mut Hub,
    ) {
        let Some((peer, ids)) = self.close(id) else { return };
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
            Err(Miss::RateLimited) => {
                let waiting = self.waiting.entry(peer).or_default();
                waiting.extend(ids.into_iter().take(MAX_WAITING.saturating_sub(waiting.len())));
            }
            Err(Miss::NotHere | Miss::Failed) => {}
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.waiting.remove(peer);
        let open: Vec<RequestId> =
            self.open.iter().filter(|(_, (asked, _))| asked == peer).map(|(id, _)| *id).collect();
        open.into_iter().for_each(|id| {
            self.close(id);
        });
    }

    fn close(&mut self, id: RequestId) -> Option<(PeerId, Vec<Wtxid>)> {
        let (peer, ids) = self.open.remove(&id)?;
        ids.iter().for_each(|id| {
            self.asked.remove(id);
        });
        Some((peer, ids))
    }
}

#[cfg(test)]
mod tests;
