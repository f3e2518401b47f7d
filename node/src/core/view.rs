//! What the network machines see of the chain, and how far the node is behind.

use super::Core;
use starling_consensus::HeaderTree;
use starling_ledger::{Ledger, Mempool};
use starling_network::{ChainView, Status as PeerStatus};
use starling_primitives::{BlockId, Transaction, Work, Wtxid};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Transactions remembered as mined or refused.
const MAX_RECENT_IDS: usize = 50_000;
/// Blocks that the tip may lack to what is known and still count as synced: one may be on its way.
const SYNCED_WITHIN_BLOCKS: u32 = 2;
/// Intervals without a block after which further peers are looked for.
const STALE_AFTER_INTERVALS: u64 = 6;
/// A peer that claims more and sends no new header for so long is not believed.
const CLAIM_BELIEVED_FOR: Duration = Duration::from_secs(30);

/// The chain as it is during one call.
pub(super) struct View<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) tree: &'a HeaderTree,
    pub(super) pool: &'a Mempool,
    pub(super) recent: &'a RecentIds,
    pub(super) synced: bool,
    pub(super) stale: bool,
}

impl ChainView for View<'_> {
    fn status(&self) -> PeerStatus {
        let tip = self.ledger.tip();
        PeerStatus {
            genesis: self.ledger.chain().genesis_id(),
            tip: tip.id,
            height: tip.height,
            work: self.tree.get(&tip.id).map_or(Work::ZERO, |info| info.work),
            oldest_body: self.ledger.oldest_body(),
            fee_floor: self.pool.floor(),
        }
    }

    fn locator(&self) -> Vec<BlockId> {
        self.tree.locator(&self.tree.best().id)
    }

    fn has_header(&self, id: &BlockId) -> bool {
        self.tree.contains(id)
    }

    fn best_header_work(&self) -> Work {
        self.tree.best().work
    }

    fn pool_tx(&self, id: &Wtxid) -> Option<Arc<Transaction>> {
        self.pool.get(id).cloned()
    }

    fn pool_ids(&self) -> Box<dyn Iterator<Item = Wtxid> + '_> {
        Box::new(self.pool.ids())
    }

    fn knows_tx(&self, id: &Wtxid) -> bool {
        self.pool.contains(id) || self.recent.contains(id)
    }

    fn synced(&self) -> bool {
        self.synced
    }

    fn is_stale(&self) -> bool {
        self.stale
    }
}

/// Ids of transactions that need not be fetched, the oldest forgotten first.
pub(super) struct RecentIds {
    set: HashSet<Wtxid>,
    order: VecDeque<Wtxid>,
}

impl Default for RecentIds {
    /// With all its memory from the start: a table in which as much is removed as comes in grows until half
    /// of it is free, and it would grow late.
    fn default() -> Self {
        let set = HashSet::with_capacity(2 * MAX_RECENT_IDS);
        Self { set, order: VecDeque::with_capacity(MAX_RECENT_IDS + 1) }
    }
}

impl RecentIds {
    pub(super) fn insert(&mut self, id: Wtxid) {
        if !self.set.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_RECENT_IDS
            && let Some(old) = self.order.pop_front()
        {
            self.set.remove(&old);
        }
    }

    /// Its place in the order stays until it is reached: finding it would cost more than it takes.
    pub(super) fn remove(&mut self, id: &Wtxid) {
        self.set.remove(id);
    }

    pub(super) fn contains(&self, id: &Wtxid) -> bool {
        self.set.contains(id)
    }
}

/// How far the node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// No peer yet, on a chain where that matters.
    Waiting,
    /// Fetching headers.
    Headers,
    /// Fetching bodies.
    Bodies,
    /// Nothing is known that is not connected.
    Synced,
}

impl Core {
    /// How far the node is. The age of the tip does not matter: on a quiet chain the last block may be days
    /// old.
    #[must_use]
    pub fn sync_state(&self) -> SyncState {
        let (tip, best) = (self.ledger.tip().height, self.followed().height);
        if self.believed_claim().is_some_and(|claimed| claimed > best.saturating_add(SYNCED_WITHIN_BLOCKS)) {
            return SyncState::Headers;
        }
        if best > tip.saturating_add(SYNCED_WITHIN_BLOCKS) {
            return SyncState::Bodies;
        }
        // A peer that only gossips knows of no chain to be level with.
        if self.chain.is_public() && !self.net.has_greeted() {
            return SyncState::Waiting;
        }
        SyncState::Synced
    }

    /// Whether transactions can be judged and templates handed out.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.sync_state() == SyncState::Synced
    }

    /// The height that the node is on its way to.
    #[must_use]
    pub fn target_height(&self) -> u32 {
        self.followed().height.max(self.believed_claim().unwrap_or(0)).max(self.ledger.tip().height)
    }

    /// Peers that are connected.
    #[must_use]
    pub fn peer_count(&self) -> u32 {
        self.peers
    }

    /// What people should know.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.avoided.alarm().cloned().into_iter().collect()
    }

    /// Seconds since the tip was connected or, before any was, since the start.
    #[must_use]
    pub fn tip_age(&self) -> u64 {
        self.now.unix.saturating_sub(self.tip_since.unix)
    }

    /// Whether no block has come for so long that the peers at hand may be keeping them from us.
    pub(super) fn tip_is_stale(&self) -> bool {
        self.tip_age() > STALE_AFTER_INTERVALS * u64::from(self.chain.params.interval)
    }

    /// What peers claim, until the node has once been level with them, and while their headers come in. Later
    /// only headers count: a claim costs nothing, and would take mining away from everybody.
    fn believed_claim(&self) -> Option<u32> {
        let progress = self.net.sync_progress();
        let fresh = self.now.mono < self.batch_since.saturating_add(CLAIM_BELIEVED_FOR);
        progress.claimed_height.filter(|_| !self.was_level && fresh && progress.headers_from.is_some())
    }

    /// Notes that the node has once been level with peers that told their height.
    pub(super) fn note_level(&mut self) {
        let told = self.peers > 0 && self.net.sync_progress().claimed_height.is_some();
        self.was_level = self.was_level || (told && self.is_synced());
    }
}
