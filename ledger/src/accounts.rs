//! Accounts in memory, by the buckets of the state tree: whoever reads an account to change it needs its
//! neighbours a moment later, for the root.

use crate::state_tree::{Bucket, Entry, EntryChange};
use hashbrown::HashMap;
use starling_primitives::state::StateKey;
use std::collections::VecDeque;

/// What a cached bucket takes beside its entries: its place in the map and in the queue, and room to grow in
/// both.
const BUCKET_OVERHEAD_BYTES: usize = 96;
/// The allocator's least step.
const LEAST_STEP_BYTES: usize = 16;

/// Buckets within a bound of bytes. All of it is known elsewhere as well.
///
/// The one that came first leaves first, unless it was used since: then it has its turn again.
pub(crate) struct AccountCache {
    buckets: HashMap<Bucket, Cached>,
    /// Each bucket once, the next to leave first.
    order: VecDeque<Bucket>,
    bytes: usize,
    max_bytes: usize,
    evicted: u64,
}

struct Cached {
    entries: Vec<Entry>,
    used: bool,
}

/// What a bucket takes. The allocator has four sizes for each doubling, and few for what is small.
fn bytes(entries: &[Entry]) -> usize {
    let exact = size_of_val(entries);
    let step = (exact.next_power_of_two() / 8).max(LEAST_STEP_BYTES);
    BUCKET_OVERHEAD_BYTES + exact.next_multiple_of(step)
}

impl AccountCache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { buckets: HashMap::new(), order: VecDeque::new(), bytes: 0, max_bytes, evicted: 0 }
    }

    /// A bucket's entries, ascending by key, if they are here.
    pub(crate) fn get(&self, bucket: Bucket) -> Option<&[Entry]> {
        self.buckets.get(&bucket).map(|cached| &*cached.entries)
    }

    /// Whether a bucket is here; it counts as used now.
    pub(crate) fn touch(&mut self, bucket: Bucket) -> bool {
        self.buckets.get_mut(&bucket).is_some_and(|cached| {
            cached.used = true;
            true
        })
    }

    /// Keeps a bucket as it was read.
    pub(crate) fn insert(&mut self, bucket: Bucket, mut entries: Vec<Entry>) {
        // Room for more would be most of what a bucket takes.
        entries.shrink_to_fit();
        self.bytes += bytes(&entries);
        match self.buckets.insert(bucket, Cached { entries, used: false }) {
            Some(before) => self.bytes -= bytes(&before.entries),
            None => self.order.push_back(bucket),
        }
        self.keep_bound();
    }

    /// Whether there is room for these without another's leaving.
    pub(crate) fn has_room(&self, entries: &[Entry]) -> bool {
        self.bytes + bytes(entries) <= self.max_bytes
    }

    /// Follows a change, ascending by key: buckets that are not here stay away.
    pub(crate) fn change(&mut self, changes: &[EntryChange], bucket_of: impl Fn(&StateKey) -> Bucket) {
        for group in changes.chunk_by(|(a, _), (b, _)| bucket_of(a) == bucket_of(b)) {
            let Some(cached) = self.buckets.get_mut(&bucket_of(&group[0].0)) else { continue };
            self.bytes -= bytes(&cached.entries);
            for (key, value) in group {
                match (cached.entries.binary_search_by_key(key, |(at, _)| *at), value) {
                    (Ok(at), Some(value)) => cached.entries[at].1 = *value,
                    (Ok(at), None) => drop(cached.entries.remove(at)),
                    (Err(at), Some(value)) => {
                        cached.entries.reserve_exact(1);
                        cached.entries.insert(at, (*key, *value));
                    }
                    (Err(_), None) => {}
                }
            }
            self.bytes += bytes(&cached.entries);
        }
        self.keep_bound();
    }

    /// Bytes of what is here.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many buckets have left for others.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn keep_bound(&mut self) {
        while self.bytes > self.max_bytes {
            let Some(bucket) = self.order.pop_front() else { return };
            match self.buckets.get_mut(&bucket) {
                Some(cached) if cached.used => {
                    cached.used = false;
                    self.order.push_back(bucket);
                }
                _ => {
                    let gone = self.buckets.remove(&bucket);
                    self.evicted += 1;
                    self.bytes -= gone.map_or(0, |gone| bytes(&gone.entries));
                }
            }
        }
    }

    /// Forgets all, for the buckets are others now, and has another bound.
    pub(crate) fn clear(&mut self, max_bytes: usize) {
        *self = Self::new(max_bytes);
    }
}

#[cfg(test)]
mod tests;
