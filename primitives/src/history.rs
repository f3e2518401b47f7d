//! The history: a Merkle mountain range over all blocks before one (formats: History).
//!
//! An [`Accumulator`] holds the peaks alone. Nodes are numbered by their position in the range, as in
//! Grin and the `ckb-merkle-mountain-range` crate, so that a store can keep them and a [`Proof`] be made of
//! them.

mod proof;

pub use proof::Proof;

use crate::hash::{BlockId, HistoryRoot};
use crate::target::{Bits, Work};
use ckb_merkle_mountain_range::{helper::get_peaks, leaf_index_to_mmr_size};
use starling_sha256::{Tag, node};

static LEAF: Tag = Tag::new("starling/history");

/// What the history says of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its id.
    pub id: BlockId,
    /// Its height, which is its index.
    pub height: u32,
    /// Its time.
    pub time: u32,
    /// Its bits.
    pub bits: Bits,
    /// Cumulative work, its own included.
    pub work: Work,
}

impl Leaf {
    /// `tagged("starling/history", id | height | time | bits | work)`.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        LEAF.hash(&[
            self.id.as_bytes(),
            &self.height.to_le_bytes(),
            &self.time.to_le_bytes(),
            &self.bits.to_u32().to_le_bytes(),
            &self.work.to_be_bytes(),
        ])
    }
}

/// The peaks of a range of `count` leaves, from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accumulator {
    count: u32,
    peaks: Vec<[u8; 32]>,
}

/// A node of the range and its position.
pub type PlacedNode = (u64, [u8; 32]);

impl Accumulator {
    /// The range over nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The range of `count` leaves whose peaks `node_at` knows by position; none when it lacks one.
    pub fn load(count: u32, mut node_at: impl FnMut(u64) -> Option<[u8; 32]>) -> Option<Self> {
        let peaks = peak_positions(count).into_iter().map(&mut node_at).collect::<Option<_>>()?;
        Some(Self { count, peaks })
    }

    /// Leaves so far: the height of the next block.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Appends a leaf and returns the nodes that this completed, the leaf first.
    pub fn push(&mut self, leaf: &Leaf) -> Vec<PlacedNode> {
        let mut position = size(self.count);
        let mut hash = leaf.hash();
        let mut placed = vec![(position, hash)];
        for _ in 0..self.count.trailing_ones() {
            let left = self.peaks.pop().expect("each one-bit of the count is a peak");
            hash = node(&left, &hash);
            position += 1;
            placed.push((position, hash));
        }
        self.peaks.push(hash);
        self.count += 1;
        placed
    }

    /// The peaks bagged from the right: `acc = node(peak, acc)`; 32 zero bytes when empty.
    #[must_use]
    pub fn root(&self) -> HistoryRoot {
        let bagged = self.peaks.iter().rev().copied().reduce(|acc, peak| node(&peak, &acc));
        HistoryRoot::new(bagged.unwrap_or_default())
    }
}

/// Where the peaks of a range of `count` leaves are, from left to right.
fn peak_positions(count: u32) -> Vec<u64> {
    get_peaks(size(count))
}

/// Nodes in a range of `count` leaves, which is also the position of the next leaf.
#[must_use]
pub fn size(count: u32) -> u64 {
    count.checked_sub(1).map_or(0, |last| leaf_index_to_mmr_size(u64::from(last)))
}

#[cfg(test)]
mod tests;
