//! A database of each older layout, as a program of its time wrote it, opened by this one.

use crate::ledger::{Ledger, LedgerOptions};
use crate::records::tests::golden::unhex;
use crate::store::{Family, SCHEMA, Store, meta};
use crate::testing::chain;
use crate::verify_chain;
use tempfile::TempDir;

/// Family, key and value of each entry.
const LAYOUT_1: &str = include_str!("layout_1.txt");

#[test]
fn a_database_of_the_first_layout_is_brought_up_to_this_one() {
    let (dir, chain) = (TempDir::new().unwrap(), chain("ledger"));
    let path = dir.path().join("db");
    let store = Store::open(&path, &chain.genesis_id(), &LedgerOptions::default().store()).unwrap();
    let mut batch = store.batch();
    for line in LAYOUT_1.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let family = Family::ALL.into_iter().find(|family| family.name() == fields[0]).unwrap();
        batch.put(family, &unhex(fields[1]), &unhex(fields[2]));
    }
    store.commit(batch, true).unwrap();
    assert_eq!(store.get(Family::Meta, meta::SCHEMA).unwrap().unwrap(), 1u32.to_le_bytes());
    drop(store);
    for _ in 0..2 {
        let (ledger, _) = Ledger::open(&path, chain.clone()).unwrap();
        assert_eq!(ledger.store().get(Family::Meta, meta::SCHEMA).unwrap().unwrap(), SCHEMA.to_le_bytes());
        assert_eq!(verify_chain(&ledger.reader(), |_, _| ()).unwrap(), 3);
    }
}
