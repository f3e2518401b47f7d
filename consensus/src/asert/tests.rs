//! ASERT against the published runs, and the rule of the clamp.

mod golden;

use super::*;
use starling_genesis::{Chain, NewChain};
use std::path::Path;

fn params(interval: u32, half_life: u32, easiest: &str) -> Params {
    let new = NewChain {
        name: "asert".into(),
        interval,
        bits: Some(easiest.into()),
        pow: "sha256d".into(),
        time: 0,
        prefund: Vec::new(),
    };
    let lab = Chain::create(new).unwrap().1.params;
    let easiest_bits: Bits = easiest.parse().unwrap();
    let easiest_target = easiest_bits.target().unwrap();
    Params { difficulty: Difficulty::Asert { half_life }, easiest_bits, easiest_target, ..lab }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.contains(name)).unwrap();
    line.rsplit(' ').next().unwrap()
}

fn bits(text: &str) -> Bits {
    text.trim_start_matches("0x").parse().unwrap()
}

#[test]
fn the_published_runs_are_reproduced() {
    let params = params(600, 172_800, "1d00ffff");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asert");
    let mut rows = 0;
    for run in 1..=10 {
        let text = std::fs::read_to_string(folder.join(format!("run{run:02}"))).unwrap();
        // Only differences count, and some published heights are beyond 32 bits: both are counted from the
        // anchor.
        let number = |text: &str| -> u64 { text.parse().unwrap() };
        let since = |text: &str, start: u64| u32::try_from(number(text) - start).unwrap();
        let (height, time) = (field(&text, "anchor height"), field(&text, "anchor ancestor time"));
        let (height, time) = (number(height) - 1, number(time));
        let anchor = Anchor { height: 1, parent_time: 0, bits: bits(field(&text, "anchor nBits")) };
        for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
            let row: Vec<&str> = line.split(' ').collect();
            let found = next_bits(since(row[1], height), since(row[2], time), &anchor, &params);
            assert_eq!(found, bits(row[3]), "run {run}, {line}");
            rows += 1;
        }
    }
    assert_eq!(rows, 3_000);
}

/// Follows a chain whose blocks come after the given gaps; returns the bits after each.
fn follow(params: &Params, gaps: impl IntoIterator<Item = u32>) -> Vec<Bits> {
    let stamp = |height, time, bits| Stamp { height, time, bits };
    let mut time = 1_000_000;
    let mut anchor = anchor_of(stamp(0, time, params.genesis_bits), None, params);
    let mut bits = params.genesis_bits;
    let mut all = Vec::new();
    for (height, gap) in (1..).zip(gaps) {
        let parent = (time, anchor);
        time += gap;
        anchor = anchor_of(stamp(height, time, bits), Some(parent), params);
        bits = next_bits(height, time, &anchor, params);
        all.push(bits);
    }
    all
}

const DAY_S: u32 = 86_400;

#[test]
fn a_long_outage_is_not_followed_by_free_blocks() {
    let params = params(12, 3_456, "1e100000");
    let steady = std::iter::repeat_n(2, 2_000);
    let after = follow(&params, steady.chain([30 * DAY_S]).chain(std::iter::repeat_n(3, 288)));
    assert!(after[1_999].target().unwrap() < params.easiest_target, "the difficulty rose before the outage");
    assert_eq!(after[2_000], params.easiest_bits, "the outage leads to the easiest target");
    let last = after.last().unwrap().target().unwrap();
    // 288 blocks at a quarter of the interval are 2,592 s ahead: 2^(-0.75) of the easiest, not still clamped.
    assert!(last.value() < params.easiest_target.value() * U256::from(60) / U256::from(100), "{last}");
}

#[test]
fn a_genesis_thirty_days_early_is_not_followed_by_free_blocks() {
    let params = params(12, 3_456, "1e100000");
    let after = follow(&params, [30 * DAY_S].into_iter().chain(std::iter::repeat_n(3, 288)));
    let last = after.last().unwrap().target().unwrap();
    assert!(last.value() < params.easiest_target.value() * U256::from(60) / U256::from(100), "{last}");
}

#[test]
fn blocks_on_time_keep_the_easiest_target() {
    let params = params(12, 3_456, "1e100000");
    let after = follow(&params, std::iter::repeat_n(12, 500));
    assert!(after.iter().all(|bits| *bits == params.easiest_bits));
}

#[test]
fn extreme_times_clamp_instead_of_overflowing() {
    let params = params(1, 1, "207fffff");
    let anchor = Anchor { height: 1, parent_time: 0, bits: bits("207fffff") };
    assert_eq!(next_bits(2, u32::MAX, &anchor, &params), params.easiest_bits);
    assert_eq!(next_bits(u32::MAX, 0, &anchor, &params), bits("01010000"));
    let late = Anchor { parent_time: i64::from(u32::MAX), ..anchor };
    assert_eq!(next_bits(2, 0, &late, &params), bits("01010000"));
}

#[test]
fn fixed_difficulty_keeps_the_genesis_bits() {
    let params = Params { difficulty: Difficulty::Fixed, ..params(12, 3_456, "1e100000") };
    let anchor = Anchor { height: 1, parent_time: 0, bits: params.genesis_bits };
    assert_eq!(next_bits(500, 5, &anchor, &params), params.genesis_bits);
}
