//! Tests.

use super::*;
use proptest::prelude::*;

fn rate(per_byte: u64, bytes: usize) -> FeeRate {
    FeeRate { fee: u128::from(per_byte) * wide(bytes), bytes }
}

proptest! {
    #[test]
    fn a_class_is_at_most_a_quarter_wide(rate in any::<u64>().prop_flat_map(|most| 0..=most)) {
        let index = class_of(rate);
        prop_assert!(index < CLASSES && first_of(index) <= rate);
        if index + 1 < CLASSES {
            let next = first_of(index + 1);
            prop_assert!(rate < next);
            prop_assert!(next - first_of(index) <= (first_of(index) / 4).max(1));
        }
    }
}

#[test]
fn classes_cover_all_rates() {
    assert_eq!([0, 1, 3, 4, 7, 8, 9, 10].map(class_of), [0, 1, 3, 4, 7, 8, 8, 9]);
    assert_eq!(class_of(u64::MAX), CLASSES - 1);
}

#[test]
fn a_raised_floor_halves_every_ten_minutes() {
    let mut floor = Floor::new(100);
    floor.tick(1_000_000);
    floor.raise_above(rate(999, 10), 1_000_000);
    assert_eq!(floor.current(), 1_000);
    floor.raise_above(rate(50, 10), 1_000_100);
    assert_eq!(floor.current(), 1_000, "it is only raised");
    let mut at = |now| {
        floor.tick(now);
        floor.current()
    };
    assert_eq!(at(1_000_599), 1_000);
    assert_eq!(at(1_000_600), 500);
    assert_eq!(at(1_000_700), 500);
    assert_eq!(at(1_001_800), 125);
    assert_eq!(at(9_000_000), 100);
}

#[test]
fn a_clock_that_was_set_back_does_not_hold_the_floor_up() {
    let mut floor = Floor::new(100);
    floor.raise_above(rate(999, 10), 5_000_000);
    floor.tick(1_000);
    assert_eq!(floor.current(), 1_000);
    floor.tick(1_600);
    assert_eq!(floor.current(), 500);
}

#[test]
fn the_histogram_forgets_what_left() {
    let mut pool = Histogram::new();
    pool.add(rate(1_000, 169), 1);
    pool.add(rate(1_001, 338), 2);
    pool.add(rate(9, 500), 1);
    let first = FeeClass { from: 896, count: 3, bytes: 507 };
    assert_eq!(pool.classes(), [first, FeeClass { from: 8, count: 1, bytes: 500 }]);
    pool.remove(rate(9, 500), 1);
    assert_eq!(pool.classes(), [first]);
}

#[test]
fn an_estimate_goes_before_what_fills_the_blocks() {
    let mut pool = Histogram::new();
    let recent = RecentBlocks::default();
    // Two blocks' worth at 800, three at 400.
    pool.add(rate(800, 2_000), 10);
    pool.add(rate(400, 3_000), 10);
    let within = |blocks| estimate(&pool, &recent, blocks, 1_000);
    assert_eq!([1, 2, 3, 5, 6, 10].map(within), [896, 896, 448, 448, 0, 0]);
}

#[test]
fn an_estimate_looks_at_full_blocks_only() {
    let pool = Histogram::new();
    let mut recent = RecentBlocks::default();
    // Ten quiet blocks, six at 500, four at 900.
    for _ in 0..10 {
        recent.push(800, 1_000, vec![rate(700, 10)]);
    }
    for _ in 0..6 {
        recent.push(875, 1_000, vec![rate(500, 10)]);
    }
    for _ in 0..4 {
        recent.push(1_000, 1_000, vec![rate(900, 10)]);
    }
    let within = |recent: &RecentBlocks, blocks| estimate(&pool, recent, blocks, 1_000);
    assert_eq!([1, 3, 10].map(|blocks| within(&recent, blocks)), [900, 0, 0]);
    recent.push(1_000, 1_000, vec![rate(900, 10)]);
    assert_eq!(recent.entry_rates.len(), RECENT_BLOCKS);
    assert_eq!([1, 3, 10].map(|blocks| within(&recent, blocks)), [900, 500, 0]);
}

#[test]
fn a_full_block_of_unseen_transactions_says_nothing() {
    let mut recent = RecentBlocks::default();
    recent.push(1_000, 1_000, Vec::new());
    assert_eq!(recent.percentile(90), 0);
}
