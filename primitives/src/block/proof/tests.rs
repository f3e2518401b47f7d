//! Every proof leads to the root of the body; nothing else does.

use super::*;
use crate::tx_root;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// More than one shape of every kind.
const COUNT: u32 = 70;

fn ids(count: u32) -> Vec<Wtxid> {
    (0..count).map(|number| Wtxid::new(starling_sha256::sha256(&number.to_le_bytes()))).collect()
}

#[test]
fn every_transaction_of_every_body_is_proven() {
    for count in 1..=COUNT {
        let ids = ids(count);
        let root = tx_root(ids.iter().copied());
        for (index, id) in (0..count).zip(&ids) {
            let proof = TxProof::new(ids.iter().copied(), index).unwrap();
            assert_eq!((proof.index, proof.count), (index, count));
            assert!(proof.verify(id, &root), "{index} of {count}");
        }
        assert_eq!(TxProof::new(ids, count), None);
    }
    assert_eq!(TxProof::new([], 0), None);
}

#[test]
fn a_promoted_element_has_no_sibling() {
    for (index, count, siblings) in [(0, 1, 0), (2, 3, 1), (4, 5, 1), (0, 5, 3), (6, 7, 2), (8, 9, 1)] {
        let proof = TxProof::new(ids(count), index).unwrap();
        assert_eq!(proof.siblings.len(), siblings, "{index} of {count}");
    }
}

#[test]
fn a_shape_that_does_not_fit_is_false_though_its_hashes_lead_to_the_root() {
    let (leaf, other) = ([1; 32], [2; 32]);
    let holds = |index, count, siblings: &[[u8; 32]], root| {
        let proof = TxProof { index, count, siblings: siblings.to_vec() };
        proof.verify(&Wtxid::new(leaf), &TxRoot::new(root))
    };
    assert!(holds(0, 1, &[], leaf) && holds(0, 2, &[other], node(&leaf, &other)));
    assert!(!holds(0, 1, &[other], node(&leaf, &other)), "a sibling too many");
    assert!(!holds(0, 2, &[], leaf), "a sibling too few");
    assert!(!holds(1, 1, &[], leaf) && !holds(0, 0, &[], leaf), "no such transaction");
    assert!(!holds(u32::MAX, u32::MAX, &[], leaf) && !holds(u32::MAX, 0, &[], leaf));
}

proptest! {
    #[test]
    fn a_changed_proof_proves_nothing(count in 1u32..300, index: Index, at: Index, flip in 1u8..) {
        let index = u32::try_from(index.index(usize::try_from(count).unwrap())).unwrap();
        let ids = ids(count);
        let (id, root) = (ids[usize::try_from(index).unwrap()], tx_root(ids.iter().copied()));
        let proof = TxProof::new(ids, index).unwrap();
        prop_assert!(proof.verify(&id, &root));
        let flipped = |bytes: &[u8; 32]| {
            let mut bytes = *bytes;
            bytes[at.index(32)] ^= flip;
            bytes
        };
        prop_assert!(!proof.verify(&Wtxid::new(flipped(id.as_bytes())), &root));
        prop_assert!(!proof.verify(&id, &TxRoot::new(flipped(root.as_bytes()))));
        let longer = TxProof { siblings: [&proof.siblings[..], &[[flip; 32]]].concat(), ..proof.clone() };
        prop_assert!(!longer.verify(&id, &root));
        let moved = TxProof { index: proof.index ^ u32::from(flip), ..proof.clone() };
        prop_assert!(!moved.verify(&id, &root));
        if !proof.siblings.is_empty() {
            let mut other = proof.clone();
            let sibling = at.index(other.siblings.len());
            other.siblings[sibling] = flipped(&other.siblings[sibling]);
            prop_assert!(!other.verify(&id, &root));
            let shorter = TxProof { siblings: proof.siblings[1..].to_vec(), ..proof };
            prop_assert!(!shorter.verify(&id, &root));
        }
    }

    #[test]
    fn any_numbers_are_judged(index: u32, count: u32, siblings in vec(any::<[u8; 32]>(), 0..40)) {
        let proof = TxProof { index, count, siblings };
        prop_assert!(!proof.verify(&Wtxid::new([4; 32]), &TxRoot::ZERO));
    }
}
