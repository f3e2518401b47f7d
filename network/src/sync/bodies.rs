//! Bodies: what the core wants, in order, is asked from all peers that claim to have it. Who holds up the
//! first of them gets two seconds, doubling to 64, then another is asked; late answers are taken all the
//! same.

use crate::driver::{Protocol, RequestId};
use crate::peers::Penalty;
use crate::protocol::{Body, BodyOutcome, Hub, Miss, Report};
use crate::wire::{MAX_BODIES, Question};
use libp2p::PeerId;
use starling_primitives::BlockId;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

/// Bodies looked at ahead.
const WINDOW: usize = 1_024;
/// Blocks that were announced and could not be rebuilt, beside the window.
const MAX_EXTRAS: usize = 16;
/// How long such a block is tried.
const EXTRA_TIME: Duration = Duration::from_secs(60);
/// Bodies handed to the core and not judged yet, at the most.
const MAX_DELIVERED: usize = WINDOW + MAX_EXTRAS;
/// Bodies whose servers are remembered: the window moves on by its own length while its last one waits.
const MAX_MATCHED: usize = 2 * MAX_DELIVERED;
/// Blocks that one peer is asked for at a time: two full questions, so that it is never waited for.
const MAX_BLOCKS_PER_PEER: usize = 32;
/// Bodies of the first request to a peer; adapted to its speed from there.
const FIRST_BATCH: u8 = 1;
/// An answer within this time makes the next batch larger.
const FAST: Duration = Duration::from_secs(1);
/// An answer after this time makes the next batch smaller.
const SLOW: Duration = Duration::from_secs(2);
/// How long the first of the window may be held up: the least and the most.
const STALL_LEAST: Duration = Duration::from_secs(2);
const STALL_MOST: Duration = Duration::from_secs(64);
/// Wanted bodies up to which each, not only the first, may be asked from a second peer.
const NEAR_TIP: usize = 16;
/// Near the tip, how long it takes at the most until a second peer is asked (network design: Sync).
const NEAR_TIP_PATIENCE: Duration = Duration::from_secs(30);
/// How long a peer that lacks a body is not asked for it again: it may be on its way there too.
const LACKING: Duration = Duration::from_secs(2);
/// Without the first body for so long, its branch is reported.
const UNSERVED: Duration = Duration::from_secs(60);
/// Peers that are remembered for a false body of one block. Liars cost nothing, so their number says nothing
/// about the block: it is reported only when nobody else serves it either.
const MAX_LIARS: usize = 64;

#[derive(Debug)]
struct Item {
    id: BlockId,
    height: u32,
    /// Not before when to ask whom again; only connected peers.
    lacking: BTreeMap<PeerId, Duration>,
    /// Who served a false one, and is not asked again; the last [`MAX_LIARS`].
    liars: Vec<PeerId>,
    /// Beside the window: until when it is tried.
    extra_until: Option<Duration>,
}

#[derive(Debug)]
struct Batch {
    peer: PeerId,
    ids: Vec<BlockId>,
    asked: Duration,
    /// Others may be asked for the same.
    stalled: bool,
}

/// The body sync.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// At most [`WINDOW`] and [`MAX_EXTRAS`].
    items: Vec<Item>,
    batches: BTreeMap<RequestId, Batch>,
    /// With the core, and who served them.
    delivered: BTreeMap<BlockId, Vec<PeerId>>,
    /// The last that are their headers', until it turns out that their blocks are invalid.
    matched: VecDeque<(BlockId, Vec<PeerId>)>,
    batch_of: BTreeMap<PeerId, u8>,
    stall: Duration,
    /// Heights from which on peers lack what is wanted, by one body of the window that they lacked: who is on
    /// another branch has none above it. And until when that is believed.
    without: BTreeMap<PeerId, (u32, Duration)>,
    /// The first that is missing, since when, and when it was last reported.
    front: Option<(BlockId, Duration)>,
    /// The peer that last held up the rest.
    stalling: Option<PeerId>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self {
            items: Vec::new(),
            batches: BTreeMap::new(),
            delivered: BTreeMap::new(),
            matched: VecDeque::new(),
            batch_of: BTreeMap::new(),
            without: BTreeMap::new(),
            stall: STALL_LEAST,
            front: None,
            stalling: None,
        }
    }

    /// Replaces what is wanted; what is on its way or with the core is not asked again.
    pub(crate) fn want(&mut self, list: &[(BlockId, u32)], now: Duration) {
        let mut known: BTreeMap<BlockId, Item> = self.items.drain(..).map(|item| (item.id, item)).collect();
        if list.first().is_some_and(|(id, _)| !known.contains_key(id)) {
            // Another branch, or a window that was done.
            self.without.clear();
        }
        for (id, height) in list.iter().take(WINDOW) {
            let item = known.remove(id).unwrap_or_else(|| Item::new(*id, *height));
            self.items.push(Item { extra_until: None, ..item });
        }
        let extras = known.into_values().filter(|item| item.extra_until.is_some_and(|until| until > now));
        self.items.extend(extras);
    }

    /// Also wants this one: it was announced and could not be rebuilt.
    pub(crate) fn also(&mut self, id: BlockId, height: u32, now: Duration) {
        let extras = self.items.iter().filter(|item| item.extra_until.is_some()).count();
        if extras < MAX_EXTRAS && self.items.iter().all(|item| item.id != id) {
            self.items.push(Item { extra_until: Some(now + EXTRA_TIME), ..Item::new(id, height) });
        }
    }

    /// How many are missing, and how many of them are on their way.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let asked: usize = self.batches.values().map(|batch| batch.ids.len()).sum();
        (self.items.len(), asked)
    }

    /// The peer that holds up the rest.
    pub(crate) fn stalling(&self) -> Option<PeerId> {
        self.stalling
    }

    /// Hands a body to the core, once.
    pub(crate) fn deliver(&mut self, id: BlockId, from: Vec<PeerId>, body: Body, hub: &mut Hub) {
        if self.delivered.len() < MAX_DELIVERED && !self.delivered.contains_key(&id) {
            self.delivered.insert(id, from);
            hub.report(Report::Body { id, body });
        }
    }

    /// The core's word on a body.
    pub(crate) fn checked(&mut self, id: &BlockId, outcome: BodyOutcome, hub: &mut Hub) {
        let Some(from) = self.delivered.remove(id) else { return };
        if let BodyOutcome::Mismatch(penalty) = outcome {
            from.iter().for_each(|peer| {
                hub.penalise(peer, penalty, "served a body that is not the header's");
            });
            let Some(item) = self.items.iter_mut().find(|item| item.id == *id) else { return };
            item.liars.extend(from);
            let surplus = item.liars.len().saturating_sub(MAX_LIARS);
            item.liars.drain(..surplus);
            return;
        }
        self.items.retain(|item| item.id != *id);
        if !from.is_empty() {
            self.matched.truncate(MAX_MATCHED - 1);
            self.matched.push_front((*id, from));
        }
        if let BodyOutcome::Invalid(penalty) = outcome {
            self.is_invalid(id, penalty, hub);
        }
    }

    /// A block broke a rule: whoever served its body pays, for nodes serve what they have connected.
    pub(crate) fn is_invalid(&mut self, id: &BlockId, penalty: Penalty, hub: &mut Hub) {
        let Some(at) = self.matched.iter().position(|(matched, _)| matched == id) else { return };
        let (_, from) = self.matched.remove(at).unwrap_or_default();
        from.iter().for_each(|peer| hub.penalise(peer, penalty, "served an invalid block"));
    }

    /// An answer, or none.
    pub(crate) fn answered(
        &mut self,
        id: RequestId,
        result: Result<Vec<Option<Vec<u8>>>, Miss>,
        hub: &mut Hub,
    ) {
        let Some(batch) = self.batches.remove(&id) else { return };
        match result {
            Ok(bodies) if bodies.len() > batch.ids.len() => {
                hub.penalise(&batch.peer, Penalty::Ban, "more bodies than were asked for");
            }
            Ok(bodies) => {
                if bodies.iter().any(Option::is_some) {
                    self.adapt(&batch, bodies.len(), hub.now);
                } else {
                    self.batch_of.insert(batch.peer, 1);
                }
                for (id, body) in batch.ids.iter().zip(bodies) {
                    match body {
                        Some(body) => self.take(*id, batch.peer, body, hub),
                        None => self.lacks(&batch.peer, &[*id], hub.now),
                    }
                }
            }
            Err(Miss::NotHere) => self.lacks(&batch.peer, &batch.ids, hub.now),
            Err(Miss::RateLimited) => {}
            Err(Miss::Failed) => {
                self.batch_of.insert(batch.peer, 1);
                let until = hub.now + LACKING;
                for item in self.items.iter_mut().filter(|item| batch.ids.contains(&item.id)) {
                    item.lacking.insert(batch.peer, until);
                }
            }
        }
    }

    /// The peer is gone; what it was asked for is wanted from others.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.batches.retain(|_, batch| batch.peer != *peer);
        self.batch_of.remove(peer);
        self.without.remove(peer);
        for item in &mut self.items {
            item.lacking.remove(peer);
        }
        self.stalling = self.stalling.filter(|stalling| stalling != peer);
    }

    /// Asks for what is missing. `elsewhere` names blocks that are being rebuilt.
    pub(crate) fn step(&mut self, hub: &mut Hub, elsewhere: &dyn Fn(&BlockId) -> bool) {
        let now = hub.now;
        self.items.retain(|item| item.extra_until.is_none_or(|until| until > now));
        let first: Vec<usize> = self.missing(elsewhere).take(NEAR_TIP + 1).collect();
        self.watch_front(&first, hub);
        self.mark_stalled(&first, hub);
        if first.is_empty() || hub.peers.iter().all(|(peer, _)| !hub.can_ask(peer, Protocol::Bodies, 1)) {
            return;
        }
        let asked: HashSet<BlockId> = self
            .batches
            .values()
            .filter(|batch| !batch.stalled)
            .flat_map(|batch| batch.ids.clone())
            .collect();
        let mut free: Vec<usize> =
            self.missing(elsewhere).filter(|at| !asked.contains(&self.items[*at].id)).collect();
        // Larger batches are for the faster; among equals the better.
        let mut peers = hub.peers.ranked(now);
        peers.sort_by_key(|peer| std::cmp::Reverse(self.batch_of.get(peer).copied().unwrap_or(FIRST_BATCH)));
        // Round by round, so that the first bodies do not all hang on one peer.
        while !free.is_empty() {
            let asked: Vec<bool> = peers.iter().map(|peer| self.ask(peer, &mut free, hub)).collect();
            if asked.iter().all(|asked| !asked) {
                break;
            }
        }
    }

    /// Places in the list of the bodies that are neither with the core nor being rebuilt.
    fn missing<'a>(&'a self, elsewhere: &'a dyn Fn(&BlockId) -> bool) -> impl Iterator<Item = usize> + 'a {
        let missing = |id: &BlockId| !self.delivered.contains_key(id) && !elsewhere(id);
        (0..self.items.len()).filter(move |at| missing(&self.items[*at].id))
    }

    /// Asks one peer for the first of `free` that it has, and takes them out; false when it cannot be asked.
    fn ask(&mut self, peer: &PeerId, free: &mut Vec<usize>, hub: &mut Hub) -> bool {
        let Some((height, oldest)) =
            hub.peers.get(peer).and_then(|peer| peer.status.map(|status| (peer.height, status.oldest_body)))
        else {
            return false;
        };
        if !hub.can_ask(peer, Protocol::Bodies, 1) {
            return false;
        }
        let open: HashSet<BlockId> = self
            .batches
            .values()
            .filter(|batch| batch.peer == *peer)
            .flat_map(|batch| batch.ids.clone())
            .collect();
        let batch = usize::from(self.batch_of.get(peer).copied().unwrap_or(FIRST_BATCH));
        let room = batch.min(MAX_BLOCKS_PER_PEER.saturating_sub(open.len()));
        let without = self.without.get(peer).filter(|(_, until)| *until > hub.now).map(|(from, _)| *from);
        // Peers are many, and so are bodies: what is cheap to know comes first.
        let has = |item: &Item| {
            (oldest..=height).contains(&item.height)
                && (item.extra_until.is_some() || without.is_none_or(|from| item.height < from))
                && item.lacking.get(peer).is_none_or(|until| *until <= hub.now)
                && !item.liars.contains(peer)
                && !open.contains(&item.id)
        };
        let chosen: Vec<usize> = free.iter().copied().filter(|at| has(&self.items[*at])).take(room).collect();
        let ids: Vec<BlockId> = chosen.iter().map(|at| self.items[*at].id).collect();
        if ids.is_empty() {
            return false;
        }
        let Some(id) = hub.ask(peer, &Question::Bodies(ids.clone())) else { return false };
        free.retain(|at| !chosen.contains(at));
        self.batches.insert(id, Batch { peer: *peer, ids, asked: hub.now, stalled: false });
        true
    }

    /// Keeps time on the first missing body.
    fn watch_front(&mut self, missing: &[usize], hub: &mut Hub) {
        let Some(item) = missing.first().map(|at| &self.items[*at]) else {
            self.front = None;
            self.stalling = None;
            return;
        };
        match &mut self.front {
            Some((id, since)) if *id == item.id => {
                // A slow line takes its time: while somebody is sending it, it is served.
                let under_way = |batch: &Batch| batch.ids.contains(id) && !batch.stalled;
                if hub.now.saturating_sub(*since) >= UNSERVED && !self.batches.values().any(under_way) {
                    *since = hub.now;
                    hub.report(Report::Unserved { id: item.id, height: item.height });
                }
            }
            front => *front = Some((item.id, hub.now)),
        }
    }

    /// Finds who holds up the first of the window, or any body near the tip; `missing` are the first so many.
    fn mark_stalled(&mut self, missing: &[usize], hub: &mut Hub) {
        let watched = if missing.len() <= NEAR_TIP { missing.len() } else { 1 };
        let watched: Vec<BlockId> = missing.iter().take(watched).map(|at| self.items[*at].id).collect();
        let front_since = self.front.map_or(hub.now, |(_, since)| since);
        let near_tip = missing.len() <= NEAR_TIP;
        let patience = if near_tip { self.stall.min(NEAR_TIP_PATIENCE) } else { self.stall };
        let mut stalled = Vec::new();
        for batch in self.batches.values_mut().filter(|batch| !batch.stalled) {
            let since = if near_tip { batch.asked } else { batch.asked.max(front_since) };
            let holds_up = batch.ids.iter().any(|id| watched.contains(id));
            if holds_up && hub.now.saturating_sub(since) >= patience {
                batch.stalled = true;
                stalled.push(batch.peer);
            }
        }
        for peer in stalled {
            self.stall = (self.stall * 2).min(STALL_MOST);
            self.stalling = Some(peer);
            self.batch_of.insert(peer, 1);
            hub.penalise(&peer, Penalty::Rank, "holds up the bodies");
        }
    }

    fn take(&mut self, id: BlockId, peer: PeerId, body: Vec<u8>, hub: &mut Hub) {
        if self.items.iter().any(|item| item.id == id) {
            hub.peers.reward(&peer, 0.1, hub.now);
            if self.front.is_some_and(|(front, _)| front == id) {
                self.stall = (self.stall / 2).max(STALL_LEAST);
                self.stalling = None;
            }
            self.deliver(id, vec![peer], Body::Bytes(body), hub);
        }
    }

    fn lacks(&mut self, peer: &PeerId, ids: &[BlockId], now: Duration) {
        let until = now + LACKING;
        for item in self.items.iter_mut().filter(|item| ids.contains(&item.id)) {
            if item.extra_until.is_some() {
                item.lacking.insert(*peer, until);
                continue;
            }
            let known = self.without.get(peer).filter(|(_, until)| *until > now);
            let from = known.map_or(item.height, |(from, _)| item.height.min(*from));
            self.without.insert(*peer, (from, until));
        }
    }

    fn adapt(&mut self, batch: &Batch, entries: usize, now: Duration) {
        let size = self.batch_of.get(&batch.peer).copied().unwrap_or(FIRST_BATCH);
        let took = now.saturating_sub(batch.asked);
        let size = match took {
            // The answer was cut at its limit: more at once would only keep the rest from others.
            _ if entries < batch.ids.len() => u8::try_from(entries).unwrap_or(MAX_BODIES).max(1),
            _ if took <= FAST => size.saturating_mul(2).min(MAX_BODIES),
            _ if took >= SLOW => (size / 2).max(1),
            _ => size,
        };
        self.batch_of.insert(batch.peer, size);
    }
}

impl Item {
    fn new(id: BlockId, height: u32) -> Self {
        Self { id, height, lacking: BTreeMap::new(), liars: Vec::new(), extra_until: None }
    }
}

#[cfg(test)]
mod tests;
