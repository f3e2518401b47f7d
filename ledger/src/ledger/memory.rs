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

impl Ledger {
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
