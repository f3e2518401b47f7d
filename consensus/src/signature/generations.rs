//! A map of bounded size for many threads at once, out of which goes what was not put in or asked for lately.
//!
//! It is cut into shards, each behind its own lock, which is held for one look-up. A shard has two
//! generations: entries enter the young one, and when that is full it becomes the old one, whose entries go.
//! The hash that chooses shard and place is keyed at random for each map, so that nobody can choose entries
//! that meet; and entries are compared whole, so that two that do meet are never taken for each other.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use std::collections::hash_map::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

/// Locks: with a core for each, two that look up at random places seldom meet. A power of two.
const SHARDS: usize = 32;
/// Where the bits of a hash that choose the shard begin. The table within it takes those below, as many as it
/// is large, and the seven highest.
const SHARD_BIT: u32 = 48;
/// What the table of a generation takes beside its places, in bytes, at most.
const TABLE_BYTES: usize = 64;
/// The places of the smallest table worth having.
const FEWEST_PLACES: usize = 8;

pub(super) struct Generations<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hashes: RandomState,
    /// Entries in a generation of a shard, at most.
    most_young: usize,
}

struct Shard<K, V> {
    young: HashTable<(K, V)>,
    old: HashTable<(K, V)>,
}

impl<K: Copy + Eq + Hash, V: Copy> Generations<K, V> {
    /// A map of at most `max_bytes`. It grows to that as it fills; if it is too small for a few entries in
    /// each shard, it keeps nothing.
    pub(super) fn new(max_bytes: usize) -> Self {
        let shard = || Mutex::new(Shard { young: HashTable::new(), old: HashTable::new() });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hashes: RandomState::new(),
            most_young: most_entries(max_bytes / (2 * SHARDS), size_of::<(K, V)>()),
        }
    }

    /// Whether it can hold anything.
    pub(super) fn keeps_nothing(&self) -> bool {
        self.most_young == 0
    }

    /// Whether there is such an entry. Asking does not make it stay.
    pub(super) fn contains(&self, key: &K) -> bool {
        if self.keeps_nothing() {
            return false;
        }
        let (hash, shard) = self.find(key);
        [&shard.young, &shard.old].iter().any(|table| table.find(hash, |entry| entry.0 == *key).is_some())
    }

    /// The value of an entry, which is now young.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        if self.keeps_nothing() {
            return None;
        }
        let (hash, mut shard) = self.find(key);
        self.rejuvenate(&mut shard, hash, key)
    }

    /// Puts an entry in, which is now young. Of one that is there already the value stays.
    pub(super) fn insert(&self, key: K, value: V) {
        if self.keeps_nothing() {
            return;
        }
        let (hash, mut shard) = self.find(&key);
        if self.rejuvenate(&mut shard, hash, &key).is_none() {
            self.enter(&mut shard, hash, (key, value));
        }
    }

    /// Entries at this moment.
    pub(super) fn len(&self) -> usize {
        self.sum(|shard| shard.young.len() + shard.old.len())
    }

    /// Entries at most.
    pub(super) fn capacity(&self) -> usize {
        2 * SHARDS * self.most_young
    }

    /// Bytes taken at this moment.
    pub(super) fn bytes(&self) -> usize {
        self.sum(|shard| shard.young.allocation_size() + shard.old.allocation_size())
    }

    fn sum(&self, of: impl Fn(&Shard<K, V>) -> usize) -> usize {
        self.shards.iter().map(|shard| of(&lock(shard))).sum()
    }

    fn find(&self, key: &K) -> (u64, MutexGuard<'_, Shard<K, V>>) {
        let hash = self.hashes.hash_one(key);
        let number = usize::from((hash >> SHARD_BIT).to_le_bytes()[0]) % SHARDS;
        (hash, lock(&self.shards[number]))
    }

    fn rejuvenate(&self, shard: &mut Shard<K, V>, hash: u64, key: &K) -> Option<V> {
        if let Some(&(_, value)) = shard.young.find(hash, |entry| entry.0 == *key) {
            return Some(value);
        }
        let old = shard.old.find_entry(hash, |entry| entry.0 == *key).ok()?;
        let (entry, _) = old.remove();
        self.enter(shard, hash, entry);
        Some(entry.1)
    }

    fn enter(&self, shard: &mut Shard<K, V>, hash: u64, entry: (K, V)) {
        if shard.young.len() >= self.most_young {
            core::mem::swap(&mut shard.young, &mut shard.old);
            // Its memory serves the next generation.
            shard.young.clear();
        }
        shard.young.insert_unique(hash, entry, |(key, _)| self.hashes.hash_one(key));
    }
}

/// How much goes in, and nothing of what is.
impl<K, V> fmt::Debug for Generations<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generations")
            .field("capacity", &(2 * SHARDS * self.most_young))
            .finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves nothing half done in a shard.
fn lock<K, V>(shard: &Mutex<Shard<K, V>>) -> MutexGuard<'_, Shard<K, V>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many entries a table of at most `max_bytes` takes: seven eighths of its places, which are a power of
/// two of an entry and one byte each.
fn most_entries(max_bytes: usize, entry_bytes: usize) -> usize {
    let places = max_bytes.saturating_sub(TABLE_BYTES) / (entry_bytes + 1);
    match places.checked_ilog2() {
        Some(bits) if places >= FEWEST_PLACES => (1 << bits) / 8 * 7,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
