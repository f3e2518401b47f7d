//! Announced blocks: the body is put together from the pool and the leftovers. What is missing comes from the
//! announcer, after 500 ms also from a second peer, after 1 s from a third; after 2 s the whole body is
//! fetched.

use super::Leftovers;
use crate::driver::{Protocol, RequestId};
use crate::peers::Penalty;
use crate::protocol::{ChainView, Hub, Miss};
use crate::wire::{Announcement, MAX_ANNOUNCED_TXS, Question, commits_to};
use libp2p::PeerId;
use starling_primitives::{BlockId, Header, Transaction, Wtxid};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Blocks being rebuilt at a time.
const MAX_BLOCKS: usize = 16;
/// When a second and a third peer are asked.
const SECOND_PEER: Duration = Duration::from_millis(500);
const THIRD_PEER: Duration = Duration::from_secs(1);
/// When the whole body is fetched instead.
const WHOLE_BODY: Duration = Duration::from_secs(2);
/// Announcers remembered for each block.
const MAX_ANNOUNCERS: usize = 8;
/// Pause before a peer that did not have the block is asked again: it passes headers on before bodies too.
const AGAIN: Duration = Duration::from_millis(200);
/// Transactions asked for at a time: what the count of the question holds.
const MAX_INDICES: usize = 65_535;

/// How the rebuilding of a block ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// All there, and who sent what was missing.
    Body { id: BlockId, from: Vec<PeerId>, txs: Vec<Arc<Transaction>> },
    /// To be fetched whole.
    GivenUp { id: BlockId, height: u32 },
    /// All ids of one announced in short are known, and who announced it.
    Learnt { announcement: Box<Announcement>, sources: Vec<PeerId> },
}

/// What is known of a block's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Nothing.
    Unknown,
    /// For each transaction the one it may have, by the short ids of this peer. Some are missing.
    Partly(PeerId, Vec<Option<Wtxid>>),
    /// All, in the header's order: it commits to them.
    Known(Vec<Wtxid>),
}

impl Ids {
    /// Once none is missing any more they are those of the header, or of no use.
    pub(crate) fn checked(self, header: &Header) -> Self {
        let Self::Partly(by, found) = self else { return self };
        match found.iter().copied().collect::<Option<Vec<Wtxid>>>() {
            Some(ids) if commits_to(header, &ids) => Self::Known(ids),
            Some(_) => Self::Unknown,
            None => Self::Partly(by, found),
        }
    }

    /// The id in a place, as far as known.
    fn at(&self, place: usize) -> Option<&Wtxid> {
        match self {
            Self::Unknown => None,
            Self::Partly(_, found) => found.get(place).and_then(Option::as_ref),
            Self::Known(ids) => ids.get(place),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Unknown => 0,
            Self::Partly(_, found) => found.len(),
            Self::Known(ids) => ids.len(),
        }
    }

    /// Whether these say more than those: whoever made some up is not to keep others' out.
    fn say_more_than(&self, those: &Self) -> bool {
        let found = |ids: &Self| (0..ids.len()).filter(|at| ids.at(*at).is_some()).count();
        match (self, those) {
            (Self::Unknown, _) | (_, Self::Known(_)) => false,
            (Self::Known(_), _) | (Self::Partly(..), Self::Unknown) => true,
            (Self::Partly(..), Self::Partly(..)) => found(self) > found(those),
        }
    }
}

#[derive(Debug)]
struct Block {
    header: Header,
    ids: Ids,
    /// All have come to be known, and nobody was told yet.
    learnt: bool,
    /// As many as ids.
    txs: Vec<Option<Arc<Transaction>>>,
    /// Most welcome first; at most [`MAX_ANNOUNCERS`].
    announcers: Vec<PeerId>,
    /// Who sent some of it.
    served: Vec<PeerId>,
    /// On their way, with the places asked for.
    open: Vec<(RequestId, PeerId, Vec<u32>)>,
    /// Who is not asked again before when; only connected peers.
    not_before: BTreeMap<PeerId, Duration>,
    started: Duration,
}

/// The blocks being rebuilt.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    blocks: BTreeMap<BlockId, Block>,
}

impl Blocks {
    /// Whether this block is being rebuilt.
    pub(crate) fn contains(&self, id: &BlockId) -> bool {
        self.blocks.contains_key(id)
    }

    /// Begins with an announced block; false when there is no room.
    pub(crate) fn start(&mut self, header: Header, ids: Ids, announcers: &[PeerId], now: Duration) -> bool {
        let id = header.id();
        if let Some(block) = self.blocks.get_mut(&id) {
            let others = announcers.iter().filter(|peer| !block.announcers.contains(peer));
            let others: Vec<PeerId> = others.copied().collect();
            block.announcers.extend(others);
            block.announcers.truncate(MAX_ANNOUNCERS);
            block.learn(ids);
            return true;
        }
        if self.blocks.len() >= MAX_BLOCKS {
            return false;
        }
        let mut block = Block {
            header,
            txs: Vec::new(),
            ids: Ids::Unknown,
            learnt: false,
            announcers: announcers.iter().copied().take(MAX_ANNOUNCERS).collect(),
            served: Vec::new(),
            open: Vec::new(),
            not_before: BTreeMap::new(),
            started: now,
        };
        block.learn(ids);
        self.blocks.insert(id, block);
        true
    }

    /// The block came by another way.
    pub(crate) fn stop(&mut self, id: &BlockId) {
        self.blocks.remove(id);
    }

    /// Ids of a block, or none.
    pub(crate) fn answered_ids(&mut self, id: RequestId, result: Result<Vec<Wtxid>, Miss>, hub: &mut Hub) {
        let Some((block, peer, _)) = self.close(id) else { return };
        match result {
            Ok(ids) if !commits_to(&block.header, &ids) => {
                block.not_before.insert(peer, Duration::MAX);
                hub.penalise(&peer, Penalty::Heavy, "served ids that are not the header's");
            }
            Ok(ids) => {
                // Of larger blocks, announcements carry none.
                let is_announced = block.header.content().tx_count <= MAX_ANNOUNCED_TXS;
                block.learnt = is_announced && !matches!(block.ids, Ids::Known(_));
                block.learn(Ids::Known(ids));
            }
            Err(miss) => block.missed(peer, miss, hub.now),
        }
    }

    /// Transactions that were missing, or none.
    pub(crate) fn answered_txs(
        &mut self,
        id: RequestId,
        result: Result<Vec<Arc<Transaction>>, Miss>,
        hub: &mut Hub,
    ) {
        let Some((block, peer, indices)) = self.close(id) else { return };
        match result {
            Ok(txs) => {
                let places: Vec<usize> = indices.iter().filter_map(|i| usize::try_from(*i).ok()).collect();
                let fits = |(tx, at): (&Arc<Transaction>, &usize)| match &block.ids {
                    Ids::Known(ids) => ids.get(*at) == Some(&tx.wtxid()),
                    // What was found by short ids may be wrong.
                    Ids::Partly(..) | Ids::Unknown => true,
                };
                if txs.len() != places.len() || !txs.iter().zip(&places).all(fits) {
                    block.not_before.insert(peer, Duration::MAX);
                    hub.penalise(&peer, Penalty::Heavy, "served transactions that are not the block's");
                    return;
                }
                if !block.insert(txs, &places) {
                    // Its own fault, who announced it so, or an accident of short ids.
                    block.not_before.insert(peer, hub.now + WHOLE_BODY);
                    return;
                }
                block.served.push(peer);
                hub.peers.reward(&peer, 0.1, hub.now);
            }
            Err(miss) => block.missed(peer, miss, hub.now),
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        for block in self.blocks.values_mut() {
            block.open.retain(|(_, asked, _)| asked != peer);
            block.announcers.retain(|announcer| announcer != peer);
            block.not_before.remove(peer);
        }
    }

    /// Fills in what is here, asks for what is not, and says which blocks are finished.
    pub(crate) fn step(
        &mut self,
        hub: &mut Hub,
        view: &dyn ChainView,
        leftovers: &Leftovers,
    ) -> Vec<Finished> {
        let mut finished = Vec::new();
        for (id, block) in &mut self.blocks {
            if std::mem::take(&mut block.learnt)
                && let Ids::Known(ids) = &block.ids
            {
                let announcement = Announcement { header: block.header.clone(), wtxids: Some(ids.clone()) };
                let announcement = Box::new(announcement);
                finished.push(Finished::Learnt { announcement, sources: block.announcers.clone() });
            }
            if block.fill(view, leftovers) {
                let txs = block.txs.iter_mut().filter_map(Option::take).collect();
                finished.push(Finished::Body { id: *id, from: std::mem::take(&mut block.served), txs });
            } else if hub.now.saturating_sub(block.started) >= WHOLE_BODY {
                finished.push(Finished::GivenUp { id: *id, height: block.header.height() });
            } else {
                block.ask(*id, hub);
            }
        }
        for done in &finished {
            if let Finished::Body { id, .. } | Finished::GivenUp { id, .. } = done {
                self.blocks.remove(id);
            }
        }
        finished
    }

    fn close(&mut self, id: RequestId) -> Option<(&mut Block, PeerId, Vec<u32>)> {
        self.blocks.values_mut().find_map(|block| {
            let at = block.open.iter().position(|(open, ..)| *open == id)?;
            let (_, peer, indices) = block.open.remove(at);
            Some((block, peer, indices))
        })
    }
}

impl Block {
    fn missed(&mut self, peer: PeerId, miss: Miss, now: Duration) {
        let pause = match miss {
            Miss::NotHere | Miss::RateLimited => AGAIN,
            Miss::Failed => WHOLE_BODY,
        };
        self.not_before.insert(peer, now + pause);
    }

    /// More is known of its ids.
    fn learn(&mut self, ids: Ids) {
        if !ids.say_more_than(&self.ids) {
            return;
        }
        self.txs.resize(ids.len(), None);
        let false_ones = (0..).zip(&mut self.txs).filter(|(at, _)| self.ids.at(*at) != ids.at(*at));
        false_ones.for_each(|(_, slot)| *slot = None);
        // What was asked by one peer's short ids is of no use with another's, and ids need not be waited for
        // where all are known.
        let known = matches!(ids, Ids::Known(_));
        self.open.retain(|(.., indices)| indices.is_empty() != known);
        self.ids = ids;
    }

    /// Takes transactions in that were missing; false when they turn out not to be the header's.
    fn insert(&mut self, txs: Vec<Arc<Transaction>>, places: &[usize]) -> bool {
        for (tx, at) in txs.into_iter().zip(places) {
            if let Ids::Partly(_, found) = &mut self.ids
                && let Some(place) = found.get_mut(*at)
            {
                *place = Some(tx.wtxid());
            }
            if let Some(slot) = self.txs.get_mut(*at) {
                *slot = Some(tx);
            }
        }
        if !matches!(self.ids, Ids::Partly(..)) {
            return true;
        }
        self.ids = std::mem::replace(&mut self.ids, Ids::Unknown).checked(&self.header);
        self.learnt = matches!(self.ids, Ids::Known(_));
        if self.ids == Ids::Unknown {
            self.forget_short();
        }
        self.ids != Ids::Unknown
    }

    /// The short ids have led nowhere.
    fn forget_short(&mut self) {
        self.ids = Ids::Unknown;
        self.txs.clear();
        self.open.retain(|(.., indices)| indices.is_empty());
    }

    /// Whether everything is there now.
    fn fill(&mut self, view: &dyn ChainView, leftovers: &Leftovers) -> bool {
        for (place, slot) in self.txs.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
            *slot = self.ids.at(place).and_then(|id| view.pool_tx(id).or_else(|| leftovers.get(id)));
        }
        matches!(self.ids, Ids::Known(_)) && self.txs.iter().all(Option::is_some)
    }

    fn question(&self, id: BlockId) -> (Question, Vec<u32>) {
        if self.ids == Ids::Unknown {
            return (Question::BlockIds(id), Vec::new());
        }
        let places = (0u32..).zip(&self.txs).filter(|(_, slot)| slot.is_none());
        let indices: Vec<u32> = places.map(|(index, _)| index).take(MAX_INDICES).collect();
        (Question::BlockTxs { id, indices: indices.clone() }, indices)
    }

    /// Asks as many peers as the time since the announcement allows.
    fn ask(&mut self, id: BlockId, hub: &mut Hub) {
        let waited = hub.now.saturating_sub(self.started);
        if waited >= SECOND_PEER && matches!(self.ids, Ids::Partly(..)) {
            self.forget_short();
        }
        let allowed = match waited {
            waited if waited >= THIRD_PEER => 3,
            waited if waited >= SECOND_PEER => 2,
            _ => 1,
        };
        while self.open.len() < allowed {
            let (question, indices) = self.question(id);
            let Some(peer) = self.next_peer(question.protocol(), hub) else { return };
            let Some(request) = hub.ask(&peer, &question) else { return };
            self.open.push((request, peer, indices));
        }
    }

    /// Announcers in their order, then whoever claims the height; by somebody's short ids, only that one.
    fn next_peer(&self, protocol: Protocol, hub: &Hub) -> Option<PeerId> {
        let height = self.header.height();
        let only = if let Ids::Partly(by, _) = &self.ids { Some(by) } else { None };
        let free = |peer: &PeerId| {
            only.is_none_or(|only| only == peer)
                && self.open.iter().all(|(_, asked, _)| asked != peer)
                && self.not_before.get(peer).is_none_or(|until| *until <= hub.now)
                && hub.can_ask(peer, protocol, 1)
        };
        let claims = |peer: &PeerId| hub.peers.get(peer).is_some_and(|peer| peer.height >= height);
        let announcer = self.announcers.iter().find(|peer| free(peer)).copied();
        announcer.or_else(|| hub.peers.ranked(hub.now).into_iter().find(|peer| claims(peer) && free(peer)))
    }
}

#[cfg(test)]
mod tests;
