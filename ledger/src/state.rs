//! The settled state: accounts on disk, those used lately in memory, and the tree over all of them.

use crate::accounts::AccountCache;
use crate::state_tree::{Bucket, BucketNodes, Buckets, Entry, EntryChange, Patch, StateTree, Value, merged};
use crate::store::{Batch, Family, Store, StoreError};
use rayon::prelude::*;
use starling_consensus::Changes;
use starling_primitives::state::{Account, Proof, StateKey};
use starling_primitives::{Address, StateRoot};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Bytes of accounts that are kept in memory.
const CACHE_BYTES: usize = 128 << 20;
/// Blocks before the tip at which accounts can be proven.
pub(crate) const PROVEN_BLOCKS: usize = 128;
/// Nodes of buckets that are kept for this: 40 MB. Full blocks, one after another, leave room for fewer.
const PROVEN_NODES: usize = 1_000_000;
/// Buckets that one worker reads at a time: an iterator is worth more than one seek.
const READ_TOGETHER: usize = 32;

/// The state at the tip.
pub(crate) struct State {
    store: Arc<Store>,
    tree: StateTree,
    cache: AccountCache,
    /// What each of the last blocks changed in the tree, the newest last.
    recent: VecDeque<BucketNodes>,
}

impl State {
    /// Reads all accounts once, for the tree; as many as fit stay in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn load(store: Arc<Store>) -> Result<Self, StoreError> {
        let mut state = Self {
            tree: StateTree::new(0),
            cache: AccountCache::new(CACHE_BYTES),
            recent: VecDeque::new(),
            store,
        };
        state.rebuild(state.store.estimated_entries(Family::State)?)?;
        Ok(state)
    }

    /// The root.
    pub(crate) fn root(&self) -> StateRoot {
        self.tree.root()
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn account(&self, address: &Address) -> Result<Account, StoreError> {
        let key = StateKey::account(address);
        let value = match self.cache.get(self.tree.bucket(&key)) {
            Some(entries) => entries.binary_search_by_key(&key, |(at, _)| *at).ok().map(|at| entries[at].1),
            None => self.store.state_value(&key)?,
        };
        let Some(value) = value else { return Ok(Account::default()) };
        Account::decode(&value).map_err(|error| self.store.record_damaged("account", &error.into()))
    }

    /// Brings the buckets of these accounts into memory, on all cores.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn prefetch(&mut self, addresses: impl Iterator<Item = Address>) -> Result<(), StoreError> {
        let bucket = |address| self.tree.bucket(&StateKey::account(&address));
        let mut missing: Vec<Bucket> = addresses.map(bucket).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|bucket| !self.cache.touch(*bucket));
        let store = &self.store;
        let read = missing.par_chunks(READ_TOGETHER).map(|some| store.buckets(some));
        let read: Vec<Vec<Vec<Entry>>> = read.collect::<Result<_, _>>()?;
        for (bucket, entries) in missing.iter().zip(read.into_iter().flatten()) {
            self.cache.insert(*bucket, entries);
        }
        Ok(())
    }

    /// What these changes, ascending by key, would make of the tree.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn patch(&self, changes: &[EntryChange]) -> Result<Patch, StoreError> {
        self.tree.view().patch(changes, self)
    }

    /// The root after a patch and then one more change; `changes` are those of the patch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn root_after(
        &self,
        patch: &Patch,
        changes: &[EntryChange],
        last: EntryChange,
    ) -> Result<StateRoot, StoreError> {
        let (patched, under) = (self.tree.with(patch), Changed { state: self, changes });
        let unchanged = patched.root();
        Ok(patched.patch(&[last], &under)?.root().unwrap_or(unchanged))
    }

    /// Follows the changes of a connected block, ascending by key, that are on disk now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn connected(&mut self, changes: &[EntryChange], patch: Patch) -> Result<(), StoreError> {
        self.recent.push_back(self.tree.before(&patch));
        let mut nodes: usize = self.recent.iter().map(BucketNodes::len).sum();
        while self.recent.len() > PROVEN_BLOCKS || nodes > PROVEN_NODES {
            nodes -= self.recent.pop_front().map_or(nodes, |oldest| oldest.len());
        }
        self.apply(changes, patch)
    }

    /// Follows the changes of a disconnected block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn disconnected(&mut self, changes: &[EntryChange], patch: Patch) -> Result<(), StoreError> {
        self.recent.pop_back();
        self.apply(changes, patch)
    }

    /// Learns, at a start, how to take back one block more below those known: `changed` are its keys, and
    /// `undone` all values since as they were before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn learn_older(
        &mut self,
        changed: &[EntryChange],
        undone: &BTreeMap<StateKey, Option<Value>>,
    ) -> Result<(), StoreError> {
        let mut touched: Vec<Bucket> = changed.iter().map(|(key, _)| self.tree.bucket(key)).collect();
        touched.dedup();
        let read = |bucket: &Bucket| {
            let since = undone.range(bucket.first()..).take_while(|(key, _)| bucket.holds(key));
            let since: Vec<EntryChange> = since.map(|(key, value)| (*key, *value)).collect();
            Ok((bucket.index, merged(&self.entries(*bucket)?, &since)))
        };
        let buckets: Vec<(u32, Vec<Entry>)> = touched.iter().map(read).collect::<Result<_, StoreError>>()?;
        self.recent.push_front(self.tree.nodes_of(&buckets));
        Ok(())
    }

    /// The tree as it was so many blocks before the tip; none when that is too far back.
    pub(crate) fn back(&self, blocks: usize) -> Option<Past<'_>> {
        let newest_first = self.recent.iter().rev().take(blocks).cloned();
        (blocks <= self.recent.len()).then(|| Past { state: self, tree: self.tree.back(newest_first) })
    }

    fn apply(&mut self, changes: &[EntryChange], patch: Patch) -> Result<(), StoreError> {
        self.tree.apply(patch);
        let tree = &self.tree;
        self.cache.change(changes, |key| tree.bucket(key));
        if self.tree.is_full() {
            self.rebuild(self.tree.keys())?;
        }
        Ok(())
    }

    /// Builds the tree anew from disk, as deep as so many keys ask for.
    fn rebuild(&mut self, keys: u64) -> Result<(), StoreError> {
        let store = self.store.clone();
        self.tree = StateTree::build(keys, store.entries())?;
        if self.tree.is_full() {
            self.tree = StateTree::build(self.tree.keys(), store.entries())?;
        }
        self.cache.clear();
        // The buckets are others now.
        self.recent.clear();
        Ok(())
    }
}

impl Buckets for State {
    type Error = StoreError;

    fn entries(&self, bucket: Bucket) -> Result<Vec<Entry>, StoreError> {
        match self.cache.get(bucket) {
            Some(entries) => Ok(entries.to_vec()),
            None => Ok(self.store.buckets(&[bucket])?.pop().unwrap_or_default()),
        }
    }
}

/// The state as it was after an earlier block.
pub(crate) struct Past<'a> {
    state: &'a State,
    tree: Patch,
}

impl Past<'_> {
    /// The bucket from which an account is proven.
    pub(crate) fn bucket(&self, key: &StateKey) -> Bucket {
        self.state.tree.with(&self.tree).end_of(key)
    }

    /// The proof for a key. `undone`, ascending by key, is what was changed since in its [`Past::bucket`], as
    /// it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn prove(&self, key: &StateKey, undone: &[EntryChange]) -> Result<Proof, StoreError> {
        let under = Changed { state: self.state, changes: undone };
        self.state.tree.with(&self.tree).prove(key, &under)
    }
}

/// The state under changes, ascending by key, that are not on disk.
struct Changed<'a> {
    state: &'a State,
    changes: &'a [EntryChange],
}

impl Buckets for Changed<'_> {
    type Error = StoreError;

    fn entries(&self, bucket: Bucket) -> Result<Vec<Entry>, StoreError> {
        Ok(merged(&self.state.entries(bucket)?, within(self.changes, bucket)))
    }
}

/// Of changes, which ascend by key, those in a bucket.
pub(crate) fn within(changes: &[EntryChange], bucket: Bucket) -> &[EntryChange] {
    let first = bucket.first();
    let from = changes.partition_point(|(key, _)| *key < first);
    let count = changes[from..].iter().take_while(|(key, _)| bucket.holds(key)).count();
    &changes[from..from + count]
}

/// Changed accounts as entries of the state, ascending by key: as they were, and as they are.
pub(crate) fn entry_changes(changes: &Changes) -> (Vec<EntryChange>, Vec<EntryChange>) {
    let keyed = changes.accounts.iter().map(|(address, change)| (StateKey::account(address), change));
    let mut keyed: Vec<_> = keyed.collect();
    keyed.sort_unstable_by_key(|(key, _)| *key);
    keyed.iter().map(|(key, change)| ((*key, value(&change.before)), (*key, value(&change.after)))).unzip()
}

/// An account as a value of the state; none when it is absent.
pub(crate) fn value(account: &Account) -> Option<Value> {
    (!account.is_absent()).then(|| account.encode())
}

/// Adds changes of the state to a batch.
pub(crate) fn put_entries(batch: &mut Batch<'_>, changes: &[EntryChange]) {
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(Family::State, key.as_bytes(), value),
            None => batch.delete(Family::State, key.as_bytes()),
        }
    }
}
