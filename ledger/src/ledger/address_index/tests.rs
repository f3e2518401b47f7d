//! An index that is wanted, and one that is not.

use super::*;
use crate::ledger::LedgerOptions;
use crate::testing::{Fixture, address, pay};

const WITHOUT: LedgerOptions = LedgerOptions { address_index: Some(false), ..LedgerOptions::USUAL };
const WITH: LedgerOptions = LedgerOptions { address_index: Some(true), ..LedgerOptions::USUAL };
const STAR: u128 = 1_000_000_000_000_000_000;

fn entries(fixture: &Fixture) -> usize {
    fixture.ledger.store.scan(Family::AddressIndex).count()
}

fn mine_payment(fixture: &mut Fixture, nonce: u64) {
    let tx = pay(&fixture.chain, 0, nonce, address(20), STAR);
    fixture.mine(vec![tx]);
}

#[test]
fn an_index_that_is_not_wanted_is_not_written() {
    let mut fixture = Fixture::with(&WITHOUT);
    mine_payment(&mut fixture, 0);
    mine_payment(&mut fixture, 1);
    fixture.ledger.disconnect(false).unwrap();
    assert_eq!(entries(&fixture), 0);
    let reader = fixture.ledger.reader();
    let error = reader.view().unwrap().history(&address(20), None, 9).unwrap_err();
    assert!(matches!(error, StoreError::NoAddressIndex(_)), "{error}");
    drop(reader);
    let fixture = fixture.reopened_with(&WITHOUT);
    let path = fixture.dir.path().join("db");
    drop((fixture.ledger, fixture.tree));
    drop(Ledger::open(&path, fixture.chain.clone()).expect("as it is"));
    let error =
        Ledger::open_with(&path, fixture.chain.clone(), &WITH).err().expect("blocks are missing in it");
    assert!(error.to_string().contains("--no-address-index"), "{error}");
}

#[test]
fn an_index_is_dropped_when_it_is_not_wanted_any_more() {
    let mut fixture = Fixture::new();
    mine_payment(&mut fixture, 0);
    assert_eq!(entries(&fixture), 3);
    let mut fixture = fixture.reopened_with(&WITHOUT);
    mine_payment(&mut fixture, 1);
    assert_eq!(entries(&fixture), 0);
}

#[test]
fn a_ledger_without_blocks_may_change_its_mind() {
    let mut fixture = Fixture::with(&WITHOUT).reopened_with(&WITH);
    mine_payment(&mut fixture, 0);
    assert_eq!(entries(&fixture), 3);
}
