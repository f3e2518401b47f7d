//! How far the state on disk is behind the tip, how it catches up, and how a start makes up for it.
//!
//! A block is committed without its accounts: they stay in memory, and those of many blocks are written in
//! one batch, each once, with the block after which they are so. A process that dies before that finds, at
//! its next start, the state of an earlier block, and goes on from there: back by the undo records of blocks
//! that a reorganisation took out since, forth by the stored bodies, comparing every root.

use super::writing::Wrote;
use super::{ConnectError, Ledger};
use crate::overlay::Overlay;
use crate::published::Moment;
use crate::records::{StateTip, block_key};
use crate::state::put_entries;
use crate::store::{Family, Store, StoreError, meta};
use starling_primitives::BlockId;
use std::sync::Arc;

/// Transactions that a start may have to apply again (ledger: RocksDB).
const MAX_LAG_TXS: u64 = 100_000;
/// What a block counts beside its transactions.
const BLOCK_TXS: u64 = 64;

/// The distance between the state on disk and the tip.
pub(super) struct Lag {
    /// The block after which the state on disk is.
    pub(super) on_disk: StateTip,
    /// Height up to which its branch is the connected one.
    shared: u32,
    /// Undo records of its blocks that are connected no more, the highest first.
    kept: Vec<Vec<u8>>,
    /// Transactions that a start would have to apply.
    txs: u64,
    /// Changed entries that may wait in memory.
    max_changes: usize,
}

impl Lag {
    pub(super) fn new(on_disk: StateTip, max_changes: usize) -> Self {
        Self { on_disk, shared: on_disk.height, kept: Vec::new(), txs: 0, max_changes }
    }

    pub(super) fn connected(&mut self, height: u32, undo: &[u8], txs: usize) {
        self.count(txs);
        // A block that was taken out comes back: its undo record is an ordinary one again.
        if self.kept.pop_if(|kept| *kept == undo).is_some() {
            self.shared = height;
        }
    }

    pub(super) fn disconnected(&mut self, height: u32, undo: Vec<u8>, txs: usize) {
        self.count(txs);
        if self.needs_undo(height) {
            self.kept.push(undo);
            self.shared = height.saturating_sub(1);
        }
    }

    /// Whether the way from the state on disk to the tip leads back over the connected block at this height
    /// once that is disconnected.
    pub(super) fn needs_undo(&self, height: u32) -> bool {
        height <= self.shared
    }

    /// The lowest height whose body a start may ask for.
    pub(super) fn needed_bodies(&self) -> u32 {
        self.shared.saturating_add(1)
    }

    fn count(&mut self, txs: usize) {
        let txs = u64::try_from(txs).unwrap_or(u64::MAX);
        self.txs = self.txs.saturating_add(txs).saturating_add(BLOCK_TXS);
    }
}

impl Ledger {
    /// Writes the accounts as they are at the tip, in one batch with the tip's id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn flush_state(&mut self) -> Result<(), StoreError> {
        self.begin_flush()?;
        self.complete()
    }

    fn begin_flush(&mut self) -> Result<(), StoreError> {
        let on_disk = StateTip::from(self.tip);
        if on_disk == self.lag.on_disk && self.lag.txs == 0 {
            return Ok(());
        }
        self.complete()?;
        let Lag { kept, max_changes, .. } = std::mem::replace(&mut self.lag, Lag::new(on_disk, 0));
        self.lag.max_changes = max_changes;
        let (store, overlay) = (self.store.clone(), self.state.overlay().clone());
        let entries = overlay.len();
        let make = move || {
            let mut batch = store.batch();
            put_entries(&mut batch, &overlay.changes());
            batch.put(Family::Meta, meta::STATE_TIP, &on_disk.encode());
            for undo in &kept {
                batch.delete(Family::Undo, undo);
            }
            batch.into_writes()
        };
        let moment = Moment { tip: self.tip.id, on_disk: on_disk.id, overlay: Overlay::default() };
        self.write((Wrote::State, moment), (entries, false), make)
    }

    /// Writes what is not on disk yet and waits until it is: a start has nothing to make up for then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.flush_state()?;
        self.prune(1)?;
        self.write_checkpoint()?;
        self.store.flush()
    }

    /// Flushes a state that is far behind, and grows a tree that is full.
    pub(super) fn keep_up(&mut self) -> Result<(), StoreError> {
        let grows = self.state.is_full();
        if grows || self.lag.txs >= MAX_LAG_TXS || self.state.overlay().len() >= self.lag.max_changes {
            self.begin_flush()?;
        }
        if grows {
            self.complete()?;
            self.state.grow()?;
            self.learnt = false;
        }
        self.prune(u32::MAX)
    }

    /// Brings the state that was on disk to the tip.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut at = self.lag.on_disk;
        while self.canonical_at(at.height)? != Some(at.id) {
            let missing = || self.store.damaged(&format!("block {} of the state has no header", at.id));
            let header = self.record(&at.id)?.ok_or_else(missing)?.header;
            let key = block_key(at.height, &at.id);
            let values = Arc::new(self.undo(&key)?.values);
            self.state.prefetch(values.iter().map(|(key, _)| key))?;
            let patch = self.state.patch(&values)?;
            let overlay = self.state.overlay_with(&values);
            self.state.disconnected(&values, patch, overlay);
            self.lag.disconnected(at.height, key, 0);
            let height = at.height.checked_sub(1);
            let height = height.ok_or_else(|| self.store.damaged("another genesis block"))?;
            at = StateTip { id: header.parent(), height };
        }
        for height in at.height.saturating_add(1)..=self.tip.height {
            self.replay(height)?;
        }
        // What was kept for this is not needed any more.
        if self.lag.kept.is_empty() { self.keep_up() } else { self.flush_state() }
    }

    /// Applies a connected block whose accounts were not written.
    fn replay(&mut self, height: u32) -> Result<(), StoreError> {
        let id = self.canonical(height)?;
        let missing = || self.store.damaged(&format!("the connected block {id} has no header"));
        let header = self.record(&id)?.ok_or_else(missing)?.header;
        let txs = self.body(&header)?;
        let damaged = |store: &Store, error| match error {
            ConnectError::Store(error) => error,
            error => store.damaged(&format!("the connected block {id}: {error}")),
        };
        let store = self.store.clone();
        let after = self.apply(&header, &txs).map_err(|error| damaged(&store, error))?.after;
        let patch = self.patched(&header, &after).map_err(|error| damaged(&store, error))?;
        let overlay = self.state.overlay_with(&after);
        self.state.connected(&after, patch, overlay);
        self.lag.connected(height, &block_key(height, &id), txs.len());
        Ok(())
    }

    /// The connected block at a height, if the chain is that high.
    fn canonical_at(&self, height: u32) -> Result<Option<BlockId>, StoreError> {
        if height > self.tip.height { Ok(None) } else { self.canonical(height).map(Some) }
    }
}

#[cfg(test)]
mod tests;
