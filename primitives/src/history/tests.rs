//! The range against its definition and against the `ckb-merkle-mountain-range` crate; proofs.

use super::*;
use ckb_merkle_mountain_range::util::{MemMMR, MemStore};
use ckb_merkle_mountain_range::{Merge, leaf_index_to_pos};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

/// More than one shape of every kind.
const COUNT: u32 = 70;

/// The crate's range with our nodes, and bagging the other way round than its own.
struct Ours;

impl Merge for Ours {
    type Item = [u8; 32];

    fn merge(left: &[u8; 32], right: &[u8; 32]) -> ckb_merkle_mountain_range::Result<[u8; 32]> {
        Ok(node(left, right))
    }

    fn merge_peaks(right: &[u8; 32], left: &[u8; 32]) -> ckb_merkle_mountain_range::Result<[u8; 32]> {
        Ok(node(left, right))
    }
}

fn leaf(height: u32) -> Leaf {
    let id = BlockId::new(starling_sha256::sha256(&height.to_le_bytes()));
    Leaf { id, height, time: 5 * height, bits: Bits::new(0x207f_ffff), work: Work::ZERO }
}

/// The range of the first `count` leaves, with its nodes.
fn range(count: u32) -> (Accumulator, BTreeMap<u64, [u8; 32]>) {
    let mut range = Accumulator::new();
    let nodes = (0..count).flat_map(|height| range.push(&leaf(height))).collect();
    (range, nodes)
}

/// The definition: a perfect tree for each bit of the count, bagged from the right.
fn defined(leaves: &[[u8; 32]]) -> [u8; 32] {
    fn perfect(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [lone] => *lone,
            _ => {
                let (left, right) = leaves.split_at(leaves.len() / 2);
                node(&perfect(left), &perfect(right))
            }
        }
    }
    match leaves.len() {
        0 => [0; 32],
        len if len.is_power_of_two() => perfect(leaves),
        len => {
            let (peak, rest) = leaves.split_at(len.next_power_of_two() / 2);
            node(&perfect(peak), &defined(rest))
        }
    }
}

#[test]
fn every_range_is_the_defined_one_and_the_crate_s() {
    let store = MemStore::default();
    let mut theirs = MemMMR::<_, Ours>::new(0, &store);
    let mut ours = Accumulator::new();
    let mut leaves = Vec::new();
    assert_eq!(ours.root(), HistoryRoot::ZERO);
    for height in 0..COUNT {
        assert_eq!(ours.count(), height);
        assert_eq!(size(height), theirs.mmr_size());
        let placed = ours.push(&leaf(height));
        let position = theirs.push(leaf(height).hash()).unwrap();
        theirs.commit().unwrap();
        assert_eq!(placed[0], (position, leaf(height).hash()));
        assert_eq!(placed.last().unwrap().0 + 1, theirs.mmr_size());
        leaves.push(leaf(height).hash());
        assert_eq!(ours.root().as_bytes(), &theirs.get_root().unwrap(), "{height}");
        assert_eq!(ours.root().as_bytes(), &defined(&leaves), "{height}");
    }
}

#[test]
fn every_proof_holds_and_is_the_crate_s() {
    for count in 1..=COUNT {
        let store = MemStore::default();
        let mut theirs = MemMMR::<_, Ours>::new(0, &store);
        for height in 0..count {
            theirs.push(leaf(height).hash()).unwrap();
        }
        theirs.commit().unwrap();
        let (ours, nodes) = range(count);
        for index in 0..count {
            let proof = Proof::new(index, count, |position| nodes.get(&position).copied()).unwrap();
            assert!(proof.verify(&leaf(index).hash(), &ours.root()), "{index} of {count}");
            let left = proof.left_peaks.iter().rev();
            let items: Vec<_> = left.chain(&proof.siblings).chain(&proof.right_bag).copied().collect();
            let their_proof = theirs.gen_proof(vec![leaf_index_to_pos(u64::from(index))]).unwrap();
            assert_eq!(their_proof.proof_items(), items, "{index} of {count}");
        }
        assert_eq!(Proof::new(count, count, |position| nodes.get(&position).copied()), None);
    }
}

#[test]
fn a_loaded_range_goes_on_as_the_one_that_was_stored() {
    for count in 0..COUNT {
        let (mut range, nodes) = range(count);
        let mut loaded = Accumulator::load(count, |position| nodes.get(&position).copied()).unwrap();
        assert_eq!(loaded.push(&leaf(count)), range.push(&leaf(count)));
        assert_eq!(loaded, range);
        if count > 0 {
            assert_eq!(Accumulator::load(count, |_| None), None);
        }
    }
}

#[test]
fn a_proof_of_a_range_that_lacks_a_node_is_none() {
    let (_, nodes) = range(11);
    let made = |without: u64| Proof::new(2, 11, |at| nodes.get(&at).copied().filter(|_| at != without));
    // Leaf 2 needs leaf 3, the tree over 0 and 1, the tree over 4 to 7, and the peaks to the right.
    for needed in [4, 2, 13, 17, 18] {
        assert_eq!(made(needed), None, "{needed}");
    }
    assert!(made(0).is_some());
}

#[test]
fn a_shape_that_does_not_fit_is_false_though_its_hashes_lead_to_the_root() {
    let (leaf, other) = ([1; 32], [2; 32]);
    let plain = |index, count| Proof { index, count, siblings: vec![], right_bag: None, left_peaks: vec![] };
    let lone = plain(0, 1);
    let holds = |proof: Proof, root| proof.verify(&leaf, &HistoryRoot::new(root));
    assert!(holds(lone.clone(), leaf));
    assert!(!holds(Proof { siblings: vec![other], ..lone.clone() }, node(&leaf, &other)));
    assert!(!holds(Proof { right_bag: Some(other), ..lone.clone() }, node(&leaf, &other)));
    assert!(!holds(Proof { left_peaks: vec![other], ..lone }, node(&other, &leaf)));
    assert!(!holds(plain(0, 2), leaf) && !holds(plain(2, 3), leaf) && !holds(plain(1, 1), leaf));
    assert!(!holds(Proof { siblings: vec![other], ..plain(0, 3) }, node(&leaf, &other)), "no bag");
}

#[test]
fn a_leaf_commits_to_each_of_its_fields() {
    let plain = leaf(3);
    let others = [
        Leaf { id: BlockId::ZERO, ..plain },
        Leaf { height: 4, ..plain },
        Leaf { time: 16, ..plain },
        Leaf { bits: Bits::new(1), ..plain },
        Leaf { work: Work::MAX, ..plain },
    ];
    assert!(others.iter().all(|other| other.hash() != plain.hash()));
}

proptest! {
    #[test]
    fn a_changed_proof_proves_nothing(count in 1u32..300, index: Index, at: Index, flip in 1u8..) {
        let index = u32::try_from(index.index(usize::try_from(count).unwrap())).unwrap();
        let (range, nodes) = range(count);
        let proof = Proof::new(index, count, |position| nodes.get(&position).copied()).unwrap();
        let (leaf, root) = (leaf(index).hash(), range.root());
        for changed in changes(&proof, at, flip) {
            prop_assert!(!changed.verify(&leaf, &root), "{:?}", changed);
        }
        let flipped = |bytes: &[u8; 32]| {
            let mut bytes = *bytes;
            bytes[at.index(32)] ^= flip;
            bytes
        };
        prop_assert!(!proof.verify(&flipped(&leaf), &root));
        prop_assert!(!proof.verify(&leaf, &HistoryRoot::new(flipped(root.as_bytes()))));
    }

    #[test]
    fn any_numbers_are_judged(
        index: u32, count: u32, siblings in 0usize..40, peaks in 0usize..40, bag: bool,
    ) {
        let proof = Proof {
            index,
            count,
            siblings: vec![[1; 32]; siblings],
            right_bag: bag.then_some([2; 32]),
            left_peaks: vec![[3; 32]; peaks],
        };
        prop_assert!(!proof.verify(&[4; 32], &HistoryRoot::ZERO));
    }
}

/// The proof with one byte, or one part, of each kind changed.
fn changes(proof: &Proof, at: Index, flip: u8) -> Vec<Proof> {
    let mut changed = vec![
        Proof { index: proof.index ^ u32::from(flip), ..proof.clone() },
        Proof { siblings: [&proof.siblings[..], &[[flip; 32]]].concat(), ..proof.clone() },
        Proof { left_peaks: [&proof.left_peaks[..], &[[flip; 32]]].concat(), ..proof.clone() },
    ];
    let bag = match proof.right_bag {
        Some(_) => None,
        None => Some([flip; 32]),
    };
    changed.push(Proof { right_bag: bag, ..proof.clone() });
    if let Some(mut bag) = proof.right_bag {
        bag[at.index(32)] ^= flip;
        changed.push(Proof { right_bag: Some(bag), ..proof.clone() });
    }
    if !proof.siblings.is_empty() {
        let mut other = proof.clone();
        other.siblings[at.index(proof.siblings.len())][at.index(32)] ^= flip;
        changed.push(other);
    }
    if !proof.left_peaks.is_empty() {
        let mut other = proof.clone();
        other.left_peaks[at.index(proof.left_peaks.len())][at.index(32)] ^= flip;
        changed.push(other);
    }
    changed
}
