//! A start from the tree on disk knows what one from the accounts knows.

use super::{PARTS_AT_ONCE, read};
use crate::ledger::{Ledger, LedgerOptions};
use crate::records::TreeMark;
use crate::store::{Family, Store, meta};
use crate::testing::{Fixture, pay, pay_many};
use starling_primitives::Address;
use tempfile::TempDir;

const PER_TX: u16 = 250;
const TXS: u16 = 40;

fn newcomer(number: u16) -> Address {
    let [high, low] = number.to_be_bytes();
    Address::new([&[high, low][..], &[1; 18]].concat().try_into().unwrap())
}

/// A ledger of ten thousand accounts.
fn large() -> Fixture {
    let mut fixture = Fixture::new();
    let outputs = |tx: u16| (0..PER_TX).map(|at| (newcomer(tx * PER_TX + at), 1 << 50)).collect();
    let payment =
        |tx: u16| pay_many(&fixture.chain, u8::try_from(tx % 10).unwrap(), u64::from(tx / 10), outputs(tx));
    let txs = (0..TXS).map(payment).collect();
    fixture.mine(txs);
    assert!(fixture.ledger.state.tree().keys() > 10_000);
    fixture
}

fn close(fixture: Fixture) -> (TempDir, std::sync::Arc<starling_genesis::Chain>) {
    let Fixture { dir, chain, .. } = fixture;
    (dir, chain)
}

fn has_tree(ledger: &Ledger) -> bool {
    read(ledger.store(), &ledger.lag.on_disk).unwrap().is_some()
}

#[test]
fn a_settled_ledger_starts_from_its_tree() {
    let mut fixture = large();
    assert!(!has_tree(&fixture.ledger));
    fixture.ledger.settle().unwrap();
    assert!(has_tree(&fixture.ledger));
    let (root, next) = (fixture.ledger.state_root(), newcomer(7));
    let mut fixture = fixture.reopened();
    assert_eq!(fixture.ledger.state_root(), root);
    assert!(fixture.ledger.prove_account(&next, 1).unwrap().is_some());
    // Whatever the tree knows wrongly would give another root than the miner's.
    fixture.mine(vec![pay(&fixture.chain, 0, u64::from(TXS / 10), next, 5)]);
    let (changed, mut fixture) = (fixture.ledger.state_root(), fixture.reopened());
    assert!(!has_tree(&fixture.ledger) || fixture.ledger.lag.on_disk.height == 1, "of an older state");
    assert_eq!(fixture.ledger.state_root(), changed);
    fixture.ledger.settle().unwrap();
    fixture.ledger.disconnect(false).unwrap();
    assert_eq!(fixture.ledger.state_root(), root);
    fixture.ledger.settle().unwrap();
    assert_eq!(fixture.reopened().ledger.state_root(), root);
}

#[test]
fn a_small_ledger_has_no_use_for_it() {
    let mut fixture = Fixture::new();
    fixture.mine(vec![]);
    fixture.ledger.settle().unwrap();
    assert_eq!(fixture.ledger.store().tree_mark().unwrap(), None);
    assert_eq!(fixture.ledger.store().scan(Family::Tree).count(), 0);
}

#[test]
fn what_is_not_the_tree_of_the_state_is_not_taken() {
    let mut fixture = large();
    fixture.ledger.settle().unwrap();
    let (root, on_disk) = (fixture.ledger.state_root(), fixture.ledger.lag.on_disk);
    let mark = fixture.ledger.store().tree_mark().unwrap().unwrap();
    let parts = mark.outline.parts().unwrap();
    assert!(parts > 1 && usize::try_from(parts).unwrap() < PARTS_AT_ONCE);
    let part = |store: &Store| store.get(Family::Tree, &1u32.to_be_bytes()).unwrap().unwrap();
    let (dir, chain) = close(fixture);
    let spoil = |change: &dyn Fn(&Store)| {
        let (ledger, _) = Ledger::open(&dir.path().join("db"), chain.clone()).unwrap();
        assert_eq!(ledger.state_root(), root);
        change(ledger.store());
        assert!(read(ledger.store(), &on_disk).unwrap().is_none());
        drop(ledger);
        let (mut ledger, _) = Ledger::open_with(&dir.path().join("db"), chain.clone(), &LedgerOptions::USUAL)
            .expect("the accounts are whole");
        assert_eq!(ledger.state_root(), root);
        // The mark says that it is written already.
        let mut batch = ledger.store().batch();
        batch.delete(Family::Meta, meta::TREE);
        ledger.store().commit(batch, false).unwrap();
        ledger.settle().unwrap();
        assert!(has_tree(&ledger));
    };
    let put = |store: &Store, family: Family, key: &[u8], value: &[u8]| {
        let mut batch = store.batch();
        batch.put(family, key, value);
        store.commit(batch, false).unwrap();
    };
    let put_mark = |store: &Store, mark: &TreeMark| put(store, Family::Meta, meta::TREE, &mark.encode());
    let first = 1u32.to_be_bytes();
    spoil(&|store| {
        let mut bytes = part(store);
        bytes[100] ^= 1;
        put(store, Family::Tree, &first, &bytes);
    });
    spoil(&|store| put(store, Family::Tree, &first, &part(store)[1..]));
    spoil(&|store| put(store, Family::Tree, &first, &[]));
    spoil(&|store| {
        let mut batch = store.batch();
        batch.delete(Family::Tree, &first);
        store.commit(batch, false).unwrap();
    });
    for depth in [0, 7, 28, 29, u32::MAX] {
        let mut other = mark.clone();
        other.outline.depth = depth;
        spoil(&|store| put_mark(store, &other));
    }
    spoil(&|store| put(store, Family::Meta, meta::TREE, &[1, 2, 3]));
    let mut other = mark.clone();
    other.at.height += 1;
    spoil(&|store| put_mark(store, &other));
}

#[test]
fn accounts_are_read_ahead_after_a_start_from_the_tree() {
    let mut fixture = large();
    fixture.ledger.settle().unwrap();
    let root = fixture.ledger.state_root();
    let mut fixture = fixture.reopened();
    let accounts = |fixture: &Fixture| fixture.ledger.memory().unwrap().accounts;
    assert_eq!(accounts(&fixture), 0, "a start reads none");
    // What comes meanwhile is upon what is read.
    fixture.mine(vec![pay(&fixture.chain, 0, u64::from(TXS / 10), newcomer(7), 5)]);
    let mut calls = 1;
    while fixture.ledger.warm().unwrap() {
        calls += 1;
    }
    assert!(calls > 1 && accounts(&fixture) > 10_000 * 55, "{calls} calls, {} bytes", accounts(&fixture));
    assert!(!fixture.ledger.warm().unwrap());
    fixture.ledger.disconnect(false).unwrap();
    assert_eq!(fixture.ledger.state_root(), root);
    fixture.mine(vec![pay(&fixture.chain, 1, u64::from(TXS / 10), newcomer(9_999), 5)]);
    let (after, fixture) = (fixture.ledger.state_root(), fixture.reopened());
    assert_eq!(fixture.ledger.state_root(), after);
}

#[test]
fn no_more_is_read_ahead_than_there_is_room_for() {
    let mut fixture = large();
    fixture.ledger.settle().unwrap();
    let options = LedgerOptions { memory_bytes: 0, ..LedgerOptions::USUAL };
    let mut fixture = fixture.reopened_with(&options);
    while fixture.ledger.warm().unwrap() {}
    let bytes = usize::try_from(fixture.ledger.memory().unwrap().accounts).unwrap();
    assert!(bytes <= options.account_bytes(), "{bytes}");
}
