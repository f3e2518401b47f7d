//! What is on its way is neither lost nor missed.

use super::{Writing, Wrote};
use crate::ledger::LedgerOptions;
use crate::store::Writes;
use crate::testing::{Fixture, address, pay, pay_many};
use starling_consensus::Accounts;
use starling_primitives::state::Account;
use starling_primitives::{Address, Transaction};
use std::sync::Arc;

/// Payments of each of ten senders: a block of them all is written by another thread.
const EACH: u64 = 40;
/// Transactions to newcomers, and how many each pays.
const TXS: u16 = 50;
const OUTPUTS: u16 = 210;

fn payments(fixture: &Fixture, first: u64) -> Vec<Arc<Transaction>> {
    let all = (0..10).flat_map(|from| (first..first + EACH).map(move |nonce| (from, nonce)));
    all.map(|(from, nonce)| pay(&fixture.chain, from, nonce, address(from + 20), 1 << 50)).collect()
}

fn accounts(fixture: &Fixture) -> Vec<Account> {
    (0..40).map(|n| fixture.ledger.account(&address(n)).unwrap()).collect()
}

#[test]
fn readers_see_a_large_block_once_it_is_written() {
    let mut fixture = Fixture::new();
    let reader = fixture.ledger.reader();
    fixture.mine(payments(&fixture, 0));
    assert!(fixture.ledger.writing.is_some(), "another thread writes it");
    let (tip, seen) = (fixture.ledger.tip(), reader.view().unwrap().tip());
    assert!(seen.height == 0 || seen == tip, "whole or not at all");
    fixture.ledger.complete().unwrap();
    let view = reader.view().unwrap();
    assert_eq!(view.tip(), tip);
    for n in 0..40 {
        assert_eq!(view.account(&address(n)).unwrap(), fixture.ledger.account(&address(n)).unwrap());
    }
}

#[test]
fn a_block_on_its_way_can_be_taken_back_and_followed() {
    let mut fixture = Fixture::new();
    let (before, root) = (accounts(&fixture), fixture.ledger.state_root());
    let txs = payments(&fixture, 0);
    let block = fixture.block(txs.clone(), 9, None);
    for _ in 0..3 {
        fixture.ledger.connect(&block, false).unwrap();
        assert_eq!(fixture.ledger.disconnect(false).unwrap().txs.len(), txs.len());
    }
    assert_eq!((accounts(&fixture), fixture.ledger.state_root()), (before, root));
    fixture.ledger.connect(&block, false).unwrap();
    fixture.mine(payments(&fixture, EACH));
    let (tip, after) = (fixture.ledger.tip(), accounts(&fixture));
    let fixture = fixture.reopened();
    assert_eq!((fixture.ledger.tip(), accounts(&fixture)), (tip, after), "a ledger that is closed completes");
}

#[test]
fn a_state_on_its_way_is_the_state() {
    let mut fixture = Fixture::with(&LedgerOptions { memory_bytes: 0, ..LedgerOptions::USUAL });
    // More new accounts than may wait in so little memory.
    let newcomer = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Address::new([&[high, low][..], &[1; 18]].concat().try_into().unwrap())
    };
    let outputs = |tx: u16| (0..OUTPUTS).map(|at| (newcomer(tx % TXS * OUTPUTS + at), 1 << 56)).collect();
    let pay_newcomers = |tx: u16| {
        let (from, nonce) = (u8::try_from(tx % 10).unwrap(), u64::from(tx / 10));
        pay_many(&fixture.chain, from, nonce, outputs(tx))
    };
    let all = (0..2 * TXS).map(pay_newcomers).collect::<Vec<_>>();
    // The first time the tree grows, which waits.
    for txs in all.chunks(usize::from(TXS)) {
        fixture.mine(txs.to_vec());
    }
    let is_flush = |writing: &Writing| writing.what == Wrote::State;
    assert!(fixture.ledger.writing.as_ref().is_some_and(is_flush), "another thread writes it");
    let (root, rich) = (fixture.ledger.state_root(), fixture.ledger.account(&newcomer(0)).unwrap());
    assert_eq!(rich.balance.motes(), 2 << 56);
    fixture.mine(vec![pay(&fixture.chain, 0, u64::from(2 * TXS / 10), newcomer(0), 1)]);
    let found = fixture.ledger.account(&newcomer(0)).unwrap();
    assert_eq!(found.balance.motes(), (2 << 56) + 1, "what came since is upon it");
    fixture.ledger.disconnect(false).unwrap();
    assert_eq!((fixture.ledger.state_root(), fixture.ledger.account(&newcomer(0)).unwrap()), (root, rich));
    assert!(fixture.ledger.prove_account(&newcomer(9), 2).unwrap().is_some());
    let fixture = fixture.reopened();
    assert_eq!((fixture.ledger.state_root(), fixture.ledger.account(&newcomer(0)).unwrap()), (root, rich));
}

#[test]
fn nothing_is_written_after_a_write_that_failed() {
    let mut fixture = Fixture::new();
    fixture.mine(payments(&fixture, 0));
    fixture.ledger.complete().unwrap();
    let (tip, root) = (fixture.ledger.tip(), fixture.ledger.state_root());
    let block = fixture.block(payments(&fixture, EACH), 9, None);
    let torn = fixture.ledger.store().write(Writes::from_data(&[1, 2, 3]), false).unwrap_err();
    // Another thread finds out.
    fixture.ledger.connect(&block, false).unwrap();
    assert_eq!(fixture.ledger.complete().unwrap_err().to_string(), torn.to_string());
    assert_eq!(fixture.ledger.settle().unwrap_err().to_string(), torn.to_string());
    let fixture = fixture.reopened();
    assert_eq!((fixture.ledger.tip(), fixture.ledger.state_root()), (tip, root), "what was there before");
}
