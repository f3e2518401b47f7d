//! Bodies that nobody here needs any more (ledger: RocksDB).

use super::Ledger;
use crate::store::{Family, StoreError, meta};

/// Blocks whose bodies are forgotten together, so that the files that held them go as wholes.
const PRUNED_AT_ONCE: u32 = 64;

impl Ledger {
    /// The lowest height whose body is here; 0 unless the ledger was pruned.
    #[must_use]
    pub fn oldest_body(&self) -> u32 {
        self.oldest_body
    }

    /// How deep the tip can ever be taken back.
    pub(super) fn undo_blocks(&self) -> u32 {
        self.chain.params.undo_blocks.min(self.keep_bodies.unwrap_or(u32::MAX))
    }

    /// Forgets bodies beyond those to be kept, when they are many or at least `least`. Those from which a
    /// start would make up for a state that is behind stay.
    pub(super) fn prune(&mut self, least: u32) -> Result<(), StoreError> {
        let Some(keep) = self.keep_bodies else { return Ok(()) };
        let beyond = self.tip.height.saturating_add(1).saturating_sub(keep);
        let oldest = beyond.min(self.deepest_fork.saturating_add(1)).min(self.lag.needed_bodies());
        if oldest < self.oldest_body.saturating_add(least.min(PRUNED_AT_ONCE)) {
            return Ok(());
        }
        // A state on its way to the disk needs them until it is there.
        self.complete()?;
        let (from, to) = (self.oldest_body.to_be_bytes(), oldest.to_be_bytes());
        let mut batch = self.store.batch();
        batch.delete_range(Family::Bodies, &from, &to);
        batch.put(Family::Meta, meta::OLDEST_BODY, &oldest.to_le_bytes());
        self.store.commit(batch, false)?;
        self.oldest_body = oldest;
        self.store.compact_range(Family::Bodies, &from, &to);
        Ok(())
    }

    /// What was pruned before.
    pub(super) fn read_oldest_body(&self) -> Result<u32, StoreError> {
        let Some(bytes) = self.store.get(Family::Meta, meta::OLDEST_BODY)? else { return Ok(0) };
        let bytes = bytes.try_into().map_err(|_| self.store.damaged("the oldest body"))?;
        Ok(u32::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests;
