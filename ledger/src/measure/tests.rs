//! The measured state is the one that was asked for.

use super::*;
use std::cell::Cell;
use tempfile::TempDir;

const PLAN: StatePlan = StatePlan { accounts: 30_000, changes: 500, blocks: 2, proofs: 20, seed: 7 };

#[test]
fn everything_asked_for_is_measured() {
    let dir = TempDir::new().unwrap();
    let ticks = Cell::new(0);
    let clock = || {
        ticks.set(ticks.get() + 1);
        Duration::from_secs(ticks.get())
    };
    let mut heard = Vec::new();
    let mut told = |written| {
        heard.push(written);
        true
    };
    let figures = measure_state(dir.path(), &PLAN, &clock, &mut told).unwrap().unwrap();
    assert_eq!(heard, [20_000, 30_000]);
    let second = Duration::from_secs(1);
    assert_eq!(
        (figures.load, &figures.prefetch, &figures.hash),
        (second, &vec![second; 2], &vec![second; 2])
    );
    assert_eq!((figures.prove.len(), figures.proof_bytes.len()), (20, 20));
    // 30,000 keys are about 15 levels deep.
    assert!(figures.proof_bytes.iter().all(|bytes| (400..1_400).contains(bytes)), "{figures:?}");
    // A node and its place take 32 bytes and a bit; there are two for each of 2^14 buckets.
    assert_eq!(figures.tree_bytes, (2 << 14) * 32 + (2 << 14) / 8);
}

#[test]
fn the_choice_follows_from_the_seed() {
    let chosen = choose(&PLAN, 0, 500);
    assert_eq!(chosen.len(), 500);
    assert!(chosen.iter().all(|number| *number < PLAN.accounts));
    assert_eq!(chosen, choose(&PLAN, 0, 500));
    assert_ne!(chosen, choose(&PLAN, 1, 500));
    assert_ne!(chosen, choose(&StatePlan { seed: 8, ..PLAN }, 0, 500));
    assert_eq!(choose(&StatePlan { accounts: 3, ..PLAN }, 0, 500).len(), 3);
}

#[test]
fn whoever_hears_of_it_can_end_it() {
    let dir = TempDir::new().unwrap();
    let ended = measure_state(dir.path(), &PLAN, &|| Duration::ZERO, &mut |_| false).unwrap();
    assert_eq!(ended, None);
}
