//! Which branch is the best, where branches part, and what falls when a block turns out invalid.

use super::{BestChange, Entry, HeaderInfo, HeaderTree, HistoryNodes, Status, position};
use starling_genesis::Params;
use starling_primitives::history::PlacedNode;
use starling_primitives::{BlockId, Work};
use std::collections::BTreeSet;

/// A branch that is kept has more work than the tip without its last blocks, counted in the tip's own work.
const KEPT_BLOCKS: u32 = 144;
/// Ids in a locator at the most (formats: `headers/1`).
const MAX_LOCATOR_IDS: usize = 64;
/// Ids at the end of a locator's chain that are not thinned out.
const DENSE_LOCATOR_IDS: usize = 10;

/// The work that a branch must exceed to be kept, given the tip's cumulative work and the tip's own.
#[must_use]
pub fn kept_work(tip: Work, own: Work, params: &Params) -> Work {
    params.minimum_work.max(tip.saturating_sub(own.saturating_mul(KEPT_BLOCKS)))
}

impl HeaderTree {
    /// The last header of the branch with the most work that is not known to be invalid, first seen first.
    #[must_use]
    pub fn best(&self) -> HeaderInfo {
        self.info(self.best_index())
    }

    /// The header of the best chain at a height.
    #[must_use]
    pub fn best_at(&self, height: u32) -> Option<HeaderInfo> {
        self.best.get(position(height)).map(|&at| self.info(at))
    }

    /// The ids from just above the common ancestor of `from` and `to`, up to `to`; and the ancestor's height.
    #[must_use]
    pub fn path(&self, from: &BlockId, to: &BlockId) -> Option<(HeaderInfo, Vec<BlockId>)> {
        let (from, mut to) = (self.find(from)?, self.find(to)?);
        let fork = self.common_ancestor(from, to);
        let mut ids = Vec::new();
        while to != fork {
            ids.push(self.entry(to).id);
            to = self.entry(to).parent;
        }
        ids.reverse();
        Some((self.info(fork), ids))
    }

    /// Whether `to` is this header or follows it.
    #[must_use]
    pub fn leads_to(&self, from: &BlockId, to: &BlockId) -> bool {
        let (Some(from), Some(to)) = (self.find(from), self.find(to)) else { return false };
        self.entry(from).height <= self.entry(to).height && self.ancestor(to, self.entry(from).height) == from
    }

    /// The last block, on the way from genesis to this one, with at most so much work; genesis if all have
    /// more.
    #[must_use]
    pub fn last_within(&self, id: &BlockId, work: Work) -> Option<HeaderInfo> {
        Some(self.last_where(self.find(id)?, |entry| entry.work <= work))
    }

    /// The first blocks, at most `limit`, of the branch from `from` to `to`: from just above their common
    /// ancestor, oldest first.
    #[must_use]
    pub fn branch(&self, from: &BlockId, to: &BlockId, limit: u32) -> Vec<HeaderInfo> {
        let (Some(from), Some(to)) = (self.find(from), self.find(to)) else { return Vec::new() };
        let fork = self.entry(self.common_ancestor(from, to)).height;
        let last = self.entry(to).height.min(fork.saturating_add(limit));
        let mut here = self.ancestor(to, last);
        let mut blocks = Vec::new();
        if self.is_best(here) {
            blocks.extend((fork..last).filter_map(|below| self.best_at(below + 1)));
            return blocks;
        }
        while self.entry(here).height > fork {
            blocks.push(self.info(here));
            here = self.entry(here).parent;
        }
        blocks.reverse();
        blocks
    }

    /// The last header of the branch with the most work that is neither known to be invalid nor leads through
    /// one of these blocks.
    #[must_use]
    pub fn best_avoiding(&self, avoided: &[BlockId]) -> HeaderInfo {
        let avoided: BTreeSet<u32> = avoided.iter().filter_map(|id| self.find(id)).collect();
        if !avoided.iter().any(|&at| self.is_best(at)) {
            return self.best();
        }
        // Parents come before children.
        let first = avoided.first().map_or(self.entries.len(), |&at| position(at));
        let mut off = vec![false; self.entries.len() - first];
        let mut best = 0;
        for (at, entry) in (0u32..).zip(&self.entries) {
            let above = position(entry.parent).checked_sub(first).is_some_and(|parent| off[parent]);
            if above || avoided.contains(&at) {
                off[position(at) - first] = true;
            } else if entry.status != Status::Invalid && entry.work > self.entry(best).work {
                best = at;
            }
        }
        self.info(best)
    }

    /// Height of the last block that two branches share.
    #[must_use]
    pub fn fork_height(&self, a: &BlockId, b: &BlockId) -> Option<u32> {
        let (a, b) = (self.find(a)?, self.find(b)?);
        Some(self.entry(self.common_ancestor(a, b)).height)
    }

    /// Blocks with stored bodies and as much work as `id` or more, as a start finds them.
    #[must_use]
    pub fn stored_above(&self, id: &BlockId) -> BTreeSet<BlockId> {
        let least = self.get(id).map_or(Work::ZERO, |info| info.work);
        let stored = |entry: &&Entry| matches!(entry.status, Status::Body | Status::Connected);
        let above = self.entries.iter().filter(stored).filter(|entry| entry.work >= least && entry.id != *id);
        above.map(|entry| entry.id).collect()
    }

    /// Every branch head: headers without children, most work first.
    #[must_use]
    pub fn heads(&self) -> Vec<HeaderInfo> {
        let mut is_parent = vec![false; self.entries.len()];
        for entry in self.entries.iter().filter(|entry| entry.height > 0) {
            is_parent[position(entry.parent)] = true;
        }
        let heads = self.entries.iter().zip(is_parent).filter(|(_, is_parent)| !is_parent);
        let mut heads: Vec<_> = heads.filter_map(|(entry, _)| self.get(&entry.id)).collect();
        heads.sort_by_key(|head| std::cmp::Reverse(head.work));
        heads
    }

    /// Ids of the branch that ends with `id`, newest first: dense at the end, then ever sparser, genesis
    /// last.
    #[must_use]
    pub fn locator(&self, id: &BlockId) -> Vec<BlockId> {
        let mut ids = Vec::new();
        let Some(mut at) = self.find(id) else { return ids };
        let mut gap = 1;
        while self.entry(at).height > 0 && ids.len() < MAX_LOCATOR_IDS - 1 {
            ids.push(self.entry(at).id);
            if ids.len() > DENSE_LOCATOR_IDS {
                gap *= 2;
            }
            at = self.ancestor(at, self.entry(at).height.saturating_sub(gap));
        }
        ids.push(self.entries[0].id);
        ids
    }

    /// Marks a block and all that descend from it as invalid; `rule` is what the block broke. Returns the
    /// change when the best header chain went through it.
    pub fn invalidate(&mut self, id: &BlockId, rule: &str, history: &dyn HistoryNodes) -> Option<BestChange> {
        let at = self.find(id).filter(|&at| at != 0)?;
        self.broken.insert(at, rule.to_owned());
        self.entry_mut(at).fall();
        // Parents come before children.
        for child in position(at) + 1..self.entries.len() {
            let parent = self.entries[child].parent;
            if self.entry(parent).status == Status::Invalid {
                self.entries[child].fall();
            }
        }
        if !self.is_best(at) {
            return None;
        }
        let valid = |entry: &&Entry| entry.status != Status::Invalid;
        let best = self.entries.iter().filter(valid).reduce(|a, b| if b.work > a.work { b } else { a });
        let best = best.and_then(|entry| self.find(&entry.id)).expect("genesis is never invalid");
        self.switch(best, history)
    }

    fn best_index(&self) -> u32 {
        *self.best.last().expect("genesis is always there")
    }

    /// Follows a new header if its branch has the most work now; `nodes` are those that it made.
    pub(super) fn prefer(
        &mut self,
        at: u32,
        nodes: Vec<PlacedNode>,
        history: &dyn HistoryNodes,
    ) -> Option<BestChange> {
        let best = self.best_index();
        if self.entry(at).work <= self.entry(best).work {
            return None;
        }
        if self.entry(at).parent == best {
            self.best.push(at);
            return Some(BestChange { fork: self.entry(best).height, nodes });
        }
        self.switch(at, history)
    }

    /// Makes the branch of `at` the best one, and works out its history above the fork.
    fn switch(&mut self, at: u32, history: &dyn HistoryNodes) -> Option<BestChange> {
        let fork = self.common_ancestor(self.best_index(), at);
        let mut cursor = self.cursor_at(fork, history)?;
        let mut above = Vec::new();
        let mut here = at;
        while here != fork {
            above.push(here);
            here = self.entry(here).parent;
        }
        let nodes = above.into_iter().rev().flat_map(|child| self.step(&mut cursor, child)).collect();
        self.follow(at);
        Some(BestChange { fork: self.entry(fork).height, nodes })
    }

    /// Rewrites the best chain so that it ends with `at`.
    pub(super) fn follow(&mut self, at: u32) {
        let mut here = at;
        let mut above = Vec::new();
        while !self.is_best(here) {
            above.push(here);
            here = self.entry(here).parent;
        }
        self.best.truncate(position(self.entry(here).height) + 1);
        self.best.extend(above.into_iter().rev());
    }

    /// The last block on the way to `at` of which something holds; if it holds of a block, it does of all
    /// below.
    pub(super) fn last_where(&self, mut at: u32, holds: impl Fn(&Entry) -> bool) -> HeaderInfo {
        while !holds(self.entry(at)) && at != 0 {
            if self.is_best(at) {
                let below = &self.best[..position(self.entry(at).height)];
                let count = below.partition_point(|&at| holds(self.entry(at)));
                at = below[count.saturating_sub(1)];
                break;
            }
            at = self.entry(at).parent;
        }
        self.info(at)
    }

    fn common_ancestor(&self, a: u32, b: u32) -> u32 {
        let lower = self.entry(a).height.min(self.entry(b).height);
        let (mut a, mut b) = (self.ancestor(a, lower), self.ancestor(b, lower));
        while a != b {
            (a, b) = (self.entry(a).parent, self.entry(b).parent);
        }
        a
    }

    /// The ancestor at a height, at most its own; a jump once the best chain is reached.
    fn ancestor(&self, mut at: u32, height: u32) -> u32 {
        while self.entry(at).height > height {
            if self.is_best(at) {
                return self.best[position(height)];
            }
            at = self.entry(at).parent;
        }
        at
    }
}
