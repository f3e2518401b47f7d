//! A bucket with many keys keeps its nodes: hashes and keys, no values.
//!
//! Nodes are shared between versions: an update makes new nodes along the touched paths alone and leaves the
//! old version whole.

use super::levels::Node as Top;
use super::{Entry, EntryChange, Patch};
use starling_primitives::node;
use starling_primitives::state::{StateKey, leaf};
use std::sync::Arc;

/// One version of a bucket's subtree.
#[derive(Clone, Default)]
pub(super) struct Crowd(Node);

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
type LeafChange = (StateKey, Option<[u8; 32]>);

impl Crowd {
    /// The subtree's node.
    pub(super) fn top(&self) -> Top {
        Top { hash: self.0.hash(), is_leaf: matches!(self.0, Node::Leaf(_)) }
    }

    fn contains(&self, key: &StateKey, mut depth: usize) -> bool {
        let mut node = &self.0;
        loop {
            match node {
                Node::Empty => return false,
                Node::Leaf(leaf) => return leaf.key == *key,
                Node::Inner(inner) => node = if key.bit(depth) { &inner.right } else { &inner.left },
            }
            depth += 1;
        }
    }

    /// The subtree of these entries, which ascend by key and share their first `depth` bits.
    pub(super) fn of(entries: &[Entry], depth: usize) -> Self {
        let leaves: Vec<LeafChange> =
            entries.iter().map(|(key, value)| (*key, Some(leaf(key, value)))).collect();
        Self(build(&leaves, depth))
    }

    /// The subtree with these changes, which ascend by key and share their first `depth` bits.
    pub(super) fn changed(&self, changes: &[EntryChange], depth: usize, patch: &mut Patch) -> Self {
        for (key, value) in changes {
            let was_there = self.contains(key, depth);
            patch.keys_added += u64::from(!was_there && value.is_some());
            patch.keys_removed += u64::from(was_there && value.is_none());
        }
        let leaves = changes.iter().map(|(key, value)| (*key, value.map(|value| leaf(key, &value))));
        Self(update(&self.0, &leaves.collect::<Vec<LeafChange>>(), depth))
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
