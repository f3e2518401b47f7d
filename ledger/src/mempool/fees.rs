//! The floor, the pool's fees in classes, and what recent blocks took.

use super::order::{FeeRate, wide};
use std::collections::VecDeque;

/// Seconds in which a raised floor falls to half.
const FLOOR_HALVING_SECS: u64 = 600;
/// Classes of fees for each doubling of the rate: a class is at most a quarter wider than its lower end.
const CLASSES_PER_DOUBLING: u32 = 4;
/// Classes for rates of 64 bits.
const CLASSES: usize = 252;
/// Recent blocks that estimates look at.
const RECENT_BLOCKS: usize = 20;
/// A block counts as full from this many eighths of what it may hold: below that, any fee above the floor got
/// in.
const FULL_EIGHTHS: u64 = 7;

/// The least that the pool takes, in motes per byte.
#[derive(Debug)]
pub(super) struct Floor {
    least: u64,
    current: u64,
    halved_at: u64,
}

impl Floor {
    pub(super) fn new(least: u64) -> Self {
        Self { least, current: least, halved_at: 0 }
    }

    pub(super) fn current(&self) -> u64 {
        self.current
    }

    /// After an eviction: what was evicted no longer gets in.
    pub(super) fn raise_above(&mut self, evicted: FeeRate, now: u64) {
        let above = evicted.per_byte().saturating_add(1);
        if above > self.current {
            self.current = above;
            self.halved_at = now;
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        // A clock that was set back starts the ten minutes anew.
        self.halved_at = self.halved_at.min(now);
        while self.current > self.least && now - self.halved_at >= FLOOR_HALVING_SECS {
            self.current = (self.current / 2).max(self.least);
            self.halved_at += FLOOR_HALVING_SECS;
        }
    }
}

/// The executable transactions whose fee rate lies in one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeClass {
    /// Least motes per byte of the class; the next class begins at most a quarter above it.
    pub from: u64,
    /// Transactions.
    pub count: usize,
    /// Bytes of their encodings.
    pub bytes: usize,
}

/// Fees of all executable transactions, each by the rate of the chunk it would be mined with.
#[derive(Debug)]
pub(super) struct Histogram {
    /// (transactions, bytes) by class.
    classes: Vec<(usize, usize)>,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { classes: vec![(0, 0); CLASSES] }
    }

    pub(super) fn add(&mut self, rate: FeeRate, count: usize) {
        let class = &mut self.classes[class_of(rate.per_byte())];
        *class = (class.0 + count, class.1 + rate.bytes);
    }

    pub(super) fn remove(&mut self, rate: FeeRate, count: usize) {
        let class = &mut self.classes[class_of(rate.per_byte())];
        *class = (class.0 - count, class.1 - rate.bytes);
    }

    /// The classes that hold something, best first.
    pub(super) fn classes(&self) -> Vec<FeeClass> {
        let all = self.classes.iter().enumerate().rev();
        let held = all.filter(|(_, held)| held.0 > 0);
        held.map(|(index, &(count, bytes))| FeeClass { from: first_of(index), count, bytes }).collect()
    }

    /// Motes per byte that go before all but the best `bytes` of the pool; none when it holds less than that.
    fn at_depth(&self, bytes: u128) -> Option<u64> {
        let mut above = 0;
        let index = self.classes.iter().rposition(|class| {
            above += wide(class.1);
            above >= bytes
        })?;
        Some(if index + 1 < CLASSES { first_of(index + 1) } else { u64::MAX })
    }
}

/// Four classes for each power of two; rates below four have a class each.
fn class_of(rate: u64) -> usize {
    let doublings = rate.max(CLASSES_PER_DOUBLING.into()).ilog2() - 1;
    let within = rate >> (doublings - 1);
    let within = usize::try_from(within).expect("a rate is shifted down to below eight");
    4 * usize::try_from(doublings - 1).expect("below 64") + within
}

/// The least rate of a class.
fn first_of(index: usize) -> u64 {
    let (doublings, within) = (index / 4, index % 4);
    let lead: u64 = if doublings == 0 { 0 } else { 4 };
    (lead + u64::try_from(within).expect("below four")) << doublings.saturating_sub(1)
}

/// What recent blocks asked for, by transactions that the pool had before their block: a miner can pay itself
/// any fee, but it keeps such a transaction to itself.
#[derive(Debug, Default)]
pub(super) struct RecentBlocks {
    /// Motes per byte that got into each; none for a block that was not full.
    entry_rates: VecDeque<Option<u64>>,
}

impl RecentBlocks {
    /// Counts a block of `body_bytes` out of `max_body_bytes`; `rates` are those of the transactions seen
    /// before.
    pub(super) fn push(&mut self, body_bytes: usize, max_body_bytes: u32, mut rates: Vec<FeeRate>) {
        rates.sort_unstable();
        let full = wide(body_bytes) * 8 >= u128::from(max_body_bytes) * u128::from(FULL_EIGHTHS);
        // Not the least: a poor transaction comes along with a follower that pays for it.
        let entry = rates.get(rates.len() / 10).filter(|_| full);
        self.entry_rates.push_back(entry.map(|rate| rate.per_byte()));
        if self.entry_rates.len() > RECENT_BLOCKS {
            self.entry_rates.pop_front();
        }
    }

    /// The rate that would have got into this share of the recent blocks; 0 when they were not full.
    fn percentile(&self, percent: usize) -> u64 {
        let mut rates: Vec<u64> = self.entry_rates.iter().map(|rate| rate.unwrap_or(0)).collect();
        rates.sort_unstable();
        let index = (rates.len() * percent).div_ceil(100).saturating_sub(1);
        rates.get(index).copied().unwrap_or(0)
    }
}

/// Motes per byte with which a transaction should be mined within `blocks`: above what fills that many blocks
/// now, and what got into most (1 block), half (up to 3) or a quarter of the recent ones.
pub(super) fn estimate(pool: &Histogram, recent: &RecentBlocks, blocks: u32, max_body_bytes: u32) -> u64 {
    let percent = match blocks {
        0 | 1 => 90,
        2 | 3 => 50,
        _ => 25,
    };
    let depth = u128::from(blocks.max(1)) * u128::from(max_body_bytes);
    pool.at_depth(depth).unwrap_or(0).max(recent.percentile(percent))
}

#[cfg(test)]
mod tests;
