//! New nodes, level by level.

use super::levels::{Couples, JOINED_AT_ONCE, Levels, Node};

/// Nodes of one level, by ascending index.
#[derive(Clone, Default)]
pub(super) struct Row {
    indexes: Vec<u32>,
    hashes: Vec<[u8; 32]>,
    are_leaves: Vec<bool>,
}

impl Row {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            indexes: Vec::with_capacity(count),
            hashes: Vec::with_capacity(count),
            are_leaves: Vec::with_capacity(count),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.indexes.len()
    }

    pub(super) fn indexes(&self) -> &[u32] {
        &self.indexes
    }

    pub(super) fn push(&mut self, index: u32, node: Node) {
        self.indexes.push(index);
        self.hashes.push(node.hash);
        self.are_leaves.push(node.is_leaf);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Node)> {
        let nodes = self.hashes.iter().zip(&self.are_leaves);
        let nodes = nodes.map(|(hash, is_leaf)| Node { hash: *hash, is_leaf: *is_leaf });
        self.indexes.iter().copied().zip(nodes)
    }

    fn node(&self, index: u32) -> Option<Node> {
        let at = self.indexes.binary_search(&index).ok()?;
        Some(Node { hash: self.hashes[at], is_leaf: self.are_leaves[at] })
    }

    /// What these nodes make of a level, the one above theirs. Their siblings are those of `under`, or else
    /// those of `levels`.
    fn parents(&self, level: u32, levels: &Levels, under: &Rows) -> Self {
        let mut parents = Self::with_capacity(self.len());
        parents.indexes.extend(self.indexes.iter().map(|index| index / 2));
        parents.indexes.dedup();
        let (mut couples, mut rest) = (Couples::default(), 0..self.len());
        for made in parents.indexes.chunks(JOINED_AT_ONCE) {
            couples.load(levels, level, made.iter().copied());
            under.put(level + 1, made, &mut couples);
            let ours = rest.clone().take_while(|at| self.indexes[*at] / 2 <= made[made.len() - 1]);
            let mut couple = 0;
            for at in ours {
                let index = self.indexes[at];
                couple += usize::from(index / 2 != made[couple]);
                couples.set(couple, index % 2 == 1, &self.hashes[at], self.are_leaves[at]);
                rest.start = at + 1;
            }
            couples.join(|node| {
                parents.hashes.push(node.hash);
                parents.are_leaves.push(node.is_leaf);
            });
        }
        parents
    }
}

/// New nodes by level, from the root down to the buckets; none at all, or one row for each level.
#[derive(Default)]
pub(super) struct Rows(Vec<Row>);

impl Rows {
    /// What new nodes of buckets make of all levels. Others are those of `under`, or else those of `levels`.
    pub(super) fn above(buckets: Row, levels: &Levels, under: &Self) -> Self {
        let mut rows = vec![buckets];
        for level in (0..levels.depth()).rev() {
            rows.push(rows[rows.len() - 1].parents(level, levels, under));
        }
        rows.reverse();
        Self(rows)
    }

    /// The levels, from the root's down.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.0.iter()
    }

    /// The new nodes of buckets.
    pub(super) fn buckets(&self) -> Option<&Row> {
        self.0.last()
    }

    /// The new root.
    pub(super) fn top(&self) -> Option<Node> {
        self.0.first()?.node(0)
    }

    /// The new node at a place.
    pub(super) fn node(&self, level: u32, index: u32) -> Option<Node> {
        self.0.get(usize::try_from(level).ok()?)?.node(index)
    }

    /// Puts new nodes of a level into couples, of which these are the parents.
    fn put(&self, level: u32, parents: &[u32], couples: &mut Couples) {
        if self.0.is_empty() {
            return;
        }
        for (couple, parent) in parents.iter().enumerate() {
            for is_right in [false, true] {
                if let Some(node) = self.node(level, 2 * parent + u32::from(is_right)) {
                    couples.set(couple, is_right, &node.hash, node.is_leaf);
                }
            }
        }
    }
}
