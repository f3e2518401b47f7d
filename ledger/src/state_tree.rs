//! The state tree: every node down to buckets of a few keys each, in one array, and what lies below computed
//! from the keys themselves when it is needed (formats: State).
//!
//! A bucket is all keys that share a prefix; they lie side by side in key order, so a change costs one read
//! of its few neighbours and no node of the lower levels is ever stored. A bucket of many keys, which
//! somebody may have ground, keeps its nodes ([`Crowd`]). There is one version: a change is worked out as a
//! [`Patch`], which touches nothing, and applied when its root is the right one. A patch can also be looked
//! through, as a template or an old block's proof needs it.

mod bucket;
mod checkpoint;
mod crowd;
mod levels;
mod rows;

pub(crate) use checkpoint::Outline;

use bucket::{HASHED_AT_ONCE, Subtrees, hash_bucket};
use crowd::Crowd;
use levels::{Levels, Node};
use rows::{Row, Rows};
use starling_primitives::StateRoot;
use starling_primitives::state::{Account, Found, OtherLeaf, Proof, StateKey};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;

/// Keys in a bucket from which on it keeps its inner nodes.
const CROWD_KEYS: usize = 64;
/// Keys for each bucket, on average, at which a small tree should grow: fewer to hash at each change.
const ROOMY_KEYS: u64 = 2;
/// The depth from which on memory counts for more: 64 MiB.
const ROOMY_DEPTH: u32 = 20;
/// Keys for each bucket, on average, at which a large tree should grow: 8 to 16 bytes of tree for each key.
const FULL_KEYS: u64 = 8;
/// Levels of the smallest tree.
const LEAST_DEPTH: u32 = 8;
/// Levels of the largest tree: 2^28 buckets are two thousand million accounts.
const GREATEST_DEPTH: u32 = 28;

/// Bits of a key.
const KEY_BITS: usize = 256;

/// The value of a key.
pub(crate) type Value = [u8; Account::BYTES];
/// A key and its value.
pub(crate) type Entry = (StateKey, Value);
/// A key and its new value; none removes it.
pub(crate) type EntryChange = (StateKey, Option<Value>);

/// The keys that share their first `depth` bits with `index`, the uppermost bits of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bucket {
    /// Bits shared.
    pub(crate) depth: u32,
    /// Those bits as a number.
    pub(crate) index: u32,
}

impl Bucket {
    fn of(key: &StateKey, depth: u32) -> Self {
        let first = u32::from_be_bytes(*key.as_bytes().first_chunk().expect("4 of 32 bytes"));
        Self { depth, index: first >> (32 - depth) }
    }

    /// The least key of the bucket.
    pub(crate) fn first(self) -> StateKey {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&(self.index << (32 - self.depth)).to_be_bytes());
        StateKey::new(bytes)
    }

    /// Whether a key is in the bucket.
    pub(crate) fn holds(self, key: &StateKey) -> bool {
        Self::of(key, self.depth) == self
    }
}

/// Where the entries of a bucket are read, as they are before any change at hand.
pub(crate) trait Buckets {
    /// Why reading failed.
    type Error;

    /// The bucket's entries, ascending by key; not copied where they lie in memory.
    ///
    /// # Errors
    /// When they cannot be read.
    fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, Self::Error>;
}

/// The tree at the tip.
pub(crate) struct StateTree {
    levels: Levels,
    crowds: BTreeMap<u32, Crowd>,
    keys: u64,
}

/// What a change makes of the tree, not applied yet.
#[derive(Default)]
pub(crate) struct Patch {
    rows: Rows,
    crowds: BTreeMap<u32, Crowd>,
    keys_added: u64,
    keys_removed: u64,
}

/// Nodes of buckets, as they were before a change.
#[derive(Clone, Default)]
pub(crate) struct BucketNodes(Row);

impl BucketNodes {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The tree as it would be after a patch.
#[derive(Clone, Copy)]
pub(crate) struct Patched<'a> {
    tree: &'a StateTree,
    patch: Option<&'a Patch>,
}

impl StateTree {
    /// A tree without keys, of a depth that suits so many.
    pub(crate) fn new(keys: u64) -> Self {
        Self::of_depth(depth_for(keys))
    }

    fn of_depth(depth: u32) -> Self {
        Self { levels: Levels::new(depth), crowds: BTreeMap::new(), keys: 0 }
    }

    /// Bytes in memory of a tree that suits so many keys.
    pub(crate) fn bytes_for(keys: u64) -> usize {
        Levels::bytes_for(depth_for(keys))
    }

    /// The bucket of a key in a tree that suits so many keys.
    pub(crate) fn bucket_among(keys: u64, key: &StateKey) -> Bucket {
        Bucket::of(key, depth_for(keys))
    }

    /// The tree of all entries, ascending by key; `keys` says about how many there are.
    ///
    /// # Errors
    /// The first error that `entries` meets.
    pub(crate) fn build<E>(keys: u64, entries: impl Iterator<Item = Result<Entry, E>>) -> Result<Self, E> {
        let mut tree = Self::new(keys);
        let mut subtrees = Subtrees::default();
        for entry in entries {
            let entry = entry?;
            let index = tree.bucket(&entry.0).index;
            if subtrees.last() != Some(index) {
                if subtrees.are_enough() {
                    tree.add(&mut subtrees);
                }
                subtrees.begin(index);
            }
            subtrees.entries.push(entry);
            tree.keys += 1;
        }
        tree.add(&mut subtrees);
        tree.levels.fill();
        Ok(tree)
    }

    /// Takes in whole buckets; the levels above do not know of them yet.
    fn add(&mut self, subtrees: &mut Subtrees) {
        let depth = self.levels.depth();
        self.crowds.extend(subtrees.crowds(bits(depth)));
        subtrees.hash(bits(depth), |index, node| self.levels.set(depth, index, node));
    }

    /// The root over all keys.
    pub(crate) fn root(&self) -> StateRoot {
        StateRoot::new(self.levels.node(0, 0).hash)
    }

    /// Keys in the tree.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// Bytes in memory, but for crowds: those are somebody's doing, and bounded by what it costs.
    pub(crate) fn bytes(&self) -> usize {
        self.levels.bytes()
    }

    /// Whether buckets have become so full that the tree should be built anew.
    pub(crate) fn is_full(&self) -> bool {
        depth_for(self.keys) > self.levels.depth()
    }

    /// The bucket of a key.
    pub(crate) fn bucket(&self, key: &StateKey) -> Bucket {
        Bucket::of(key, self.levels.depth())
    }

    /// The bucket of the greatest keys.
    pub(crate) fn last_bucket(&self) -> Bucket {
        self.bucket(&StateKey::new([0xff; 32]))
    }

    /// Whether a bucket has so many keys that it keeps its nodes.
    pub(crate) fn is_crowd(&self, bucket: Bucket) -> bool {
        self.crowds.contains_key(&bucket.index)
    }

    /// Makes a change the tree's own.
    pub(crate) fn apply(&mut self, patch: Patch) {
        for (level, row) in (0..).zip(patch.rows.iter()) {
            row.iter().for_each(|(index, node)| self.levels.set(level, index, node));
        }
        self.crowds.extend(patch.crowds);
        self.keys = self.keys.saturating_add(patch.keys_added).saturating_sub(patch.keys_removed);
    }

    /// The nodes of the buckets that a patch is about to change, as they are.
    pub(crate) fn before(&self, patch: &Patch) -> BucketNodes {
        let depth = self.levels.depth();
        let changed = patch.rows.buckets().map_or(&[][..], Row::indexes);
        let mut row = Row::with_capacity(changed.len());
        for index in changed {
            row.push(*index, self.levels.node(depth, *index));
        }
        BucketNodes(row)
    }

    /// The nodes of buckets with these entries.
    pub(crate) fn nodes_of(&self, buckets: &[(u32, Vec<Entry>)]) -> BucketNodes {
        let (mut row, mut subtrees) = (Row::with_capacity(buckets.len()), Subtrees::default());
        for some in buckets.chunks(HASHED_AT_ONCE) {
            for (index, entries) in some {
                subtrees.begin(*index);
                subtrees.entries.extend_from_slice(entries);
            }
            subtrees.hash(bits(self.levels.depth()), |index, node| row.push(index, node));
        }
        BucketNodes(row)
    }

    /// The tree as it was: `nodes` are those of [`StateTree::before`], of the newest change first. Of what it
    /// was, nodes alone are known: it can be proven from, not changed.
    pub(crate) fn back(&self, nodes: impl Iterator<Item = BucketNodes>) -> Patch {
        let mut oldest: BTreeMap<u32, Node> = BTreeMap::new();
        nodes.for_each(|nodes| oldest.extend(nodes.0.iter()));
        let mut row = Row::with_capacity(oldest.len());
        oldest.into_iter().for_each(|(index, node)| row.push(index, node));
        Patch { rows: Rows::above(row, &self.levels, &Rows::default()), ..Patch::default() }
    }

    /// The tree as it is.
    pub(crate) fn view(&self) -> Patched<'_> {
        Patched { tree: self, patch: None }
    }

    /// The tree as it would be after a change.
    pub(crate) fn with<'a>(&'a self, patch: &'a Patch) -> Patched<'a> {
        Patched { tree: self, patch: Some(patch) }
    }
}

impl Patch {
    /// The root after the change; none when nothing changes.
    pub(crate) fn root(&self) -> Option<StateRoot> {
        Some(StateRoot::new(self.rows.top()?.hash))
    }

    /// Takes in whole buckets, all behind those in the row.
    fn add(&mut self, subtrees: &mut Subtrees, depth: u32, row: &mut Row) {
        self.crowds.extend(subtrees.crowds(bits(depth)));
        subtrees.hash(bits(depth), |index, node| row.push(index, node));
    }
}

impl Patched<'_> {
    /// The root.
    pub(crate) fn root(&self) -> StateRoot {
        self.patch.and_then(Patch::root).unwrap_or_else(|| self.tree.root())
    }

    /// What changes, ascending by key, make of this tree. The buckets are read as this tree has them.
    ///
    /// # Errors
    /// When a bucket cannot be read.
    pub(crate) fn patch<B: Buckets>(&self, changes: &[EntryChange], buckets: &B) -> Result<Patch, B::Error> {
        let depth = self.tree.levels.depth();
        let mut patch = Patch::default();
        let (mut row, mut subtrees) = (Row::with_capacity(changes.len()), Subtrees::default());
        let mut groups = changes.chunk_by(|(a, _), (b, _)| Bucket::of(a, depth) == Bucket::of(b, depth));
        loop {
            let some: Vec<_> = groups.by_ref().take(HASHED_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            let read = self.read(&some, buckets)?;
            for (group, entries) in some.iter().zip(read) {
                let index = Bucket::of(&group[0].0, depth).index;
                let Some(crowd) = self.crowd(index) else {
                    subtrees.begin(index);
                    merge(&entries, group, &mut patch, &mut subtrees.entries);
                    continue;
                };
                let crowd = crowd.changed(group, bits(depth), &mut patch);
                patch.add(&mut subtrees, depth, &mut row);
                row.push(index, crowd.top());
                patch.crowds.insert(index, crowd);
            }
            patch.add(&mut subtrees, depth, &mut row);
        }
        let none = Rows::default();
        patch.rows = Rows::above(row, &self.tree.levels, self.patch.map_or(&none, |patch| &patch.rows));
        Ok(patch)
    }

    /// The entries of the buckets of groups of changes; nothing for crowds, which need none.
    fn read<'b, B: Buckets>(
        &self,
        groups: &[&[EntryChange]],
        buckets: &'b B,
    ) -> Result<Vec<Cow<'b, [Entry]>>, B::Error> {
        let read = groups.iter().map(|group| {
            let bucket = self.tree.bucket(&group[0].0);
            if self.crowd(bucket.index).is_some() { Ok(Cow::default()) } else { buckets.entries(bucket) }
        });
        let read: Vec<Cow<'b, [Entry]>> = read.collect::<Result<_, _>>()?;
        // To look at all of them first lets the waits for memory overlap.
        let looked = read.iter().flat_map(|entries| entries.iter()).map(|(key, _)| key.as_bytes()[0]);
        black_box(looked.fold(0, |sum, byte| sum ^ byte));
        Ok(read)
    }

    /// The bucket in which the way to a key ends: its own, or that of the lone leaf met before.
    pub(crate) fn end_of(&self, key: &StateKey) -> Bucket {
        let depth = self.tree.levels.depth();
        let bucket = Bucket::of(key, depth);
        let lone = |level: &u32| self.node(*level, bucket.index >> (depth - level)).is_leaf;
        (0..depth).find(lone).map_or(bucket, |level| self.lone(level, bucket.index >> (depth - level)))
    }

    /// The proof for a key (formats: State).
    ///
    /// # Errors
    /// When the bucket of [`Patched::end_of`] cannot be read.
    pub(crate) fn prove<B: Buckets>(&self, key: &StateKey, buckets: &B) -> Result<Proof, B::Error> {
        let depth = self.tree.levels.depth();
        let index = Bucket::of(key, depth).index;
        let mut way = Way::default();
        for level in 0..depth {
            if self.node(level, index >> (depth - level)).is_leaf {
                break;
            }
            way.meet(bits(level), self.node(level + 1, index >> (depth - level - 1) ^ 1).hash);
        }
        Ok(way.end(key, &buckets.entries(self.end_of(key))?, bits(depth)))
    }

    /// The bucket of the one key below a node.
    fn lone(&self, mut level: u32, mut index: u32) -> Bucket {
        let depth = self.tree.levels.depth();
        while level < depth {
            (level, index) = (level + 1, index * 2);
            index += u32::from(self.node(level, index) == Node::EMPTY);
        }
        Bucket { depth, index }
    }

    fn node(&self, level: u32, index: u32) -> Node {
        let found = self.patch.and_then(|patch| patch.rows.node(level, index));
        found.unwrap_or_else(|| self.tree.levels.node(level, index))
    }

    fn crowd(&self, index: u32) -> Option<&Crowd> {
        let patched = self.patch.and_then(|patch| patch.crowds.get(&index));
        patched.or_else(|| self.tree.crowds.get(&index))
    }
}

fn depth_for(keys: u64) -> u32 {
    let suits = |depth: &u32| keys <= (if *depth < ROOMY_DEPTH { ROOMY_KEYS } else { FULL_KEYS }) << depth;
    (LEAST_DEPTH..GREATEST_DEPTH).find(suits).unwrap_or(GREATEST_DEPTH)
}

/// Levels as bits of a key.
fn bits(levels: u32) -> usize {
    usize::try_from(levels).expect("at most 28")
}

/// A bucket's entries after its changes; both ascend by key.
pub(crate) fn merged(entries: &[Entry], changes: &[EntryChange]) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(entries.len() + changes.len());
    merge(entries, changes, &mut Patch::default(), &mut merged);
    merged
}

fn merge(entries: &[Entry], changes: &[EntryChange], patch: &mut Patch, merged: &mut Vec<Entry>) {
    let mut rest = entries;
    for (key, value) in changes {
        let (before, from) = rest.split_at(rest.partition_point(|(other, _)| other < key));
        let was_there = from.first().is_some_and(|(other, _)| other == key);
        patch.keys_added += u64::from(!was_there && value.is_some());
        patch.keys_removed += u64::from(was_there && value.is_none());
        merged.extend_from_slice(before);
        merged.extend(value.map(|value| (*key, value)));
        rest = &from[usize::from(was_there)..];
    }
    merged.extend_from_slice(rest);
}

/// A proof on its way from the root down.
#[derive(Default)]
struct Way {
    bitmap: [u8; 32],
    siblings: Vec<[u8; 32]>,
}

impl Way {
    fn meet(&mut self, bit: usize, sibling: [u8; 32]) {
        if sibling != [0; 32] {
            self.bitmap[bit / 8] |= 0x80 >> (bit % 8);
            self.siblings.push(sibling);
        }
    }

    /// Goes on among the entries of the bucket, which share their first `depth` bits.
    fn end(mut self, key: &StateKey, entries: &[Entry], depth: usize) -> Proof {
        let mut rest = entries;
        for bit in depth..KEY_BITS {
            if rest.len() <= 1 {
                break;
            }
            let (left, right) = rest.split_at(rest.partition_point(|(other, _)| !other.bit(bit)));
            let (ours, sibling) = if key.bit(bit) { (right, left) } else { (left, right) };
            self.meet(bit, hash_bucket(sibling, bit + 1).hash);
            rest = ours;
        }
        let found = match rest.first() {
            Some((at, value)) if at == key => Found::Value(value.to_vec()),
            Some((at, value)) => Found::Other(OtherLeaf { key: *at, value: value.to_vec() }),
            None => Found::Nothing,
        };
        Proof { found, bitmap: self.bitmap, siblings: self.siblings }
    }
}

#[cfg(test)]
mod tests;
