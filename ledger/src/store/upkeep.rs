//! What the database takes on disk and in memory, and compaction.

use super::{Family, Store, StoreError, meta};
use rocksdb::statistics::Ticker;
use rocksdb::{BottommostLevelCompaction, CompactOptions, WaitForCompactOptions};

/// Of a family's blobs, the part, as a divisor, that must be garbage before a compaction rewrites them all:
/// a tenth.
const GARBAGE_DIVISOR: u64 = 10;

/// Bytes of a family on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FamilyBytes {
    /// In tables.
    pub(crate) sst: u64,
    /// In blob files.
    pub(crate) blob: u64,
    /// Of those in blob files, what nothing refers to any more.
    pub(crate) garbage: u64,
}

impl Store {
    /// Layout version of the database; none in an empty one.
    pub(crate) fn schema(&self) -> Result<Option<u32>, StoreError> {
        let bytes = self.get(Family::Meta, meta::SCHEMA)?;
        let number = |bytes: Vec<u8>| <[u8; 4]>::try_from(bytes).map(u32::from_le_bytes);
        bytes.map(number).transpose().map_err(|_| self.damaged("schema"))
    }

    /// What a family takes on disk; nothing of what is in memory still.
    pub(crate) fn family_bytes(&self, family: Family) -> Result<FamilyBytes, StoreError> {
        let property = |name: &str| {
            let value = self.db.property_int_value_cf(self.family(family), name);
            Ok::<_, StoreError>(value.map_err(|error| self.refuse(&error))?.unwrap_or(0))
        };
        Ok(FamilyBytes {
            sst: property("rocksdb.live-sst-files-size")?,
            blob: property("rocksdb.live-blob-file-size")?,
            garbage: property("rocksdb.live-blob-file-garbage-size")?,
        })
    }

    /// Writes a family anew, without what was overwritten or deleted. Blobs are rewritten where a tenth of
    /// them is garbage.
    pub(crate) fn compact(&self, family: Family) -> Result<(), StoreError> {
        let handle = self.family(family);
        self.db.flush_cf(handle).map_err(|error| self.refuse(&error))?;
        let bytes = self.family_bytes(family)?;
        if bytes.garbage > 0 && bytes.garbage >= bytes.blob / GARBAGE_DIVISOR {
            let collect =
                [("enable_blob_garbage_collection", "true"), ("blob_garbage_collection_age_cutoff", "1.0")];
            self.db.set_options_cf(handle, &collect).map_err(|error| self.refuse(&error))?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
        self.db.compact_range_cf_opt(handle, None::<&[u8]>, None::<&[u8]>, &options);
        // The call before has no result: what went wrong is told here.
        let done = self.db.wait_for_compact(&WaitForCompactOptions::default());
        done.map_err(|error| self.refuse(&error))
    }

    /// Bytes that the database has written to its files since it was opened, by its own count: the
    /// write-ahead log, flushes with their blobs, and compactions.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        let counters = [Ticker::WalFileBytes, Ticker::FlushWriteBytes, Ticker::CompactWriteBytes];
        counters.map(|counter| self.options.get_ticker_count(counter)).iter().sum()
    }

    /// Bytes in the cache that all families share; writes that are in no file yet are counted there as well.
    pub(crate) fn cached_bytes(&self) -> Result<u64, StoreError> {
        let used = self.db.property_int_value_cf(self.family(Family::State), "rocksdb.block-cache-usage");
        Ok(used.map_err(|error| self.refuse(&error))?.unwrap_or(0))
    }
}
