//! Proofs that a block is in the history (formats: History).

use super::peak_positions;
use crate::hash::HistoryRoot;
use ckb_merkle_mountain_range::leaf_index_to_pos;
use starling_sha256::node;

/// A proof for one leaf against a history root; its shape follows from `index` and `count` and must be exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Which leaf: the block's height.
    pub index: u32,
    /// Of how many: the height of the header that holds the root.
    pub count: u32,
    /// From the leaf up to its peak.
    pub siblings: Vec<[u8; 32]>,
    /// The bagged peaks to the right; none when there are none.
    pub right_bag: Option<[u8; 32]>,
    /// The peaks to the left, from right to left.
    pub left_peaks: Vec<[u8; 32]>,
}

/// The peak that a leaf is under.
struct Peak {
    /// Peaks to its left.
    number: usize,
    /// Its height: it is over 2^height leaves.
    height: u32,
    /// Index of the first of them.
    first: u32,
    /// Whether a peak is to its right.
    is_last: bool,
}

/// Where the leaf stands; none when there is no such leaf.
fn peak_of(index: u32, count: u32) -> Option<Peak> {
    let (mut number, mut first) = (0, 0);
    for height in (0..u32::BITS).rev().filter(|height| count >> height & 1 == 1) {
        let leaves = 1 << height;
        if index >= first && index - first < leaves {
            return Some(Peak { number, height, first, is_last: count.trailing_zeros() == height });
        }
        number += 1;
        first += leaves;
    }
    None
}

impl Proof {
    /// The proof for the leaf `index` of the first `count`, from the nodes by position; none when there is no
    /// such leaf, or a node is missing.
    pub fn new(index: u32, count: u32, mut node_at: impl FnMut(u64) -> Option<[u8; 32]>) -> Option<Self> {
        let peak = peak_of(index, count)?;
        let mut position = leaf_index_to_pos(u64::from(index));
        let mut siblings = Vec::new();
        for level in 0..peak.height {
            // A subtree over 2^level leaves has this many nodes; a sibling's root is that far away.
            let nodes = (2u64 << level) - 1;
            let is_right = (index - peak.first) >> level & 1 == 1;
            siblings.push(node_at(if is_right { position - nodes } else { position + nodes })?);
            position += if is_right { 1 } else { nodes + 1 };
        }
        let peaks = peak_positions(count).into_iter().map(node_at).collect::<Option<Vec<_>>>()?;
        let (left, right) = (&peaks[..peak.number], &peaks[peak.number + 1..]);
        let right_bag = right.iter().rev().copied().reduce(|acc, peak| node(&peak, &acc));
        Some(Self { index, count, siblings, right_bag, left_peaks: left.iter().rev().copied().collect() })
    }

    /// Whether the leaf with this hash is where the proof says, under `root`.
    #[must_use]
    pub fn verify(&self, leaf: &[u8; 32], root: &HistoryRoot) -> bool {
        let Some(peak) = peak_of(self.index, self.count) else { return false };
        let shape = (self.siblings.len(), self.right_bag.is_none(), self.left_peaks.len());
        if u32::try_from(shape.0) != Ok(peak.height) || shape.1 != peak.is_last || shape.2 != peak.number {
            return false;
        }
        let mut path = self.index - peak.first;
        let mut acc = *leaf;
        for sibling in &self.siblings {
            acc = if path & 1 == 1 { node(sibling, &acc) } else { node(&acc, sibling) };
            path >>= 1;
        }
        if let Some(bag) = &self.right_bag {
            acc = node(&acc, bag);
        }
        acc = self.left_peaks.iter().fold(acc, |acc, peak| node(peak, &acc));
        acc == *root.as_bytes()
    }
}
