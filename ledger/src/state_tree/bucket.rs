//! Below the upper levels: the few keys that share a prefix, hashed together with those of other buckets.

use super::crowd::Crowd;
use super::levels::Node;
use super::{CROWD_KEYS, Entry};
use starling_primitives::nodes;
use starling_primitives::state::{self, Account, StateKey, leaf_block};

/// Buckets that are hashed together: enough to fill the kernels, few enough to stay in the processor's cache.
pub(super) const HASHED_AT_ONCE: usize = 128;
/// Blocks that are laid out before they are hashed: a few groups of the widest kernel.
const BLOCKS_AT_ONCE: usize = 32;

/// Some buckets, whose entries are collected first and then hashed together.
#[derive(Default)]
pub(super) struct Subtrees {
    /// The entries of all buckets, those of each ascending by key.
    pub(super) entries: Vec<Entry>,
    /// Index of a bucket, and where its entries begin.
    starts: Vec<(u32, usize)>,
    plan: Plan,
    /// That of nothing, those of the leaves, and those of the joins rank by rank; then what is left from
    /// earlier.
    hashes: Vec<[u8; 32]>,
}

impl Subtrees {
    /// Begins a bucket: the entries that follow are its.
    pub(super) fn begin(&mut self, index: u32) {
        self.starts.push((index, self.entries.len()));
    }

    /// The index of the bucket begun last.
    pub(super) fn last(&self) -> Option<u32> {
        self.starts.last().map(|(index, _)| *index)
    }

    /// Whether there are enough buckets to hash them.
    pub(super) fn are_enough(&self) -> bool {
        self.starts.len() >= HASHED_AT_ONCE
    }

    /// Those of the buckets that have so many keys that they keep their nodes.
    pub(super) fn crowds(&self, depth: usize) -> impl Iterator<Item = (u32, Crowd)> {
        let crowded = buckets(&self.starts, &self.entries).filter(|(_, all)| all.len() > CROWD_KEYS);
        crowded.map(move |(index, entries)| (index, Crowd::of(entries, depth)))
    }

    /// Hashes the buckets, in order, whose entries share their first `depth` bits, and forgets them.
    pub(super) fn hash(&mut self, depth: usize, mut each: impl FnMut(u32, Node)) {
        let mut tops = Vec::with_capacity(self.starts.len());
        let mut leaves = 0;
        for (index, entries) in buckets(&self.starts, &self.entries) {
            tops.push((index, self.plan.subtree(entries, leaves, depth), entries.len() == 1));
            leaves += entries.len();
        }
        let count = 1 + leaves + self.plan.ranks.iter().map(Vec::len).sum::<usize>();
        if self.hashes.len() < count {
            self.hashes.resize(count, [0; 32]);
        }
        self.hash_leaves();
        let starts = self.hash_joins();
        for (index, top, is_leaf) in tops {
            each(index, Node { hash: self.hashes[starts[top.rank] + top.nth], is_leaf });
        }
        self.entries.clear();
        self.starts.clear();
        self.plan.ranks.iter_mut().for_each(Vec::clear);
    }

    fn hash_leaves(&mut self) {
        let block = |(key, value): &Entry| leaf_block(key, value).expect("an account's leaf is one block");
        // Key and value come first in a block; what follows is the same in all of them.
        let mut blocks = [block(&(StateKey::new([0; 32]), [0; Account::BYTES])); BLOCKS_AT_ONCE];
        let hashes = self.hashes[1..=self.entries.len()].chunks_mut(BLOCKS_AT_ONCE);
        for (entries, hashes) in self.entries.chunks(BLOCKS_AT_ONCE).zip(hashes) {
            for (block, (key, value)) in blocks.iter_mut().zip(entries) {
                block[..32].copy_from_slice(key.as_bytes());
                block[32..32 + Account::BYTES].copy_from_slice(value);
            }
            state::leaves(&blocks[..entries.len()], hashes);
        }
    }

    /// Tells where the hashes of each rank begin.
    fn hash_joins(&mut self) -> Vec<usize> {
        let mut starts = vec![0];
        let mut start = 1 + self.entries.len();
        let mut pairs = [[[0; 32]; 2]; BLOCKS_AT_ONCE];
        for joins in &self.plan.ranks {
            starts.push(start);
            let (below, hashes) = self.hashes.split_at_mut(start);
            let hashes = hashes[..joins.len()].chunks_mut(BLOCKS_AT_ONCE);
            for (joins, hashes) in joins.chunks(BLOCKS_AT_ONCE).zip(hashes) {
                for (pair, [left, right]) in pairs.iter_mut().zip(joins) {
                    pair[0] = below[starts[left.rank] + left.nth];
                    pair[1] = below[starts[right.rank] + right.nth];
                }
                nodes(&pairs[..joins.len()], hashes);
            }
            start += joins.len();
        }
        starts
    }
}

fn buckets<'a>(starts: &'a [(u32, usize)], entries: &'a [Entry]) -> impl Iterator<Item = (u32, &'a [Entry])> {
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([entries.len()]);
    starts.iter().zip(ends).map(|((index, start), end)| (*index, &entries[*start..end]))
}

/// The subtree of entries that share their first `depth` bits.
pub(super) fn hash_bucket(entries: &[Entry], depth: usize) -> Node {
    let mut subtrees = Subtrees { entries: entries.to_vec(), ..Subtrees::default() };
    subtrees.starts.push((0, 0));
    let mut top = Node::EMPTY;
    subtrees.hash(depth, |_, node| top = node);
    top
}

/// A part of a subtree: nothing or a leaf has rank 0, a join the rank above those of what it joins.
#[derive(Clone, Copy)]
struct Part {
    rank: usize,
    /// Its number among those of its rank.
    nth: usize,
}

impl Part {
    /// In front of the leaves.
    const NOTHING: Self = Self { rank: 0, nth: 0 };
}

/// What is to be joined.
#[derive(Default)]
struct Plan {
    /// By rank, from 1 on: no join needs another of its rank, so that these can be hashed together.
    ranks: Vec<Vec<[Part; 2]>>,
    /// Parts that wait for what is on their right, each with the bit at which the two split.
    waiting: Vec<(Part, usize)>,
}

impl Plan {
    fn join(&mut self, left: Part, right: Part) -> Part {
        let below = left.rank.max(right.rank);
        if self.ranks.len() == below {
            self.ranks.push(Vec::new());
        }
        self.ranks[below].push([left, right]);
        Part { rank: below + 1, nth: self.ranks[below].len() - 1 }
    }

    /// Plans the subtree of entries that share their first `depth` bits and follow so many other `leaves`.
    ///
    /// From left to right: a part waits for its sibling, and is joined with it as soon as the next key splits
    /// off above the two.
    fn subtree(&mut self, entries: &[Entry], leaves: usize, depth: usize) -> Part {
        let mut part = Part::NOTHING;
        for (at, (key, _)) in entries.iter().enumerate() {
            part = Part { rank: 0, nth: 1 + leaves + at };
            let split = entries.get(at + 1).map(|(next, _)| split(key, next));
            while let Some((left, joint)) =
                self.waiting.pop_if(|(_, bit)| split.is_none_or(|split| split < *bit))
            {
                part = self.join(left, part);
                // Up to the next split every sibling is empty.
                let above = self.waiting.last().map(|(_, bit)| *bit).max(split);
                for bit in (above.map_or(depth, |bit| bit + 1)..joint).rev() {
                    let (left, right) =
                        if key.bit(bit) { (Part::NOTHING, part) } else { (part, Part::NOTHING) };
                    part = self.join(left, right);
                }
            }
            self.waiting.extend(split.map(|split| (part, split)));
        }
        part
    }
}

/// The first bit in which two keys differ.
fn split(one: &StateKey, other: &StateKey) -> usize {
    let halves = |key: &StateKey| {
        let (halves, _) = key.as_bytes().as_chunks::<16>();
        [u128::from_be_bytes(halves[0]), u128::from_be_bytes(halves[1])]
    };
    let ([one, below], [other, below_other]) = (halves(one), halves(other));
    let bits = match one ^ other {
        0 => 128 + (below ^ below_other).leading_zeros(),
        differing => differing.leading_zeros(),
    };
    usize::try_from(bits).expect("at most 256")
}

#[cfg(test)]
mod tests;
