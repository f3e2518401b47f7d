//! The upper levels: one array, the children of a node side by side, so that one look brings both.

use starling_primitives::nodes;
use std::hint::black_box;

/// A subtree as its parent sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// Zero when the subtree has no key.
    pub(super) hash: [u8; 32],
    /// Whether it has one key, and the hash is that of its leaf.
    pub(super) is_leaf: bool,
}

impl Node {
    pub(super) const EMPTY: Self = Self { hash: [0; 32], is_leaf: false };
}

/// Two hashes in one line of the processor's cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pair([[u8; 32]; 2]);

/// Every node from the root down to the buckets.
#[derive(Clone)]
pub(super) struct Levels {
    /// Levels below the root.
    depth: u32,
    /// The root is at 1, the children of `i` are at `2i` and `2i + 1`, which is pair `i`.
    pairs: Vec<Pair>,
    /// A bit for each hash: whether it is that of a lone leaf.
    leaves: Vec<u64>,
}

impl Levels {
    /// A tree without keys.
    pub(super) fn new(depth: u32) -> Self {
        let count = 1usize << depth;
        Self { depth, pairs: vec![Pair([[0; 32]; 2]); count], leaves: vec![0; count.div_ceil(32)] }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        Self::bytes_for(self.depth)
    }

    pub(super) fn bytes_for(depth: u32) -> usize {
        let count = 1usize << depth;
        count * size_of::<Pair>() + count.div_ceil(32) * size_of::<u64>()
    }

    pub(super) fn node(&self, level: u32, index: u32) -> Node {
        let at = place(level, index);
        Node { hash: self.pairs[at / 2].0[at % 2], is_leaf: self.leaves[at / 64] >> (at % 64) & 1 == 1 }
    }

    pub(super) fn set(&mut self, level: u32, index: u32, node: Node) {
        let at = place(level, index);
        self.pairs[at / 2].0[at % 2] = node.hash;
        self.leaves[at / 64] &= !(1 << (at % 64));
        self.leaves[at / 64] |= u64::from(node.is_leaf) << (at % 64);
    }

    /// Computes all levels anew from the buckets.
    pub(super) fn fill(&mut self) {
        let mut couples = Couples::default();
        for level in (0..self.depth).rev() {
            for first in (0..1 << level).step_by(JOINED_AT_ONCE) {
                let mut indexes = (first..1 << level).take(JOINED_AT_ONCE);
                couples.load(self, level, indexes.clone());
                couples.join(|node| self.set(level, indexes.next().expect("one for each couple"), node));
            }
        }
    }
}

fn place(level: u32, index: u32) -> usize {
    usize::try_from((1u64 << level) + u64::from(index)).expect("levels are within memory")
}

/// Couples that are joined together: a few groups of the widest kernel.
pub(super) const JOINED_AT_ONCE: usize = 32;

/// The children of some nodes.
pub(super) struct Couples {
    hashes: [[[u8; 32]; 2]; JOINED_AT_ONCE],
    are_leaves: [[bool; 2]; JOINED_AT_ONCE],
    count: usize,
}

impl Default for Couples {
    fn default() -> Self {
        Self { hashes: [[[0; 32]; 2]; JOINED_AT_ONCE], are_leaves: [[false; 2]; JOINED_AT_ONCE], count: 0 }
    }
}

impl Couples {
    /// The children of nodes of a level, which are [`JOINED_AT_ONCE`] at the most, as a tree has them.
    pub(super) fn load(&mut self, levels: &Levels, level: u32, indexes: impl Iterator<Item = u32> + Clone) {
        // To look at all of them first lets the waits for memory overlap.
        let looked = indexes.clone().map(|index| levels.pairs[place(level, index)].0[0][0]);
        black_box(looked.fold(0, |sum, byte| sum ^ byte));
        self.count = 0;
        for index in indexes {
            let at = place(level, index);
            let bits = levels.leaves[at / 32] >> (2 * (at % 32));
            self.hashes[self.count] = levels.pairs[at].0;
            self.are_leaves[self.count] = [bits & 1 == 1, bits & 2 == 2];
            self.count += 1;
        }
    }

    /// Another child in one of the couples.
    #[inline]
    pub(super) fn set(&mut self, couple: usize, is_right: bool, hash: &[u8; 32], is_leaf: bool) {
        self.hashes[couple][usize::from(is_right)] = *hash;
        self.are_leaves[couple][usize::from(is_right)] = is_leaf;
    }

    /// The nodes above the couples, in order.
    #[inline]
    pub(super) fn join(&self, mut each: impl FnMut(Node)) {
        let mut joined = [[0; 32]; JOINED_AT_ONCE];
        nodes(&self.hashes[..self.count], &mut joined[..self.count]);
        for ((couple, are_leaves), hash) in self.hashes[..self.count].iter().zip(self.are_leaves).zip(joined)
        {
            // With one key below it, a node is that key's leaf.
            let node = match couple.map(|hash| hash == [0; 32]) {
                [true, true] => Node::EMPTY,
                [true, false] if are_leaves[1] => Node { hash: couple[1], is_leaf: true },
                [false, true] if are_leaves[0] => Node { hash: couple[0], is_leaf: true },
                _ => Node { hash, is_leaf: false },
            };
            each(node);
        }
    }
}
