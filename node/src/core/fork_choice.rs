//! Which branch is followed: the one with the most header work, but for what nobody serves and what leaves
//! the connected chain deeper than can be undone (consensus: Fork choice).

use super::Core;
use super::advance::has_body;
use super::bodies::WINDOW_BLOCKS;
use starling_consensus::HeaderInfo;
use starling_ledger::StoreError;
use starling_primitives::{BlockId, Work};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a branch that nobody serves is not followed.
const ASIDE_FOR: Duration = Duration::from_secs(600);

/// Blocks upon which nothing is followed.
#[derive(Default)]
pub(super) struct Avoided {
    /// Nobody serves their bodies; until when.
    unserved: BTreeMap<BlockId, Duration>,
    /// The first blocks of branches that are too deep, with the last block seen of each.
    too_deep: BTreeMap<BlockId, BlockId>,
    /// The deepest branch that was refused, for people.
    alarm: Option<String>,
}

impl Avoided {
    pub(super) fn alarm(&self) -> Option<&String> {
        self.alarm.as_ref()
    }

    fn ids(&self) -> Vec<BlockId> {
        self.unserved.keys().chain(self.too_deep.keys()).copied().collect()
    }
}

impl Core {
    /// The last header of the branch that is followed.
    pub(super) fn followed(&self) -> &HeaderInfo {
        &self.goal
    }

    /// Chooses anew what is followed; to be called whenever a header came, or what is avoided changed. What
    /// is complete of a branch that is left stays a rival.
    pub(super) fn choose(&mut self) {
        let left = std::mem::replace(&mut self.goal, self.tree.best_avoiding(&self.avoided.ids()));
        if left.id != self.goal.id && self.tree.fork_height(&left.id, &self.goal.id) != Some(left.height) {
            self.note_rivals(&left.id);
        }
    }

    /// What is complete of the branch that is followed is a rival of a tip that is not on it.
    pub(super) fn note_followed(&mut self) {
        let tip = self.ledger.tip();
        if self.tree.best_at(tip.height).is_none_or(|best| best.id != tip.id) {
            self.note_rivals(&self.goal.id.clone());
        }
    }

    /// What is stored of a branch and has as much work as the tip or more.
    fn note_rivals(&mut self, head: &BlockId) {
        let ours = self.work_of(&self.ledger.tip().id);
        let Some(below) = self.tree.last_within(head, ours) else { return };
        let branch = self.tree.branch(&below.id, head, WINDOW_BLOCKS);
        let stored = std::iter::once(below).chain(branch).filter(has_body);
        self.loose.extend(stored.map(|info| info.id));
    }

    /// A block's body is here: on the branch that is followed its turn comes by itself if it has more work
    /// than the tip; else it may be a rival of the tip.
    pub(super) fn is_stored(&mut self, id: BlockId) {
        let ours = self.work_of(&self.ledger.tip().id);
        let is_next = |info: HeaderInfo| {
            info.work > ours && self.tree.best_at(info.height).is_some_and(|best| best.id == info.id)
        };
        if self.goal.id != self.tree.best().id || !self.tree.get(&id).is_some_and(is_next) {
            self.loose.insert(id);
        }
    }

    pub(super) fn work_of(&self, id: &BlockId) -> Work {
        self.tree.get(id).map_or(Work::ZERO, |info| info.work)
    }

    /// Nobody serves a body: its branch is not followed for a while. Without peers that says nothing.
    pub(super) fn set_aside(&mut self, id: BlockId, height: u32) -> Result<(), StoreError> {
        if self.peers == 0 {
            return Ok(());
        }
        tracing::warn!(block = %id, height, "nobody serves this body; its branch is set aside");
        self.avoided.unserved.insert(id, self.now.mono.saturating_add(ASIDE_FOR));
        self.choose();
        self.want_bodies();
        self.advance()
    }

    /// A body came after all.
    pub(super) fn is_served(&mut self, id: &BlockId) {
        if self.avoided.unserved.remove(id).is_some() {
            self.choose();
        }
    }

    /// Gives what was set aside another chance in time.
    pub(super) fn retry_aside(&mut self) {
        let (now, before) = (self.now.mono, self.avoided.unserved.len());
        self.avoided.unserved.retain(|_, until| *until > now);
        if self.avoided.unserved.len() < before {
            self.choose();
            self.want_bodies();
        }
    }

    /// A branch is left alone, with an alarm, when it leaves ours deeper than can be undone.
    pub(super) fn can_follow(&mut self, head: &HeaderInfo) -> bool {
        let tip = self.ledger.tip();
        let Some(first) = self.tree.branch(&tip.id, &head.id, 1).pop() else { return true };
        let fork = first.height.saturating_sub(1);
        if fork >= self.ledger.deepest_fork() {
            return true;
        }
        self.loose.remove(&head.id);
        if let Some(known) = self.avoided.too_deep.get(&first.id).copied() {
            if head.work > self.work_of(&known) {
                self.avoided.too_deep.insert(first.id, head.id);
            }
            return false;
        }
        let alarm = format!(
            "a branch with more work, up to block {} at height {}, leaves ours {} blocks back; that many \
             cannot be undone (the chain keeps {}), so it is not followed",
            head.id,
            head.height,
            tip.height - fork,
            self.chain.params.undo_blocks
        );
        tracing::error!("{alarm}");
        self.avoided.alarm = Some(alarm);
        self.avoided.too_deep.insert(first.id, head.id);
        self.choose();
        false
    }

    /// The tip changed: a branch that was too deep may have fallen behind, and is nobody's concern then.
    pub(super) fn review_avoided(&mut self) {
        if self.avoided.too_deep.is_empty() {
            return;
        }
        let ours = self.work_of(&self.ledger.tip().id);
        let tree = &self.tree;
        self.avoided.too_deep.retain(|_, head| tree.get(head).is_some_and(|head| head.work > ours));
        if self.avoided.too_deep.is_empty() {
            self.avoided.alarm = None;
        }
        self.choose();
    }
}
