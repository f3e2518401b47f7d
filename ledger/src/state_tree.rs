//! The state tree in memory: hashes and keys, no values (formats: State).
//!
//! Nodes are shared between versions: an update makes new nodes along the touched paths alone and leaves the
//! old version whole, so a block whose root is wrong, or a template, costs nothing to take back.

use starling_primitives::state::StateKey;
use starling_primitives::{StateRoot, node};
use std::sync::Arc;

/// One version of the tree.
#[derive(Clone, Default)]
pub(crate) struct StateTree(Node);

#[derive(Clone, Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
}

struct Leaf {
    key: StateKey,
    hash: [u8; 32],
}

struct Inner {
    hash: [u8; 32],
    left: Node,
    right: Node,
}

/// A key and the hash of its new leaf; none removes it.
pub(crate) type LeafChange = (StateKey, Option<[u8; 32]>);

impl StateTree {
    /// The root over all keys.
    pub(crate) fn root(&self) -> StateRoot {
        StateRoot::new(self.0.hash())
    }

    /// The tree with these changes, which ascend by key.
    pub(crate) fn updated(&self, changes: &[LeafChange]) -> Self {
        Self(update(&self.0, changes, 0))
    }
}

impl Node {
    fn hash(&self) -> [u8; 32] {
        match self {
            Self::Empty => [0; 32],
            Self::Leaf(leaf) => leaf.hash,
            Self::Inner(inner) => inner.hash,
        }
    }
}

fn update(old: &Node, changes: &[LeafChange], depth: usize) -> Node {
    if changes.is_empty() {
        return old.clone();
    }
    match old {
        Node::Inner(inner) => {
            let (left, right) = split(changes, depth);
            join(update(&inner.left, left, depth + 1), update(&inner.right, right, depth + 1))
        }
        Node::Empty => build(changes, depth),
        Node::Leaf(leaf) => match changes.binary_search_by_key(&leaf.key, |change| change.0) {
            Ok(_) => build(changes, depth),
            Err(at) => {
                let mut all = changes.to_vec();
                all.insert(at, (leaf.key, Some(leaf.hash)));
                build(&all, depth)
            }
        },
    }
}

/// The subtree of these entries alone.
fn build(entries: &[LeafChange], depth: usize) -> Node {
    match entries {
        [] => Node::Empty,
        [(key, hash)] => hash.map_or(Node::Empty, |hash| Node::Leaf(Arc::new(Leaf { key: *key, hash }))),
        _ => {
            let (left, right) = split(entries, depth);
            join(build(left, depth + 1), build(right, depth + 1))
        }
    }
}

/// A subtree with one key is its leaf; with none it is empty.
fn join(left: Node, right: Node) -> Node {
    match (left, right) {
        (Node::Empty, lone @ (Node::Empty | Node::Leaf(_))) | (lone @ Node::Leaf(_), Node::Empty) => lone,
        (left, right) => {
            let hash = node(&left.hash(), &right.hash());
            Node::Inner(Arc::new(Inner { hash, left, right }))
        }
    }
}

fn split(changes: &[LeafChange], depth: usize) -> (&[LeafChange], &[LeafChange]) {
    changes.split_at(changes.partition_point(|(key, _)| !key.bit(depth)))
}

#[cfg(test)]
mod tests;
