//! One budget of memory for the whole process, and what each part of it may use (ledger: RocksDB).
//!
//! | share | what |
//! |---|---|
//! | 5/16 | the ledger: caches and buffers of the database, accounts, changes that wait |
//! | 5/16 | the mempool, up to its own limit |
//! | 1/16 | bodies that are fetched, and as much for checked blocks that wait for their turn |
//! | 1/64 | public keys that signed lately, up to 16 MiB |
//! | the rest | headers, what the state tree has no room for in the ledger, connections, RPC, the program |

/// Bytes that a node may use unless told otherwise.
const USUAL_BYTES: u64 = 1 << 30;
/// The least with which a node works.
const LEAST_BYTES: u64 = 128 << 20;

/// Memory from which on large pages are worth their while.
#[cfg(target_os = "linux")]
const LARGE_PAGES_FROM: u64 = 512 << 20;

/// What an import needs beside its ledger, headers aside.
const IMPORT_REST_BYTES: usize = 160 << 20;
/// Keys that signed lately are worth no more: 57,344 of them.
const MOST_KEY_BYTES: usize = 16 << 20;

/// What the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: USUAL_BYTES }
    }
}

impl Budget {
    /// A budget of so many bytes; none below 128 MiB.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        (bytes >= LEAST_BYTES).then_some(Self { bytes })
    }

    /// All of it, in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.bytes
    }

    /// To be called before memory is used. Large pages save time where there is much of it; with little, they
    /// take too much, for each is taken whole, and the kernel goes on for minutes to make them of small ones.
    pub(crate) fn choose_pages(self) {
        #[cfg(target_os = "linux")]
        if self.bytes < LARGE_PAGES_FROM
            && let Err(error) = nix::sys::prctl::set_thp_disable(true)
        {
            tracing::debug!(%error, "large pages cannot be switched off");
        }
    }

    /// For the ledger.
    #[must_use]
    pub fn ledger_bytes(self) -> usize {
        self.sixteenths(5)
    }

    /// For the mempool.
    #[must_use]
    pub fn pool_bytes(self) -> usize {
        self.sixteenths(5)
    }

    /// For bodies on their way, and again for checked blocks that wait.
    #[must_use]
    pub fn body_bytes(self) -> usize {
        self.sixteenths(1)
    }

    /// For keys that signed lately.
    #[must_use]
    pub fn key_bytes(self) -> usize {
        MOST_KEY_BYTES.min(self.sixteenths(1) / 4)
    }

    /// For the ledger of an import, which has no mempool.
    #[must_use]
    pub fn import_ledger_bytes(self) -> usize {
        let all = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        all.saturating_sub(IMPORT_REST_BYTES).max(self.sixteenths(4))
    }

    /// For the blocks of a file that are checked ahead.
    #[must_use]
    pub fn import_bytes(self) -> usize {
        self.sixteenths(2)
    }

    fn sixteenths(self, count: u64) -> usize {
        usize::try_from(self.bytes / 16 * count).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
