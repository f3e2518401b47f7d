//! Proofs for accounts, at the tip and a little before it (formats: State).

use super::Ledger;
use crate::overlay::within;
use crate::records::block_key;
use crate::state::PROVEN_BLOCKS;
use crate::state_tree::EntryChange;
use crate::store::{Family, StoreError};
use starling_primitives::state::{Proof, StateKey};
use starling_primitives::{Address, BlockId, Header};
use std::collections::BTreeMap;

/// Changed accounts that are gone through to prove from blocks before a start.
const LEARNT_CHANGES: usize = 100_000;

/// A proof for an account, and the block whose state it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// The block.
    pub header: Header,
    /// The account's key.
    pub key: StateKey,
    /// The proof against the header's `state_root`.
    pub proof: Proof,
}

impl Ledger {
    /// The proof that an account is as it is, or absent, after the connected block at `height`: the tip or
    /// one of the 128 before it that can still be undone. None elsewhere, nor where the blocks since changed
    /// more accounts than a tenth of the ledger's memory holds or, shortly after a start or
    /// when the tree has grown, 100,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prove_account(
        &mut self,
        address: &Address,
        height: u32,
    ) -> Result<Option<AccountProof>, StoreError> {
        self.complete()?;
        let back = self.tip.height.checked_sub(height).filter(|_| height >= self.deepest_fork);
        let Some(back) = back.and_then(|back| usize::try_from(back).ok()) else { return Ok(None) };
        if back > self.state.known_blocks() && !self.learnt {
            self.learn_recent()?;
        }
        let Some(past) = self.state.back(back) else { return Ok(None) };
        let key = StateKey::account(address);
        let bucket = past.bucket(&key);
        let mut undone = BTreeMap::new();
        for above in (height..self.tip.height).rev() {
            let values = self.undo_at(above.saturating_add(1))?;
            undone.extend(within(&values, bucket).iter().copied());
        }
        let proof = past.prove(&key, &undone.into_iter().collect::<Vec<EntryChange>>())?;
        let header = self.record(&self.canonical(height)?)?;
        let header = header.ok_or_else(|| self.store.damaged("a connected block has no header"))?.header;
        Ok(Some(AccountProof { header, key, proof }))
    }

    /// Learns what the blocks before those known changed, as the state would know had it connected them all:
    /// after a start, or when the tree has grown, it knows nothing of them.
    fn learn_recent(&mut self) -> Result<(), StoreError> {
        self.learnt = true;
        let (mut undone, mut changes) = (BTreeMap::new(), 0);
        let known = self.state.known_blocks();
        let lowest = self.deepest_fork.max(self.tip.height.saturating_sub(proven_blocks()));
        for (nth, height) in (lowest..self.tip.height).rev().enumerate() {
            let values = self.undo_at(height.saturating_add(1))?;
            changes += values.len();
            if changes > LEARNT_CHANGES {
                break;
            }
            undone.extend(values.iter().copied());
            if nth >= known {
                self.state.learn_older(&values, &undone)?;
            }
        }
        Ok(())
    }

    fn undo_at(&self, height: u32) -> Result<Vec<EntryChange>, StoreError> {
        Ok(self.undo(&block_key(height, &self.canonical(height)?))?.values)
    }

    pub(super) fn canonical(&self, height: u32) -> Result<BlockId, StoreError> {
        let id = self.store.get(Family::Canonical, &height.to_be_bytes())?;
        let id = id.and_then(|id| id.try_into().ok());
        Ok(BlockId::new(id.ok_or_else(|| self.store.damaged("a connected height has no block"))?))
    }
}

fn proven_blocks() -> u32 {
    u32::try_from(PROVEN_BLOCKS).expect("128")
}

#[cfg(test)]
mod tests;
