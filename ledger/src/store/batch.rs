//! Writes that go together.

use super::{Family, Store};
use rocksdb::WriteBatch;

/// A batch that needs nothing any more but to be written.
pub(crate) type Writes = WriteBatch;

/// Writes that become visible, and durable, together.
pub(crate) struct Batch<'a> {
    store: &'a Store,
    batch: WriteBatch,
}

impl Batch<'_> {
    pub(crate) fn into_writes(self) -> Writes {
        self.batch
    }

    pub(crate) fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.batch.put_cf(self.store.family(family), key, value);
    }

    /// Deletes all keys from the first up to the second, which stays.
    pub(crate) fn delete_range(&mut self, family: Family, from: &[u8], to: &[u8]) {
        self.batch.delete_range_cf(self.store.family(family), from, to);
    }

    pub(crate) fn delete(&mut self, family: Family, key: &[u8]) {
        self.batch.delete_cf(self.store.family(family), key);
    }
}

impl Store {
    /// A batch with room for so many bytes.
    pub(crate) fn batch_of(&self, bytes: usize) -> Batch<'_> {
        Batch { store: self, batch: WriteBatch::with_capacity_bytes(bytes) }
    }

    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch { store: self, batch: WriteBatch::default() }
    }
}
