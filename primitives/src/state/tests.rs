//! The state tree against its definition; proofs hold, and fall when a byte of them changes.

use super::*;
use crate::tests::amounts;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

type Map = BTreeMap<StateKey, Vec<u8>>;

/// Keys that share long beginnings as well as keys that do not.
fn keys() -> impl Strategy<Value = StateKey> {
    let near = (0usize..256, any::<bool>()).prop_map(|(bit, ones)| {
        let mut bytes = if ones { [0xff; 32] } else { [0; 32] };
        bytes[bit / 8] ^= 0x80 >> (bit % 8);
        bytes
    });
    prop_oneof![any::<[u8; 32]>(), near, any::<u8>().prop_map(|byte| [byte; 32])].prop_map(StateKey::new)
}

fn maps() -> impl Strategy<Value = Map> {
    btree_map(keys(), vec(any::<u8>(), 1..40), 0..40)
}

fn entries(map: &Map) -> Vec<(StateKey, Vec<u8>)> {
    map.iter().map(|(key, value)| (*key, value.clone())).collect()
}

/// The definition, word for word: the subtree of the keys that begin with `path`.
fn defined(map: &Map, path: &mut Vec<bool>) -> [u8; 32] {
    let inside = |key: &StateKey| path.iter().enumerate().all(|(i, bit)| key.bit(i) == *bit);
    let found: Vec<_> = map.iter().filter(|(key, _)| inside(key)).collect();
    match found[..] {
        [] => [0; 32],
        [(key, value)] => leaf(key, value),
        _ => {
            let mut half = |bit| {
                path.push(bit);
                let hash = defined(map, path);
                path.pop();
                hash
            };
            node(&half(false), &half(true))
        }
    }
}

proptest! {
    #[test]
    fn the_root_is_the_defined_one(map in maps()) {
        prop_assert_eq!(*root(&entries(&map)).as_bytes(), defined(&map, &mut Vec::new()));
    }

    #[test]
    fn many_leaves_are_each_a_leaf(map in maps()) {
        let (mut blocks, mut expected) = (Vec::new(), Vec::new());
        for (key, value) in &map {
            let block = leaf_block(key, value);
            prop_assert_eq!(block.is_some(), value.len() <= Account::BYTES);
            blocks.extend(block);
            expected.extend(block.map(|_| leaf(key, value)));
        }
        let mut out = vec![[0; 32]; blocks.len()];
        leaves(&blocks, &mut out);
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn proofs_prove_what_is_there_and_what_is_not(map in maps(), others in vec(keys(), 0..10)) {
        let entries = entries(&map);
        let root = root(&entries);
        for key in map.keys().chain(&others) {
            let proof = prove(&entries, key);
            prop_assert_eq!(proof.verify(key, &root), Ok(map.get(key).map(Vec::as_slice)));
        }
    }

    #[test]
    fn a_changed_byte_breaks_a_proof(map in maps(), key in keys(), at: Index, flip in 1u8..) {
        let entries = entries(&map);
        let root = root(&entries);
        let targets = map.keys().copied().chain([key]).collect::<Vec<_>>();
        let key = targets[at.index(targets.len())];
        let proof = prove(&entries, &key);
        for changed in changes(&proof, at, flip) {
            prop_assert!(changed.verify(&key, &root).is_err(), "{:?}", changed);
        }
        let mut other = *root.as_bytes();
        other[at.index(32)] ^= flip;
        prop_assert!(proof.verify(&key, &StateRoot::new(other)).is_err());
        if map.contains_key(&key) {
            let mut moved = *key.as_bytes();
            moved[at.index(32)] ^= flip;
            prop_assert!(proof.verify(&StateKey::new(moved), &root).is_err());
        }
    }

    #[test]
    fn accounts_have_one_encoding(nonce: u64, balance in amounts(), bytes in vec(any::<u8>(), 0..30)) {
        let account = Account { nonce, balance };
        let encoded = account.encode();
        let absent = DecodeError::BadField { what: "account", value: 0 };
        let expected = if account.is_absent() { Err(absent) } else { Ok(account) };
        prop_assert_eq!(Account::decode(&encoded), expected);
        prop_assert_eq!(Account::decode(&[&encoded[..], &[0]].concat()), Err(DecodeError::TrailingBytes(1)));
        for len in 0..encoded.len() {
            let is_truncated = matches!(Account::decode(&encoded[..len]), Err(DecodeError::Truncated { .. }));
            prop_assert!(is_truncated);
        }
        if let Ok(account) = Account::decode(&bytes) {
            prop_assert_eq!(account.encode().to_vec(), bytes);
        }
    }
}

fn pick<T>(items: &mut [T], at: Index) -> &mut T {
    let index = at.index(items.len());
    &mut items[index]
}

/// The proof with one byte, or one part, of each kind changed.
fn changes(proof: &Proof, at: Index, flip: u8) -> Vec<Proof> {
    let mut changed = Vec::new();
    let mut push = |change: &dyn Fn(&mut Proof)| {
        let mut other = proof.clone();
        change(&mut other);
        changed.push(other);
    };
    push(&|proof| proof.bitmap[at.index(32)] ^= flip);
    push(&|proof| proof.siblings.push([flip; 32]));
    if !proof.siblings.is_empty() {
        push(&|proof| proof.siblings.truncate(proof.siblings.len() - 1));
        push(&|proof| {
            pick(&mut proof.siblings, at)[at.index(32)] ^= flip;
        });
        push(&|proof| *pick(&mut proof.siblings, at) = [0; 32]);
    }
    push(&|proof| match &mut proof.found {
        Found::Value(value) => *pick(value, at) ^= flip,
        Found::Other(other) => *pick(&mut other.value, at) ^= flip,
        Found::Nothing => proof.found = Found::Value(vec![flip]),
    });
    push(&|proof| match &mut proof.found {
        Found::Value(value) => value.push(flip),
        Found::Other(other) => {
            let mut key = *other.key.as_bytes();
            key[at.index(32)] ^= flip;
            other.key = StateKey::new(key);
        }
        Found::Nothing => {
            proof.found = Found::Other(OtherLeaf { key: StateKey::new([flip; 32]), value: vec![flip] });
        }
    });
    if proof.found != Found::Nothing {
        push(&|proof| proof.found = Found::Nothing);
    }
    changed
}

#[test]
fn another_leaf_must_differ_and_share_the_path() {
    let (a, b) = (StateKey::new([0; 32]), StateKey::new([0x80; 32]));
    let entries = [(a, vec![1]), (b, vec![2])];
    let mut proof = prove(&entries, &a);
    proof.found = Found::Other(OtherLeaf { key: a, value: vec![1] });
    assert_eq!(proof.verify(&a, &root(&entries)), Err(ProofError::WrongOther));
    proof.found = Found::Other(OtherLeaf { key: b, value: vec![2] });
    assert_eq!(proof.verify(&a, &root(&entries)), Err(ProofError::WrongOther));
}
