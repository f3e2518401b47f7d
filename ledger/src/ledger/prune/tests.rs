//! What is kept and what goes.

use super::*;
use crate::ledger::LedgerOptions;
use crate::testing::{Fixture, address, pay};
use crate::{VerifyError, verify_chain};

const STAR: u128 = 1_000_000_000_000_000_000;

fn pruning(keep: u32) -> LedgerOptions {
    LedgerOptions { keep_bodies: Some(keep), ..LedgerOptions::default() }
}

fn bodies(fixture: &Fixture) -> Vec<u32> {
    let height = |key: &[u8]| u32::from_be_bytes(*key.first_chunk().unwrap());
    fixture.ledger.store.scan(Family::Bodies).map(|entry| height(&entry.unwrap().0)).collect()
}

#[test]
fn as_many_bodies_are_kept_as_were_asked_for() {
    let mut fixture = Fixture::with(&pruning(10));
    let tx = pay(&fixture.chain, 0, 0, address(20), STAR);
    fixture.mine(vec![tx.clone()]);
    for _ in 1..80 {
        fixture.mine(vec![]);
    }
    assert_eq!(fixture.ledger.oldest_body(), 0, "the state on disk is that of genesis");
    fixture.ledger.flush_state().unwrap();
    fixture.mine(vec![]);
    assert_eq!((fixture.ledger.oldest_body(), bodies(&fixture)), (72, (72..=81).collect()));
    let fixture = fixture.reopened_with(&pruning(10));
    assert_eq!((fixture.ledger.oldest_body(), fixture.ledger.tip().height), (72, 81));
    let reader = fixture.ledger.reader();
    let view = reader.view().unwrap();
    let (body, _, at) = view.mined(&tx.txid(&fixture.chain.genesis_id())).unwrap().unwrap();
    assert_eq!((body, at.height), (None, 1), "where it was is known, what it was is not");
    assert_eq!(view.history(&address(20), None, 9).unwrap().len(), 1);
    assert!(matches!(verify_chain(&reader, |_, _| ()), Err(VerifyError::Missing(1))));
}

#[test]
fn a_block_without_its_body_is_not_taken_back() {
    let mut fixture = Fixture::with(&pruning(5));
    for _ in 0..100 {
        fixture.mine(vec![]);
    }
    assert_eq!(fixture.ledger.deepest_fork(), 95);
    fixture.ledger.settle().unwrap();
    assert_eq!(bodies(&fixture), [96, 97, 98, 99, 100], "an end waits for no number");
    for _ in 0..5 {
        fixture.ledger.disconnect(false).unwrap();
    }
    let fixture = fixture.reopened_with(&pruning(5));
    assert_eq!((fixture.ledger.tip().height, fixture.ledger.deepest_fork()), (95, 95));
}

#[test]
fn a_ledger_that_keeps_all_from_now_on_knows_what_is_gone() {
    let mut fixture = Fixture::with(&pruning(5));
    for _ in 0..20 {
        fixture.mine(vec![]);
    }
    fixture.ledger.settle().unwrap();
    let mut fixture = fixture.reopened();
    for _ in 0..100 {
        fixture.mine(vec![]);
    }
    fixture.ledger.settle().unwrap();
    assert_eq!((fixture.ledger.oldest_body(), bodies(&fixture)), (16, (16..=120).collect()));
}
