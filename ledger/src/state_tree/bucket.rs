//! Below the upper levels: the few keys that share a prefix, hashed together with those of other buckets.

use super::Entry;
use super::levels::Node;
use starling_primitives::nodes;
use starling_primitives::state::{self, leaf_block};

/// What a join takes: a leaf, or what an earlier join made, or nothing.
#[derive(Clone, Copy)]
enum Part {
    Nothing,
    Leaf(usize),
    Join(usize),
}

/// Joins that can be hashed together: none needs another of its rank.
#[derive(Default)]
struct Plan {
    /// By rank: what is joined.
    ranks: Vec<Vec<[Part; 2]>>,
    /// Of each join, its rank and place there.
    joins: Vec<(usize, usize)>,
}

impl Plan {
    fn join(&mut self, left: Part, right: Part) -> Part {
        let rank_of = |part| match part {
            Part::Nothing | Part::Leaf(_) => 0,
            Part::Join(at) => self.joins[at].0 + 1,
        };
        let rank = rank_of(left).max(rank_of(right));
        if self.ranks.len() <= rank {
            self.ranks.resize_with(rank + 1, Vec::new);
        }
        self.joins.push((rank, self.ranks[rank].len()));
        self.ranks[rank].push([left, right]);
        Part::Join(self.joins.len() - 1)
    }

    /// Plans the subtree of entries that share their first `depth` bits; `first` is the number of the first
    /// leaf.
    fn subtree(&mut self, entries: &[Entry], first: usize, depth: usize) -> Part {
        match entries {
            [] => Part::Nothing,
            [_] => Part::Leaf(first),
            _ => {
                let at = entries.partition_point(|(key, _)| !key.bit(depth));
                let (left, right) = entries.split_at(at);
                let left = self.subtree(left, first, depth + 1);
                let right = self.subtree(right, first + at, depth + 1);
                self.join(left, right)
            }
        }
    }
}

/// The subtrees of many buckets, each with its entries in order.
pub(super) fn hash_buckets(buckets: &[&[Entry]], depth: usize) -> Vec<Node> {
    let mut plan = Plan::default();
    let (mut roots, mut first) = (Vec::with_capacity(buckets.len()), 0);
    for entries in buckets {
        roots.push(plan.subtree(entries, first, depth));
        first += entries.len();
    }
    let block = |(key, value): &Entry| leaf_block(key, value).expect("an account's leaf is one block");
    let blocks: Vec<_> = buckets.iter().copied().flatten().map(block).collect();
    let mut leaves = vec![[0; 32]; blocks.len()];
    state::leaves(&blocks, &mut leaves);
    let mut made: Vec<Vec<[u8; 32]>> = Vec::with_capacity(plan.ranks.len());
    let mut pairs = Vec::new();
    for rank in &plan.ranks {
        let hash = |part| match part {
            Part::Nothing => [0; 32],
            Part::Leaf(at) => leaves[at],
            Part::Join(at) => {
                let (rank, place) = plan.joins[at];
                made[rank][place]
            }
        };
        pairs.clear();
        pairs.extend(rank.iter().map(|[left, right]| [hash(*left), hash(*right)]));
        let mut out = vec![[0; 32]; pairs.len()];
        nodes(&pairs, &mut out);
        made.push(out);
    }
    let node = |root| match root {
        Part::Nothing => Node::EMPTY,
        Part::Leaf(at) => Node { hash: leaves[at], is_leaf: true },
        Part::Join(at) => {
            let (rank, place): (usize, usize) = plan.joins[at];
            Node { hash: made[rank][place], is_leaf: false }
        }
    };
    roots.into_iter().map(node).collect()
}
