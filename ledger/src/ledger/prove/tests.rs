//! Proofs against the headers of a chain that grows, shrinks and is opened again.

use crate::testing::{Fixture, address, pay};
use starling_consensus::Accounts;
use starling_primitives::state::{Account, Found};
use std::collections::HashSet;

/// Everybody whom the tests name; most begin absent.
const PEOPLE: u8 = 60;
const STAR: u128 = 1_000_000_000_000_000_000;

/// What every account is after each block.
struct Book(Vec<Vec<Account>>);

impl Book {
    fn note(&mut self, fixture: &Fixture) {
        self.0.truncate(usize::try_from(fixture.ledger.tip().height).unwrap());
        self.0.push((0..PEOPLE).map(|n| fixture.ledger.account(&address(n)).unwrap()).collect());
    }

    /// Every account at every height within reach is proven to be what it was; returns the ways in which.
    fn check(&self, fixture: &mut Fixture) -> HashSet<&'static str> {
        let mut ways = HashSet::new();
        let tip = fixture.ledger.tip().height;
        for height in (0..=tip).rev().take(129) {
            for n in 0..PEOPLE {
                let proven = fixture.ledger.prove_account(&address(n), height).unwrap().unwrap();
                assert_eq!(proven.header.height(), height);
                let root = proven.header.content().state_root;
                let value = proven.proof.verify(&proven.key, &root).unwrap();
                let account = value.map_or_else(Account::default, |value| Account::decode(value).unwrap());
                let expected = self.0[usize::try_from(height).unwrap()][usize::from(n)];
                assert_eq!(account, expected, "account {n} at height {height} of {tip}");
                ways.insert(match proven.proof.found {
                    Found::Value(_) => "present",
                    Found::Other(_) => "another leaf",
                    Found::Nothing => "an empty subtree",
                });
            }
        }
        ways
    }
}

#[test]
fn accounts_are_proven_at_the_tip_and_before_it() {
    let mut fixture = Fixture::new();
    let mut book = Book(Vec::new());
    book.note(&fixture);
    for round in 0..20u8 {
        let to = address(10 + round * 2);
        let txs = vec![pay(&fixture.chain, round % 5, u64::from(round / 5), to, STAR)];
        fixture.mine(txs);
        book.note(&fixture);
    }
    let ways = book.check(&mut fixture);
    assert_eq!(ways.len(), 3, "{ways:?}");
    // Back to absent, and another way from there.
    for _ in 0..7 {
        fixture.ledger.disconnect(false).unwrap();
    }
    book.check(&mut fixture);
    let gone =
        fixture.ledger.prove_account(&address(10 + 19 * 2), fixture.ledger.tip().height).unwrap().unwrap();
    assert!(
        !matches!(gone.proof.found, Found::Value(_)),
        "it came with a block that is not connected any more"
    );
    for n in 0..5u8 {
        let txs = vec![pay(&fixture.chain, 9, u64::from(n), address(50 + n), STAR)];
        fixture.mine(txs);
        book.note(&fixture);
    }
    book.check(&mut fixture);
    // What came since the start is known, what was before it is learnt.
    let mut fixture = fixture.reopened();
    for n in 5..8u8 {
        let txs = vec![pay(&fixture.chain, 9, u64::from(n), address(50 + n), STAR)];
        fixture.mine(txs);
        book.note(&fixture);
    }
    fixture.ledger.disconnect(false).unwrap();
    book.0.pop();
    book.check(&mut fixture);
    fixture.ledger.disconnect(false).unwrap();
    book.0.pop();
    book.check(&mut fixture);
}

#[test]
fn only_the_last_blocks_are_proven_from() {
    let mut fixture = Fixture::new();
    let mut book = Book(Vec::new());
    book.note(&fixture);
    for _ in 0..140 {
        fixture.mine(vec![]);
        book.note(&fixture);
    }
    let reaches =
        |fixture: &mut Fixture, height| fixture.ledger.prove_account(&address(1), height).unwrap().is_some();
    assert!(
        reaches(&mut fixture, 12) && !reaches(&mut fixture, 11),
        "128 blocks before the tip, and no more"
    );
    assert!(!reaches(&mut fixture, 141), "there is no such block yet");
    book.check(&mut fixture);
    let mut fixture = fixture.reopened();
    assert!(reaches(&mut fixture, 12) && !reaches(&mut fixture, 11));
    book.check(&mut fixture);
    for _ in 0..3 {
        fixture.ledger.disconnect(false).unwrap();
        book.0.pop();
    }
    assert!(reaches(&mut fixture, 9) && !reaches(&mut fixture, 8), "what was learnt was taken back");
    book.check(&mut fixture);
}

#[test]
fn a_changed_byte_proves_nothing() {
    let mut fixture = Fixture::new();
    let txs = vec![pay(&fixture.chain, 0, 0, address(20), STAR)];
    fixture.mine(txs);
    let proven = fixture.ledger.prove_account(&address(20), 1).unwrap().unwrap();
    let root = proven.header.content().state_root;
    assert!(proven.proof.verify(&proven.key, &root).is_ok());
    for at in 0..proven.proof.siblings.len() {
        let mut changed = proven.proof.clone();
        changed.siblings[at][7] ^= 1;
        assert!(changed.verify(&proven.key, &root).is_err());
    }
    let mut changed = proven.proof.clone();
    if let Found::Value(value) = &mut changed.found {
        value[22] ^= 1;
    }
    assert!(changed.verify(&proven.key, &root).is_err());
    let mut changed = proven.proof;
    changed.bitmap[0] ^= 0x80;
    assert!(changed.verify(&proven.key, &root).is_err());
}

#[test]
fn what_cannot_be_undone_any_more_cannot_be_proven_from() {
    let mut fixture = Fixture::new();
    let mut chain = (*fixture.chain).clone();
    chain.params.undo_blocks = 3;
    fixture.ledger.chain = std::sync::Arc::new(chain);
    for _ in 0..10 {
        fixture.mine(vec![]);
    }
    let mut reaches = |height| fixture.ledger.prove_account(&address(1), height).unwrap().is_some();
    assert!(reaches(7) && !reaches(6));
}
