//! Blocks below a height are taken on trust, the rest is not.

use super::*;
use crate::records::block_key;
use crate::store::Family;
use crate::testing::{Fixture, address, pay};
use starling_primitives::encode_body;

const STAR: u128 = 1_000_000_000_000_000_000;

/// Six blocks, each with a payment to a new account.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    for nonce in 0..6u8 {
        let tx = pay(&fixture.chain, 0, nonce.into(), address(20 + nonce), STAR);
        fixture.mine(vec![tx]);
    }
    fixture
}

fn verify(fixture: &Fixture, from: u32) -> Result<u32, VerifyError> {
    verify_chain_from(&fixture.ledger.reader(), from, |_, _| ControlFlow::Continue(()))
}

fn body_key(fixture: &Fixture, height: u32) -> Vec<u8> {
    let reader = fixture.ledger.reader();
    let id = reader.view().unwrap().canonical(height).unwrap().unwrap();
    block_key(height, &id)
}

fn put_body(fixture: &Fixture, height: u32, body: &[u8]) {
    let store = fixture.ledger.store();
    let mut batch = store.batch();
    batch.put(Family::Bodies, &body_key(fixture, height), body);
    store.commit(batch, false).unwrap();
}

#[test]
fn a_sound_chain_holds_from_any_height() {
    let fixture = fixture();
    for from in 0..=6 {
        assert_eq!(verify(&fixture, from).unwrap(), 6, "from {from}");
    }
    let above = verify(&fixture, 7).unwrap_err();
    assert!(matches!(above, VerifyError::AboveTip { from: 7, tip: 6 }), "{above}");
}

#[test]
fn signatures_are_checked_from_the_height_on() {
    let fixture = fixture();
    let mut body = encode_body(&[pay(&fixture.chain, 0, 1, address(21), STAR)]);
    // The scalar of the one signature is at the end.
    let last = body.len() - 20;
    body[last] ^= 1;
    put_body(&fixture, 2, &body);
    for from in 0..=2 {
        let error = verify(&fixture, from).unwrap_err();
        assert!(matches!(error, VerifyError::Block { height: 2, .. }), "from {from}: {error}");
    }
    assert_eq!(verify(&fixture, 3).unwrap(), 6);
}

#[test]
fn the_state_on_which_the_first_checked_block_stands_has_the_root_below_it() {
    let fixture = fixture();
    put_body(&fixture, 2, &encode_body(&[pay(&fixture.chain, 0, 1, address(21), 2 * STAR)]));
    for from in 3..=6 {
        let error = verify(&fixture, from).unwrap_err();
        let VerifyError::Block { height, error: BlockError::StateRoot { .. }, .. } = error else {
            panic!("from {from}: {error}");
        };
        assert_eq!(height, from - 1);
    }
}

#[test]
fn a_missing_body_is_told_after_what_is_below_it() {
    let fixture = fixture();
    let (store, key) = (fixture.ledger.store(), body_key(&fixture, 4));
    let mut batch = store.batch();
    batch.delete(Family::Bodies, &key);
    store.commit(batch, false).unwrap();
    let mut told = Vec::new();
    let error = verify_chain(&fixture.ledger.reader(), |height, tip| told.push((height, tip))).unwrap_err();
    assert!(matches!(error, VerifyError::Missing(4)), "{error}");
    assert_eq!(told, [(1, 6), (2, 6), (3, 6)]);
}

#[test]
fn progress_may_end_it() {
    let fixture = fixture();
    let mut told = 0;
    let ended = verify_chain_from(&fixture.ledger.reader(), 0, |height, _| {
        told = height;
        if height < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(matches!(ended, Err(VerifyError::Stopped)));
    assert_eq!(told, 3);
}
