//! Tests.

use super::*;
use proptest::prelude::*;

fn rate(fee: u128, bytes: usize) -> FeeRate {
    FeeRate { fee, bytes }
}

#[test]
fn rates_compare_as_fractions() {
    assert!(rate(1, 3) < rate(1, 2));
    assert_eq!(rate(1, 2), rate(2, 4));
    let most = rate(80 << 100, 80 * 16_384);
    assert!(most > rate((80 << 100) - 1, 80 * 16_384), "the largest that can come up do not overflow");
    assert_eq!(rate(7, 2).per_byte(), 3);
    assert_eq!(most.per_byte(), u64::MAX);
}

#[test]
fn a_rich_follower_is_taken_with_what_it_needs() {
    let items = [(5, 1, rate(10, 1)), (6, 2, rate(2, 1)), (7, 3, rate(6, 1)), (8, 4, rate(4, 1))];
    let found: Vec<_> =
        chunks(items.into_iter()).iter().map(|chunk| (chunk.key.nonce.0, chunk.count)).collect();
    assert_eq!(found, [(5, 1), (6, 2), (8, 1)]);
    // At equal rates each stands alone, so that a full block can take one without the next.
    let even = (0..3).map(|nonce| (nonce, nonce, rate(2, 1)));
    assert_eq!(chunks(even).len(), 3);
}

/// The best prefix, then the best of the rest; the shortest of equals.
fn naive(items: &[(u64, u64, FeeRate)]) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut rest = items;
    while !rest.is_empty() {
        let prefix = |count: &usize| {
            let taken = &rest[..*count];
            rate(taken.iter().map(|item| item.2.fee).sum(), taken.iter().map(|item| item.2.bytes).sum())
        };
        let mut best = 1;
        for count in 2..=rest.len() {
            if prefix(&count) > prefix(&best) {
                best = count;
            }
        }
        counts.push(best);
        rest = &rest[best..];
    }
    counts
}

proptest! {
    #[test]
    fn chunks_are_the_best_prefixes(
        items in prop::collection::vec((0..20_u64, 0..12_u128, 1..4_usize), 0..12),
        first in 0..5_u64,
    ) {
        let items: Vec<_> = items
            .into_iter()
            .zip(first..)
            .map(|((arrival, fee, bytes), nonce)| (nonce, arrival, rate(fee, bytes)))
            .collect();
        let found = chunks(items.iter().copied());
        prop_assert_eq!(found.iter().map(|chunk| chunk.count).collect::<Vec<_>>(), naive(&items));
        // A walk from the best end meets a chain in its own order.
        prop_assert!(found.is_sorted_by(|a, b| a.key > b.key));
    }
}
