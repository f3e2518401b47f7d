//! How much memory a ledger may use, and what it keeps.

use crate::state_tree::EntryChange;
use crate::store::StoreOptions;

/// The least that works, in bytes.
const LEAST_BYTES: usize = 16 << 20;
/// What a node of the tree takes with its place, in bytes.
const NODE_BYTES: usize = 37;
/// What is usual, in bytes.
const USUAL_BYTES: usize = 320 << 20;

/// What a ledger is opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Memory in bytes for the caches and buffers of the database, for the state tree, for accounts that were
    /// used lately and for those that are not on disk yet; at least 16 MiB. A tree of more than nearly half
    /// of that, some 33 bytes an account, comes on top, and so do the headers, 150 bytes each.
    pub memory_bytes: usize,
    /// How many blocks' bodies are kept; all unless given. The tip is then never taken back further.
    pub keep_bodies: Option<u32>,
    /// Whether what happened to each address is kept; as before, and in a new ledger it is, unless given.
    pub address_index: Option<bool>,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self::USUAL
    }
}

impl LedgerOptions {
    /// Everything is kept.
    pub const USUAL: Self = Self { memory_bytes: USUAL_BYTES, keep_bodies: None, address_index: None };

    fn tenths(&self, count: usize) -> usize {
        self.memory_bytes.max(LEAST_BYTES) / 10 * count
    }

    /// The database's: what is read once more, index and filters included, and what was written and waits in
    /// memory. Accounts by bucket serve better than blocks of files with a few of them each.
    pub(crate) fn store(&self) -> StoreOptions {
        StoreOptions { cache_bytes: self.tenths(3), write_bytes: self.tenths(2) }
    }

    /// Accounts by bucket, and the tree over them.
    pub(crate) fn account_bytes(&self) -> usize {
        self.tenths(5)
    }

    /// Nodes of the state tree before each of the last blocks.
    pub(crate) fn recent_nodes(&self) -> usize {
        self.tenths(1) / NODE_BYTES
    }

    /// Changes that wait for a flush, which takes them together and then writes them: three times in all.
    pub(super) fn waiting_changes(&self) -> usize {
        self.tenths(1) / (3 * size_of::<EntryChange>())
    }
}
