//! The tree as bytes: the nodes of all buckets, from which the levels above follow.

use super::levels::Node;
use super::{Bucket, Crowd, Entry, GREATEST_DEPTH, LEAST_DEPTH, Levels, StateTree, bits, depth_for};
use std::collections::BTreeMap;

/// Nodes in a part.
const PART_NODES: u32 = 1 << 10;
const HASH_BYTES: usize = 32;
/// Levels by which a tree may be deeper than its keys ask for: three in four left since it was built.
const SPARE_LEVELS: u32 = 2;

/// What tells how to read the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Levels below the root.
    pub(crate) depth: u32,
    /// Keys in the tree.
    pub(crate) keys: u64,
    /// Buckets that keep their nodes, ascending.
    pub(crate) crowds: Vec<u32>,
}

impl Outline {
    /// How many parts there are; none for a depth that no tree has.
    pub(crate) fn parts(&self) -> Option<u32> {
        let has_depth = (LEAST_DEPTH..=GREATEST_DEPTH).contains(&self.depth);
        has_depth.then(|| (1u32 << self.depth).div_ceil(PART_NODES))
    }

    /// Whether a tree of about so many keys may be as deep: memory for it is taken on the depth's word.
    pub(crate) fn suits(&self, keys: u64) -> bool {
        self.depth <= depth_for(keys) + SPARE_LEVELS
    }

    /// The buckets of the crowds.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        self.crowds.iter().map(|index| Bucket { depth: self.depth, index: *index }).collect()
    }

    /// The nodes in a part.
    fn nodes(&self, part: u32) -> std::ops::Range<u32> {
        let first = part * PART_NODES;
        first..(first + PART_NODES).min(1 << self.depth)
    }
}

impl StateTree {
    /// How the tree is told as bytes.
    pub(crate) fn outline(&self) -> Outline {
        let crowds = self.crowds.keys().copied().collect();
        Outline { depth: self.levels.depth(), keys: self.keys, crowds }
    }

    /// One part: the hashes of its buckets, and a bit for each that is a lone leaf, the lowest first.
    pub(crate) fn part(&self, outline: &Outline, part: u32) -> Vec<u8> {
        let nodes: Vec<Node> =
            outline.nodes(part).map(|index| self.levels.node(outline.depth, index)).collect();
        let mut bytes: Vec<u8> = nodes.iter().flat_map(|node| node.hash).collect();
        let byte = |eight: &[Node]| {
            eight.iter().enumerate().fold(0, |byte, (at, node)| byte | (u8::from(node.is_leaf) << at))
        };
        bytes.extend(nodes.chunks(8).map(byte));
        bytes
    }

    /// The tree that was told so; `part` gives the parts, and `crowds` are the entries of the outline's. None
    /// when a part is missing or has another size. That the root is the right one remains to be seen.
    ///
    /// # Errors
    /// The first error of `part`.
    pub(crate) fn restore<E>(
        outline: &Outline,
        mut part: impl FnMut(u32) -> Result<Option<Vec<u8>>, E>,
        crowds: Vec<Vec<Entry>>,
    ) -> Result<Option<Self>, E> {
        let Some(parts) = outline.parts() else { return Ok(None) };
        let mut levels = Levels::new(outline.depth);
        for at in 0..parts {
            let nodes = outline.nodes(at);
            let Some(bytes) = part(at)? else { return Ok(None) };
            let Some((hashes, leaves)) = bytes.split_at_checked(nodes.len() * HASH_BYTES) else {
                return Ok(None);
            };
            if leaves.len() != nodes.len().div_ceil(8) {
                return Ok(None);
            }
            let (hashes, _) = hashes.as_chunks::<HASH_BYTES>();
            for ((index, hash), nth) in nodes.zip(hashes).zip(0..) {
                let is_leaf = leaves[nth / 8] >> (nth % 8) & 1 == 1;
                levels.set(outline.depth, index, Node { hash: *hash, is_leaf });
            }
        }
        levels.fill();
        let nodes = |entries: Vec<Entry>| Crowd::of(&entries, bits(outline.depth));
        let crowds: BTreeMap<u32, Crowd> =
            outline.crowds.iter().copied().zip(crowds.into_iter().map(nodes)).collect();
        Ok(Some(Self { levels, crowds, keys: outline.keys }))
    }
}
