//! `history.json`: leaves, peaks, roots, proofs.

use crate::data::{Entry, example_hash, section};
use starling_primitives::history::{Accumulator, Leaf, Proof};
use starling_primitives::{Bits, BlockId, HistoryRoot, Work};
use std::collections::BTreeMap;

const FILE: &str = include_str!("history.json");

/// Block `height` of the example history.
fn example_leaf(height: u32) -> Leaf {
    let bits: Bits = "1e100000".parse().expect("eight hex digits");
    Leaf {
        id: BlockId::new(example_hash(height)),
        height,
        time: 1_700_000_000 + 12 * height,
        bits,
        work: bits.target().expect("canonical bits").work().saturating_mul(height + 1),
    }
}

/// The example history of `count` blocks, and its nodes by position.
fn history(count: u32) -> (Accumulator, BTreeMap<u64, [u8; 32]>) {
    let mut range = Accumulator::new();
    let nodes = (0..count).flat_map(|height| range.push(&example_leaf(height))).collect();
    (range, nodes)
}

fn proof(case: &Entry) -> Proof {
    Proof {
        index: case.number("index"),
        count: case.number("count"),
        siblings: case.hash_list("siblings"),
        right_bag: (!case.is_null("right_bag")).then(|| case.array("right_bag")),
        left_peaks: case.hash_list("left_peaks"),
    }
}

#[test]
fn leaves_have_their_hashes() {
    for case in section(FILE, "leaves") {
        let leaf = Leaf {
            id: BlockId::new(case.array("id")),
            height: case.number("height"),
            time: case.number("time"),
            bits: Bits::new(case.hex_number("bits")),
            work: Work::from_be_bytes(case.array("work_be")),
        };
        assert_eq!(leaf, example_leaf(leaf.height));
        assert_eq!(leaf.hash(), case.array("leaf"), "{}", case.name());
    }
}

#[test]
fn ranges_have_their_peaks_and_roots() {
    for case in section(FILE, "cases") {
        let count = case.number("count");
        let (range, nodes) = history(count);
        assert_eq!(range.root().to_string(), case.text("root"), "{}", case.name());
        let mut peaks = Vec::new();
        let loaded = Accumulator::load(count, |position| {
            peaks.push(nodes[&position]);
            nodes.get(&position).copied()
        });
        assert_eq!(loaded, Some(range), "{}", case.name());
        assert_eq!(peaks, case.hash_list("peaks"), "{}", case.name());
    }
}

#[test]
fn proofs_are_made_and_hold() {
    for case in section(FILE, "proofs") {
        let proof = proof(&case);
        let (range, nodes) = history(proof.count);
        let made = Proof::new(proof.index, proof.count, |position| nodes.get(&position).copied());
        assert_eq!(made.as_ref(), Some(&proof), "{}", case.name());
        assert_eq!(range.root().to_string(), case.text("root"), "{}", case.name());
        assert_eq!(example_leaf(proof.index).hash(), case.array("leaf"), "{}", case.name());
        assert!(proof.verify(&case.array("leaf"), &range.root()), "{}", case.name());
    }
}

#[test]
fn false_proofs_prove_nothing() {
    for case in section(FILE, "refused_proofs") {
        let root = HistoryRoot::new(case.array("root"));
        assert!(!proof(&case).verify(&case.array("leaf"), &root), "{}", case.name());
    }
}
