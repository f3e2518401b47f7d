//! The state tree on disk: a start reads it, where nothing was written since, instead of hashing all accounts
//! (ledger: RocksDB).
//!
//! It is written when the ledger is settled, as at a clean shutdown, part by part, and then the mark that
//! says of which block's state it is. A start that finds another mark, none, or a root that is not the
//! block's computes the tree from the accounts.

use super::{Ledger, record_of};
use crate::records::{StateTip, TreeMark};
use crate::state_tree::StateTree;
use crate::store::{Family, Store, StoreError, meta};

/// Accounts from which on reading is faster than hashing by so much that somebody notices.
const LEAST_KEYS: u64 = 4_096;
/// Parts that are written together.
const PARTS_AT_ONCE: usize = 64;

impl Ledger {
    /// Writes the tree of the state on disk, which is that of the tip.
    pub(super) fn write_checkpoint(&mut self) -> Result<(), StoreError> {
        let (tree, on_disk) = (self.state.tree(), self.lag.on_disk);
        // A mark that cannot be read is replaced.
        let mark = self.store.tree_mark().unwrap_or_default();
        if tree.keys() < LEAST_KEYS || mark.is_some_and(|mark| mark.at == on_disk) {
            return Ok(());
        }
        let outline = tree.outline();
        let parts: Vec<u32> = (0..outline.parts().unwrap_or_default()).collect();
        let mut batch = self.store.batch();
        batch.delete(Family::Meta, meta::TREE);
        for some in parts.chunks(PARTS_AT_ONCE) {
            for part in some {
                batch.put(Family::Tree, &part.to_be_bytes(), &tree.part(&outline, *part));
            }
            let full = std::mem::replace(&mut batch, self.store.batch());
            self.store.commit(full, false)?;
        }
        let mark = TreeMark { at: on_disk, outline };
        batch.put(Family::Meta, meta::TREE, &mark.encode());
        self.store.commit(batch, false)
    }
}

/// The tree that was written for the state after this block, if there is one and it has the block's root. One
/// that is damaged is none.
///
/// # Errors
/// [`StoreError`].
pub(super) fn read(store: &Store, at: &StateTip) -> Result<Option<StateTree>, StoreError> {
    match read_whole(store, at) {
        Err(StoreError::Damaged { what, .. }) => {
            tracing::warn!(what, "the state tree on disk is damaged: it is computed from the accounts");
            Ok(None)
        }
        read => read,
    }
}

fn read_whole(store: &Store, at: &StateTip) -> Result<Option<StateTree>, StoreError> {
    let mark = store.tree_mark()?.filter(|mark| mark.at == *at);
    let (Some(TreeMark { outline, .. }), Some(record)) = (mark, record_of(store, &at.id)?) else {
        return Ok(None);
    };
    if !outline.suits(store.estimated_entries(Family::State)?) {
        return Ok(None);
    }
    let crowds = store.buckets(&outline.buckets())?;
    let mut parts = store.scan(Family::Tree);
    let part = |part: u32| {
        let next = parts.next().transpose()?;
        Ok(next.filter(|(key, _)| **key == part.to_be_bytes()).map(|(_, bytes)| bytes.into_vec()))
    };
    let tree = StateTree::restore(&outline, part, crowds)?;
    Ok(tree.filter(|tree| tree.root() == record.header.content().state_root))
}

#[cfg(test)]
mod tests;
