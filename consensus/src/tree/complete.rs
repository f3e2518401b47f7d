//! Up to where the bodies of each branch are stored without a gap, as they come in any order.

use super::{HeaderInfo, HeaderTree, Status, position};
use starling_primitives::BlockId;

/// Spreads neighbouring indexes over a table.
fn spread(at: u32) -> u64 {
    u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl HeaderTree {
    /// The last block, on the way from genesis to this one, up to which no body is missing.
    #[must_use]
    pub fn last_complete(&self, id: &BlockId) -> Option<HeaderInfo> {
        Some(self.last_where(self.find(id)?, |entry| entry.complete))
    }

    /// A block's body came, or turned out to be missing: so may those upon it be complete now, or no more.
    pub(super) fn note_body(&mut self, at: u32) {
        match (self.has_body(at), self.entry(at).complete) {
            (true, false) if self.entry(self.entry(at).parent).complete => self.completes(at),
            (true, false) => self.wait(at),
            (false, true) => self.lacks(at),
            _ => {}
        }
    }

    fn has_body(&self, at: u32) -> bool {
        matches!(self.entry(at).status, Status::Body | Status::Connected)
    }

    fn completes(&mut self, at: u32) {
        let mut ready = vec![at];
        while let Some(at) = ready.pop() {
            // It may have lost its body while it waited.
            if !self.has_body(at) {
                continue;
            }
            self.entry_mut(at).complete = true;
            let entries = &self.entries;
            let is_child = |child: &u32| entries[position(*child)].parent == at;
            while let Ok(child) = self.waiting.find_entry(spread(at), is_child) {
                ready.push(child.remove().0);
            }
        }
    }

    /// Until its parent is complete; it may wait already.
    fn wait(&mut self, at: u32) {
        let entries = &self.entries;
        let hash = |at: &u32| spread(entries[position(*at)].parent);
        self.waiting.entry(hash(&at), |other| *other == at, hash).or_insert(at);
    }

    fn lacks(&mut self, at: u32) {
        self.entry_mut(at).complete = false;
        // Parents come before children.
        let above = at.saturating_add(1)..u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        for child in above {
            let entry = self.entry(child);
            if entry.complete && !self.entry(entry.parent).complete {
                self.entry_mut(child).complete = false;
                self.wait(child);
            }
        }
    }
}
