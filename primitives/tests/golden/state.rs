//! `state.json`: accounts, roots, proofs.

use crate::data::{Entry, example_address, section};
use starling_primitives::state::{Account, Found, OtherLeaf, Proof, ProofError, StateKey, leaf, prove, root};
use starling_primitives::{Amount, StateRoot};
use std::collections::BTreeMap;

const FILE: &str = include_str!("state.json");

type Entries = Vec<(StateKey, Vec<u8>)>;

/// The first `count` example accounts, ascending by key.
fn accounts(count: u32) -> Entries {
    let account = |i: u32| {
        let balance = Amount::from_star(&(u64::from(i) + 1).to_string()).expect("few STAR");
        let account = Account { nonce: u64::from(i), balance };
        (StateKey::account(&example_address(i)), account.encode().to_vec())
    };
    (0..count).map(account).collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn raw(case: &Entry) -> Entries {
    let keys = case.hash_list("keys").into_iter().map(StateKey::new);
    keys.zip(case.hex_list("values")).collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// Every state of the file by its name.
fn states() -> BTreeMap<String, Entries> {
    let counted =
        section(FILE, "cases").into_iter().map(|case| (case.name(), accounts(case.number("count"))));
    let raw = section(FILE, "raw").into_iter().map(|case| (case.name(), raw(&case)));
    counted.chain(raw).collect()
}

fn key(case: &Entry) -> StateKey {
    StateKey::new(case.array("key"))
}

fn value(case: &Entry) -> Option<Vec<u8>> {
    (!case.is_null("value")).then(|| case.bytes("value"))
}

fn proof(case: &Entry) -> Proof {
    let found = match value(case) {
        Some(value) => Found::Value(value),
        None if case.is_null("other_key") => Found::Nothing,
        None => Found::Other(OtherLeaf {
            key: StateKey::new(case.array("other_key")),
            value: case.bytes("other_value"),
        }),
    };
    Proof { found, bitmap: case.array("bitmap"), siblings: case.hash_list("siblings") }
}

fn check_account(case: &Entry) {
    let account = Account { nonce: case.number("nonce"), balance: case.amount("balance") };
    let key = StateKey::account(&case.address("address"));
    assert_eq!(key, self::key(case), "{}", case.name());
    assert_eq!(account.encode().to_vec(), case.bytes("value"), "{}", case.name());
    assert_eq!(Account::decode(&case.bytes("value")), Ok(account), "{}", case.name());
    assert_eq!(leaf(&key, &account.encode()), case.array("leaf"), "{}", case.name());
}

#[test]
fn accounts_have_their_keys_values_and_leaves() {
    section(FILE, "values").iter().for_each(check_account);
    for case in section(FILE, "cases") {
        case.entries("accounts").iter().for_each(check_account);
    }
}

#[test]
fn sets_have_their_roots() {
    for case in section(FILE, "cases") {
        assert_eq!(root(&accounts(case.number("count"))).to_string(), case.text("root"), "{}", case.name());
    }
    for case in section(FILE, "raw") {
        assert_eq!(root(&raw(&case)).to_string(), case.text("root"), "{}", case.name());
        let pairs = case.hash_list("keys").into_iter().zip(case.hex_list("values"));
        let leaves: Vec<_> = pairs.map(|(key, value)| leaf(&StateKey::new(key), &value)).collect();
        assert_eq!(leaves, case.hash_list("leaves"), "{}", case.name());
    }
}

#[test]
fn proofs_are_made_and_hold() {
    let states = states();
    for case in section(FILE, "proofs") {
        let entries = &states[case.text("state")];
        let proof = proof(&case);
        assert_eq!(prove(entries, &key(&case)), proof, "{}", case.name());
        let root = StateRoot::new(case.array("root"));
        assert_eq!(root, starling_primitives::state::root(entries), "{}", case.name());
        assert_eq!(proof.verify(&key(&case), &root), Ok(value(&case).as_deref()), "{}", case.name());
    }
}

#[test]
fn false_proofs_are_refused_by_name() {
    for case in section(FILE, "refused_proofs") {
        let error = match proof(&case).verify(&key(&case), &StateRoot::new(case.array("root"))).unwrap_err() {
            ProofError::SiblingCount { .. } => "proof_sibling_count",
            ProofError::ZeroSibling => "proof_zero_sibling",
            ProofError::WrongOther => "proof_wrong_other",
            ProofError::WrongRoot => "proof_wrong_root",
        };
        assert_eq!(error, case.text("error"), "{}", case.name());
    }
}
