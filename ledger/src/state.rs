//! The settled state: accounts on disk, what has changed since they were written, those used lately, and the
//! tree over all of them.

mod coming;

pub(crate) use coming::Coming;

use crate::accounts::AccountCache;
use crate::ledger::LedgerOptions;
use crate::overlay::{Overlay, within};
use crate::sorted::order_by_bytes;
use crate::state_tree::{Bucket, BucketNodes, Buckets, Entry, EntryChange, Patch, StateTree, Value, merged};
use crate::store::{Batch, Family, Store, StoreError};
use crate::workers::on_workers;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use starling_consensus::Changes;
use starling_primitives::state::{Account, Proof, StateKey};
use starling_primitives::{Address, StateRoot};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Blocks before the tip at which accounts can be proven.
pub(crate) const PROVEN_BLOCKS: usize = 128;
/// Buckets that one worker reads at a time: an iterator is worth more than one seek.
const READ_TOGETHER: usize = 32;

/// The state at the tip.
pub(crate) struct State {
    store: Arc<Store>,
    tree: StateTree,
    cache: AccountCache,
    /// Bytes for accounts in memory and the tree.
    max_bytes: usize,
    /// The first bucket that nobody has read ahead; none when there is no room for more.
    unread: Option<u32>,
    /// What is not on disk yet.
    overlay: Overlay,
    /// How often what was not on disk was written, or the buckets became others.
    flushes: u64,
    /// What each of the last blocks changed in the tree, the newest last.
    recent: VecDeque<BucketNodes>,
    /// How many nodes of them: full blocks, one after another, leave room for fewer than are proven from.
    max_recent_nodes: usize,
}

impl State {
    /// The state that is on disk, of which as much is kept in memory as the options say.
    ///
    /// `saved` is its tree, if that is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn load(
        store: Arc<Store>,
        within: &LedgerOptions,
        saved: Option<StateTree>,
    ) -> Result<Self, StoreError> {
        let max_bytes = within.account_bytes();
        let mut cache = AccountCache::new(0);
        let (tree, unread) = match saved.filter(|tree| !tree.is_full()) {
            Some(tree) => {
                cache.clear(beside(max_bytes, tree.bytes()));
                (tree, Some(0))
            }
            None => (built(&store, store.estimated_entries(Family::State)?, &mut cache, max_bytes)?, None),
        };
        let max_recent_nodes = within.recent_nodes();
        Ok(Self {
            tree,
            cache,
            max_bytes,
            unread,
            overlay: Overlay::default(),
            flushes: 0,
            recent: VecDeque::new(),
            max_recent_nodes,
            store,
        })
    }

    /// The root.
    pub(crate) fn root(&self) -> StateRoot {
        self.tree.root()
    }

    pub(crate) fn tree(&self) -> &StateTree {
        &self.tree
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn account(&self, address: &Address) -> Result<Account, StoreError> {
        self.account_at(&StateKey::account(address))
    }

    fn account_at(&self, key: &StateKey) -> Result<Account, StoreError> {
        let value = match (self.cache.get(self.tree.bucket(key)), self.overlay.get(key)) {
            (Some(entries), _) => find(entries, key),
            (None, Some(changed)) => changed,
            (None, None) => self.store.state_value(key)?,
        };
        self.decoded(value)
    }

    fn decoded(&self, value: Option<Value>) -> Result<Account, StoreError> {
        let Some(value) = value else { return Ok(Account::default()) };
        Account::decode(&value).map_err(|error| self.store.record_damaged("account", &error.into()))
    }

    /// The accounts of these addresses, read on all cores where they are not in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn touch(&mut self, named: impl Iterator<Item = Address>) -> Result<Touched, StoreError> {
        let order = Self::order(named);
        self.prefetch(order.iter().map(|(key, _)| key))?;
        self.look_up(order)
    }

    /// Each of these addresses once, with its key, ascending by key.
    fn order(named: impl Iterator<Item = Address>) -> Vec<(StateKey, Address)> {
        let addresses: Vec<Address> = named.collect::<HashSet<Address>>().into_iter().collect();
        let keys = StateKey::accounts(&addresses);
        let places = order_by_bytes(&keys, |key| key.as_bytes());
        places.into_iter().map(|at| (keys[at], addresses[at])).collect()
    }

    /// The accounts of these keys, which ascend.
    fn look_up(&self, order: Vec<(StateKey, Address)>) -> Result<Touched, StoreError> {
        let mut accounts = HashMap::with_capacity(order.len());
        for group in order.chunk_by(|(a, _), (b, _)| self.tree.bucket(a) == self.tree.bucket(b)) {
            let bucket = self.tree.bucket(&group[0].0);
            let entries = self.cache.get(bucket);
            for (key, address) in group {
                let account = match entries {
                    Some(entries) => self.decoded(find(entries, key))?,
                    None => self.account_at(key)?,
                };
                accounts.insert(*address, account);
            }
        }
        Ok(Touched { order, accounts })
    }

    /// Brings the buckets of these keys, which ascend, into memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn prefetch<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a StateKey>,
    ) -> Result<(), StoreError> {
        let missing = self.missing(keys);
        let store = &self.store;
        let read = || missing.par_chunks(READ_TOGETHER).map(|some| store.buckets(some)).collect();
        let large = missing.len() > READ_TOGETHER;
        let read: Result<Vec<Vec<Vec<Entry>>>, StoreError> =
            if large { on_workers(read) } else { store.buckets(&missing).map(|all| vec![all]) };
        for (bucket, entries) in missing.iter().zip(read?.into_iter().flatten()) {
            let entries = self.overlay.over(*bucket, entries);
            self.cache.insert(*bucket, entries);
        }
        Ok(())
    }

    /// The buckets of these keys, which ascend, that are not in memory.
    fn missing<'a>(&mut self, keys: impl Iterator<Item = &'a StateKey>) -> Vec<Bucket> {
        let mut missing: Vec<Bucket> = keys.map(|key| self.tree.bucket(key)).collect();
        missing.dedup();
        // Of a crowd, which keeps its nodes, nobody asks for the neighbours.
        missing.retain(|bucket| !self.cache.touch(*bucket) && !self.tree.is_crowd(*bucket));
        missing
    }

    /// Reads accounts that nobody asked for yet, of so many more buckets, as far as there is room for them;
    /// tells whether there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn warm(&mut self, buckets: u32) -> Result<bool, StoreError> {
        let Some(first) = self.unread.take() else { return Ok(false) };
        let last = self.tree.last_bucket();
        let end = last.index.min(first.saturating_add(buckets));
        let some = (first..=end).map(|index| Bucket { index, ..last });
        let some: Vec<Bucket> =
            some.filter(|at| self.cache.get(*at).is_none() && !self.tree.is_crowd(*at)).collect();
        for (bucket, entries) in some.iter().zip(self.store.buckets(&some)?) {
            let entries = self.overlay.over(*bucket, entries);
            if !self.cache.has_room(&entries) {
                return Ok(false);
            }
            self.cache.insert(*bucket, entries);
        }
        self.unread = (end < last.index).then_some(end + 1);
        Ok(self.unread.is_some())
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

    /// What is not on disk yet.
    pub(crate) fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    /// The same with these changes, ascending by key.
    pub(crate) fn overlay_with(&self, changes: &Arc<Vec<EntryChange>>) -> Overlay {
        let mut overlay = self.overlay.clone();
        overlay.push(changes.clone());
        overlay
    }

    /// Follows the changes of a connected block, ascending by key, with which the overlay is this.
    pub(crate) fn connected(&mut self, changes: &[EntryChange], patch: Patch, overlay: Overlay) {
        self.recent.push_back(self.tree.before(&patch));
        let mut nodes: usize = self.recent.iter().map(BucketNodes::len).sum();
        while self.recent.len() > PROVEN_BLOCKS || nodes > self.max_recent_nodes {
            nodes -= self.recent.pop_front().map_or(nodes, |oldest| oldest.len());
        }
        self.apply(changes, patch, overlay);
    }

    /// Follows the changes of a disconnected block.
    pub(crate) fn disconnected(&mut self, changes: &[EntryChange], patch: Patch, overlay: Overlay) {
        self.recent.pop_back();
        self.apply(changes, patch, overlay);
    }

    fn apply(&mut self, changes: &[EntryChange], patch: Patch, overlay: Overlay) {
        self.tree.apply(patch);
        self.overlay = overlay;
        let tree = &self.tree;
        self.cache.change(changes, |key| tree.bucket(key));
    }

    /// All of it is on disk now.
    pub(crate) fn flushed(&mut self) {
        self.overlay = Overlay::default();
        self.flushes += 1;
    }

    /// Bytes of accounts, of changes that wait, and of the tree.
    pub(crate) fn bytes(&self) -> (usize, usize, usize) {
        (self.cache.bytes(), self.overlay.len() * size_of::<EntryChange>(), self.tree.bytes())
    }

    /// Whether the tree should grow.
    pub(crate) fn is_full(&self) -> bool {
        self.tree.is_full()
    }

    /// Builds the tree anew, as deep as its keys ask for, from a state that was flushed. What is known of
    /// earlier blocks is forgotten: the buckets are others now.
    ///
    /// # Errors
    /// [`StoreError`]; nothing can be asked of the state then.
    pub(crate) fn grow(&mut self) -> Result<(), StoreError> {
        self.recent.clear();
        self.unread = None;
        self.flushes += 1;
        // There is no room for both.
        let keys = std::mem::replace(&mut self.tree, StateTree::new(0)).keys();
        self.tree = built(&self.store, keys, &mut self.cache, self.max_bytes)?;
        Ok(())
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

    /// Blocks before the tip that can be proven from.
    pub(crate) fn known_blocks(&self) -> usize {
        self.recent.len()
    }

    /// The tree as it was so many blocks before the tip; none when that is too far back.
    pub(crate) fn back(&self, blocks: usize) -> Option<Past<'_>> {
        let newest_first = self.recent.iter().rev().take(blocks).cloned();
        (blocks <= self.recent.len()).then(|| Past { state: self, tree: self.tree.back(newest_first) })
    }
}

/// Of the bytes for tree and accounts, the part that accounts have however large the tree is: an eighth.
const ACCOUNTS_DIVISOR: usize = 8;

/// Bytes for accounts beside a tree of so many.
fn beside(max_bytes: usize, tree_bytes: usize) -> usize {
    max_bytes.saturating_sub(tree_bytes).max(max_bytes / ACCOUNTS_DIVISOR)
}

/// The tree of all that is on disk, about so many keys; what is read for it stays in memory as far as there
/// is room beside it.
fn built(
    store: &Store,
    keys: u64,
    cache: &mut AccountCache,
    max_bytes: usize,
) -> Result<StateTree, StoreError> {
    let tree = build(store, keys, cache, max_bytes)?;
    if !tree.is_full() {
        return Ok(tree);
    }
    let keys = tree.keys();
    drop(tree);
    build(store, keys, cache, max_bytes)
}

fn build(
    store: &Store,
    keys: u64,
    cache: &mut AccountCache,
    max_bytes: usize,
) -> Result<StateTree, StoreError> {
    cache.clear(beside(max_bytes, StateTree::bytes_for(keys)));
    let mut last: Vec<Entry> = Vec::new();
    let mut keep = |next: Option<&Entry>| {
        let bucket = last.first().map(|(key, _)| StateTree::bucket_among(keys, key));
        let ends = |bucket: &Bucket| next.is_none_or(|(key, _)| !bucket.holds(key));
        if let Some(bucket) = bucket.filter(ends) {
            if cache.has_room(&last) {
                cache.insert(bucket, last.clone());
            }
            last.clear();
        }
        last.extend(next.copied());
    };
    let tree = StateTree::build(keys, store.entries().inspect(|entry| keep(entry.as_ref().ok())));
    keep(None);
    tree
}

impl Buckets for State {
    type Error = StoreError;

    fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, StoreError> {
        match self.cache.get(bucket) {
            Some(entries) => Ok(Cow::Borrowed(entries)),
            None => {
                let on_disk = self.store.buckets(&[bucket])?.pop().unwrap_or_default();
                Ok(Cow::Owned(self.overlay.over(bucket, on_disk)))
            }
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

    fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, StoreError> {
        Ok(Cow::Owned(merged(&self.state.entries(bucket)?, within(self.changes, bucket))))
    }
}

/// The accounts that a block names, as they were before it.
pub(crate) struct Touched {
    /// Their keys, ascending.
    order: Vec<(StateKey, Address)>,
    accounts: HashMap<Address, Account>,
}

impl Touched {
    /// The account of an address, if it is among them.
    pub(crate) fn get(&self, address: &Address) -> Option<Account> {
        self.accounts.get(address).copied()
    }

    /// Changes of some of them as entries of the state, ascending by key: as they were, and as they are.
    pub(crate) fn entries(&self, changes: &Changes) -> (Vec<EntryChange>, Vec<EntryChange>) {
        let changed = self.order.iter().filter_map(|(key, address)| {
            let change = changes.accounts.get(address)?;
            Some(((*key, value(&change.before)), (*key, value(&change.after))))
        });
        changed.unzip()
    }
}

/// The value of a key among the entries of its bucket.
fn find(entries: &[Entry], key: &StateKey) -> Option<Value> {
    entries.binary_search_by_key(key, |(at, _)| *at).ok().map(|at| entries[at].1)
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
