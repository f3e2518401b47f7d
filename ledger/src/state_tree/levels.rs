//! The upper levels: one array, the children of a node side by side, so that a pair is hashed where it lies.

use starling_primitives::nodes;

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

    fn is_empty(&self) -> bool {
        self.hash == [0; 32]
    }
}

/// Nodes that are computed together while a level is filled.
const FILLED_AT_ONCE: u32 = 16_384;

/// Nodes of one level, by ascending index.
pub(super) type Row = Vec<(u32, Node)>;

/// Every node from the root down to the buckets.
#[derive(Clone)]
pub(super) struct Levels {
    /// Levels below the root.
    depth: u32,
    /// The root is at 1, the children of `i` are at `2i` and `2i + 1`.
    hashes: Vec<[u8; 32]>,
    /// A bit for each hash: whether it is that of a lone leaf.
    leaves: Vec<u64>,
}

impl Levels {
    /// A tree without keys.
    pub(super) fn new(depth: u32) -> Self {
        let count = 2usize << depth;
        Self { depth, hashes: vec![[0; 32]; count], leaves: vec![0; count.div_ceil(64)] }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.hashes) + size_of_val(&*self.leaves)
    }

    pub(super) fn node(&self, level: u32, index: u32) -> Node {
        let at = place(level, index);
        Node { hash: self.hashes[at], is_leaf: self.leaves[at / 64] >> (at % 64) & 1 == 1 }
    }

    pub(super) fn set(&mut self, level: u32, index: u32, node: Node) {
        let at = place(level, index);
        self.hashes[at] = node.hash;
        self.leaves[at / 64] &= !(1 << (at % 64));
        self.leaves[at / 64] |= u64::from(node.is_leaf) << (at % 64);
    }

    /// Computes a level anew from the one below.
    pub(super) fn fill(&mut self, level: u32) {
        let count = 1u32 << level;
        for nth in 0..count.div_ceil(FILLED_AT_ONCE) {
            let first = nth * FILLED_AT_ONCE;
            let end = first.saturating_add(FILLED_AT_ONCE).min(count);
            let row: Row = (2 * first..2 * end).map(|index| (index, self.node(level + 1, index))).collect();
            for (index, node) in Self::parents(&row, |index| self.node(level + 1, index)) {
                self.set(level, index, node);
            }
        }
    }

    /// What new nodes of a level make of the level above. `below` reads that level where `row` says nothing.
    pub(super) fn parents(row: &[(u32, Node)], below: impl Fn(u32) -> Node) -> Row {
        let (mut parents, mut pairs, mut places): (Row, Vec<[[u8; 32]; 2]>, Vec<usize>) =
            (Vec::with_capacity(row.len()), Vec::with_capacity(row.len()), Vec::with_capacity(row.len()));
        let mut rest = row;
        while let Some(&(index, node)) = rest.first() {
            let is_left = index % 2 == 0;
            let sibling = match rest.get(1) {
                Some(&(next, sibling)) if is_left && next == index + 1 => {
                    rest = &rest[1..];
                    sibling
                }
                _ => below(index ^ 1),
            };
            rest = &rest[1..];
            let (left, right) = if is_left { (node, sibling) } else { (sibling, node) };
            let parent = match (left.is_empty(), right.is_empty()) {
                (true, true) => Node::EMPTY,
                (true, false) if right.is_leaf => right,
                (false, true) if left.is_leaf => left,
                _ => {
                    places.push(parents.len());
                    pairs.push([left.hash, right.hash]);
                    Node::EMPTY
                }
            };
            parents.push((index / 2, parent));
        }
        let mut hashes = vec![[0; 32]; pairs.len()];
        nodes(&pairs, &mut hashes);
        for (place, hash) in places.into_iter().zip(hashes) {
            parents[place].1 = Node { hash, is_leaf: false };
        }
        parents
    }
}

fn place(level: u32, index: u32) -> usize {
    usize::try_from((1u64 << level) + u64::from(index)).expect("levels are within memory")
}
