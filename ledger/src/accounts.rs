//! Accounts in memory, by the buckets of the state tree: whoever reads an account to change it needs its
//! neighbours a moment later, for the root.

use crate::state_tree::{Bucket, Entry, EntryChange};
use hashbrown::HashMap;
use starling_primitives::state::StateKey;

/// What a cached bucket takes beside its entries.
const BUCKET_OVERHEAD_BYTES: usize = 64;

/// The buckets read or written last, within a bound of bytes. All of it is on disk as well.
///
/// There are two generations: what is used enters the young one, and when that has half of the bytes it
/// becomes the old one, whose like is forgotten. So whatever is kept has been used more lately than what is
/// not, give or take a generation, at the price of one lookup.
pub(crate) struct AccountCache {
    young: Generation,
    old: Generation,
    max_bytes: usize,
}

#[derive(Default)]
struct Generation {
    buckets: HashMap<Bucket, Vec<Entry>>,
    bytes: usize,
}

impl Generation {
    fn insert(&mut self, bucket: Bucket, entries: Vec<Entry>) {
        self.bytes += bytes(&entries);
        if let Some(before) = self.buckets.insert(bucket, entries) {
            self.bytes -= bytes(&before);
        }
    }

    fn remove(&mut self, bucket: &Bucket) -> Option<Vec<Entry>> {
        let entries = self.buckets.remove(bucket)?;
        self.bytes -= bytes(&entries);
        Some(entries)
    }
}

fn bytes(entries: &[Entry]) -> usize {
    BUCKET_OVERHEAD_BYTES + size_of_val(entries)
}

impl AccountCache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { young: Generation::default(), old: Generation::default(), max_bytes }
    }

    /// A bucket's entries, ascending by key, if they are here.
    pub(crate) fn get(&self, bucket: Bucket) -> Option<&[Entry]> {
        let entries = self.young.buckets.get(&bucket).or_else(|| self.old.buckets.get(&bucket))?;
        Some(entries)
    }

    /// Whether a bucket is here; it counts as used now.
    pub(crate) fn touch(&mut self, bucket: Bucket) -> bool {
        if self.young.buckets.contains_key(&bucket) {
            return true;
        }
        let Some(entries) = self.old.remove(&bucket) else { return false };
        self.insert(bucket, entries);
        true
    }

    /// Keeps a bucket as it was read or has become.
    pub(crate) fn insert(&mut self, bucket: Bucket, entries: Vec<Entry>) {
        self.old.remove(&bucket);
        self.young.insert(bucket, entries);
        if self.young.bytes > self.max_bytes / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// Follows a change, ascending by key, that is on disk now: buckets that are not here stay away.
    pub(crate) fn change(&mut self, changes: &[EntryChange], bucket_of: impl Fn(&StateKey) -> Bucket) {
        for group in changes.chunk_by(|(a, _), (b, _)| bucket_of(a) == bucket_of(b)) {
            let bucket = bucket_of(&group[0].0);
            let Some(mut entries) = self.young.remove(&bucket).or_else(|| self.old.remove(&bucket)) else {
                continue;
            };
            for (key, value) in group {
                match (entries.binary_search_by_key(key, |(at, _)| *at), value) {
                    (Ok(at), Some(value)) => entries[at].1 = *value,
                    (Ok(at), None) => drop(entries.remove(at)),
                    (Err(at), Some(value)) => entries.insert(at, (*key, *value)),
                    (Err(_), None) => {}
                }
            }
            self.insert(bucket, entries);
        }
    }

    /// Bytes of what is here.
    pub(crate) fn bytes(&self) -> usize {
        self.young.bytes + self.old.bytes
    }

    /// Forgets all: the buckets are others now.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.max_bytes);
    }
}

#[cfg(test)]
mod tests;
