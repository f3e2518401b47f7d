//! Starts with a state that is behind, before and beside the tip.

use super::*;
use crate::testing::{Fixture, address, pay};
use crate::verify_chain;
use starling_consensus::Accounts;
use starling_primitives::Address;
use starling_primitives::state::Account;
use std::collections::BTreeMap;

const STAR: u128 = 1_000_000_000_000_000_000;

fn accounts(fixture: &Fixture) -> BTreeMap<Address, Account> {
    (0..40).map(|n| (address(n), fixture.ledger.account(&address(n)).unwrap())).collect()
}

fn mine_payment(fixture: &mut Fixture, from: u8, to: u8) {
    let nonce = fixture.ledger.account(&address(from)).unwrap().nonce;
    let tx = pay(&fixture.chain, from, nonce, address(to), STAR);
    fixture.mine(vec![tx]);
}

/// Everybody sees the same: the writer, a reader, and whoever starts from what is on disk.
fn check(fixture: Fixture) -> Fixture {
    let (before, root, tip) = (accounts(&fixture), fixture.ledger.state_root(), fixture.ledger.tip());
    let deepest = fixture.ledger.deepest_fork();
    let reader = fixture.ledger.reader();
    let view = reader.view().unwrap();
    for (address, account) in &before {
        assert_eq!(view.account(address).unwrap(), *account);
    }
    drop(view);
    verify_chain(&reader, |_, _| ()).unwrap();
    drop(reader);
    let fixture = fixture.reopened();
    assert_eq!((fixture.ledger.state_root(), fixture.ledger.tip()), (root, tip));
    assert_eq!((accounts(&fixture), fixture.ledger.deepest_fork()), (before, deepest));
    verify_chain(&fixture.ledger.reader(), |_, _| ()).unwrap();
    fixture
}

fn on_disk(fixture: &Fixture) -> u32 {
    fixture.ledger.store.state_tip().unwrap().unwrap().height
}

#[test]
fn a_start_goes_on_from_the_state_on_disk() {
    let mut fixture = Fixture::new();
    for round in 0..6 {
        mine_payment(&mut fixture, round, 20 + round);
    }
    assert_eq!(on_disk(&fixture), 0, "nothing was flushed");
    let mut fixture = check(fixture);
    fixture.ledger.flush_state().unwrap();
    assert_eq!(on_disk(&fixture), 6);
    mine_payment(&mut fixture, 0, 30);
    let fixture = check(fixture);
    assert_eq!(on_disk(&fixture), 6, "a start alone writes nothing");
}

#[test]
fn a_start_goes_back_from_a_branch_that_was_left_since_the_flush() {
    let mut fixture = Fixture::new();
    for round in 0..5 {
        mine_payment(&mut fixture, round, 20 + round);
    }
    fixture.ledger.flush_state().unwrap();
    for _ in 0..3 {
        fixture.ledger.disconnect(false).unwrap();
    }
    assert_eq!((fixture.ledger.tip().height, on_disk(&fixture)), (2, 5));
    let fixture = check(fixture);
    assert_eq!(on_disk(&fixture), 2, "what was kept to go back is gone, so the state is written");
    let mut fixture = check(fixture);
    fixture.ledger.flush_state().unwrap();
    fixture.ledger.disconnect(false).unwrap();
    mine_payment(&mut fixture, 7, 30);
    mine_payment(&mut fixture, 7, 31);
    assert_eq!(on_disk(&fixture), 2, "beside the branch that is connected now");
    check(fixture);
}

/// The same blocks leave and come back, and leave again: their undo records are there each time.
#[test]
fn blocks_that_come_back_can_be_left_again() {
    let mut fixture = Fixture::new();
    let mut blocks = Vec::new();
    for round in 0..4 {
        let tx = pay(&fixture.chain, round, 0, address(20 + round), STAR);
        let block = fixture.block(vec![tx], 9, None);
        fixture.ledger.connect(&block, false).unwrap();
        fixture.tree.set_status(&block.header().header().id(), starling_consensus::Status::Connected);
        blocks.push(block);
    }
    fixture.ledger.flush_state().unwrap();
    for depth in [1, 3, 2, 4] {
        for _ in 0..depth {
            fixture.ledger.disconnect(false).unwrap();
        }
        let mut opened = check(fixture);
        for block in &blocks[4 - depth..] {
            opened.ledger.connect(block, false).unwrap();
        }
        opened.ledger.disconnect(false).unwrap();
        opened.ledger.connect(&blocks[3], false).unwrap();
        opened.ledger.flush_state().unwrap();
        fixture = check(opened);
    }
    // Without a start in between.
    for depth in [2, 4, 1] {
        for _ in 0..depth {
            fixture.ledger.disconnect(false).unwrap();
        }
        for block in &blocks[4 - depth..] {
            fixture.ledger.connect(block, false).unwrap();
        }
    }
    fixture.ledger.disconnect(false).unwrap();
    check(fixture);
}

#[test]
fn a_state_far_behind_is_flushed() {
    let mut fixture = Fixture::new();
    fixture.ledger.lag.txs = MAX_LAG_TXS - 2 * BLOCK_TXS;
    fixture.mine(vec![]);
    assert_eq!(on_disk(&fixture), 0);
    fixture.mine(vec![]);
    assert_eq!((on_disk(&fixture), fixture.ledger.lag.txs), (2, 0));
    fixture.ledger.lag.max_changes = 3;
    mine_payment(&mut fixture, 0, 20);
    assert_eq!(on_disk(&fixture), 3, "three accounts changed");
}

#[test]
fn a_stored_block_that_does_not_apply_is_damage() {
    let mut fixture = Fixture::new();
    mine_payment(&mut fixture, 0, 20);
    let tip = fixture.ledger.tip();
    let mut batch = fixture.ledger.store.batch();
    batch.delete(Family::Bodies, &block_key(tip.height, &tip.id));
    fixture.ledger.store.commit(batch, true).unwrap();
    let path = fixture.dir.path().join("db");
    drop((fixture.ledger, fixture.tree));
    let error = Ledger::open(&path, fixture.chain.clone()).err().expect("it is damaged");
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("has no body"), "{error}");
}

#[test]
fn a_tree_that_grows_still_proves_earlier_blocks() {
    let mut fixture = Fixture::new();
    // The smallest tree has 256 buckets, of two keys on average.
    let people: Vec<Address> = (0..560u32).map(someone).collect();
    for (nonce, some) in (0..).zip(people.chunks(35)) {
        let outputs = some.iter().map(|to| (*to, STAR / 100)).collect();
        let tx = crate::testing::pay_many(&fixture.chain, 0, nonce, outputs);
        fixture.mine(vec![tx]);
    }
    let tip = fixture.ledger.tip().height;
    assert_eq!(on_disk(&fixture), 15, "it grew with more than 512 keys, and was flushed for it");
    for height in 0..=tip {
        let proven = fixture.ledger.prove_account(&people[0], height).unwrap().unwrap();
        let value = proven.proof.verify(&proven.key, &proven.header.content().state_root).unwrap();
        assert_eq!(value.is_some(), height > 0, "at {height} of {tip}");
    }
    check(fixture);
}

fn someone(number: u32) -> Address {
    let mut bytes = [7; 20];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Address::new(bytes)
}
