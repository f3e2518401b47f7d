//! Fee order: exact fee rates, and all chunks of all senders sorted by them.

use starling_primitives::Address;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

/// Motes per byte as a fraction, compared exactly.
///
/// Fees are below 2^107 (at most 80 transactions of at most 2^100 motes) and bytes below 2^21, so the cross
/// products of a comparison fit into 128 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeeRate {
    pub(super) fee: u128,
    pub(super) bytes: usize,
}

impl FeeRate {
    /// Whole motes per byte, rounded down; `u64::MAX` when it is more.
    pub(super) fn per_byte(self) -> u64 {
        u64::try_from(self.fee / wide(self.bytes).max(1)).unwrap_or(u64::MAX)
    }
}

/// A count of bytes in memory, as wide as fees.
pub(super) fn wide(bytes: usize) -> u128 {
    u128::try_from(bytes).expect("a usize has at most 64 bits")
}

impl Ord for FeeRate {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.fee * wide(other.bytes)).cmp(&(other.fee * wide(self.bytes)))
    }
}

impl PartialOrd for FeeRate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FeeRate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FeeRate {}

/// Where a chunk stands: best last. At equal rates the earlier arrival is better, and along one sender's
/// chain keys strictly fall, so that whoever walks them best first meets a chain in the order of its nonces,
/// and the worst of all chunks is the last of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OrderKey {
    pub(super) rate: FeeRate,
    /// Arrival of the latest first transaction among this chunk and those before it.
    pub(super) arrival: Reverse<u64>,
    pub(super) nonce: Reverse<u64>,
}

/// What stands there: `count` consecutive transactions of one sender, of `bytes` in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkRef {
    pub(super) sender: Address,
    pub(super) count: usize,
}

/// Chunks by [`OrderKey`]: those of executable transactions, or waiting transactions one by one.
pub(super) type Order = BTreeMap<OrderKey, ChunkRef>;

/// Consecutive transactions of one sender that are worth taking together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) key: OrderKey,
    pub(super) count: usize,
}

impl Chunk {
    /// The same to the last byte: keys are equal at equal rates, whatever fee and bytes those are made of.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self == other && self.key.rate.bytes == other.key.rate.bytes
    }
}

/// Splits a chain into its best prefix, the best prefix of the rest, and so on: rates never rise from one
/// chunk to the next. `items` are (nonce, arrival, rate) in the order of nonces.
pub(super) fn chunks(items: impl Iterator<Item = (u64, u64, FeeRate)>) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for (nonce, arrival, rate) in items {
        let mut last =
            Chunk { key: OrderKey { rate, arrival: Reverse(arrival), nonce: Reverse(nonce) }, count: 1 };
        while let Some(before) = chunks.pop_if(|before| last.key.rate > before.key.rate) {
            let FeeRate { fee, bytes } = before.key.rate;
            let rate = FeeRate { fee: fee + last.key.rate.fee, bytes: bytes + last.key.rate.bytes };
            last = Chunk { key: OrderKey { rate, ..before.key }, count: before.count + last.count };
        }
        chunks.push(last);
    }
    let mut latest = 0;
    for chunk in &mut chunks {
        latest = latest.max(chunk.key.arrival.0);
        chunk.key.arrival = Reverse(latest);
    }
    chunks
}

#[cfg(test)]
mod tests;
