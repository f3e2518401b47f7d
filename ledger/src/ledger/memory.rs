//! What the ledger has in memory.

use super::Ledger;
use crate::store::StoreError;

/// Bytes in memory, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerMemory {
    /// Blocks of the database's files, their indexes and filters, and writes that are in no file yet.
    pub database: u64,
    /// Accounts that were used lately.
    pub accounts: u64,
    /// Changes that wait to be written.
    pub waiting: u64,
    /// The state tree.
    pub tree: u64,
}

/// Buckets that are read ahead at a time: some milliseconds.
const WARMED_AT_ONCE: u32 = 4_096;

impl Ledger {
    /// Reads accounts ahead of their use, as far as they have a place in memory: a start from the tree on
    /// disk has none. To be called again and again, when there is nothing else to do; false when all is done.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn warm(&mut self) -> Result<bool, StoreError> {
        self.state.warm(WARMED_AT_ONCE)
    }

    /// What is in memory now, headers aside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn memory(&self) -> Result<LedgerMemory, StoreError> {
        let (accounts, waiting, tree) = self.state.bytes();
        let bytes = |count| u64::try_from(count).unwrap_or(u64::MAX);
        let (accounts, waiting, tree) = (bytes(accounts), bytes(waiting), bytes(tree));
        Ok(LedgerMemory { database: self.store.cached_bytes()?, accounts, waiting, tree })
    }
}
