//! The chain that is made is one that an import takes, and the same each time.

use super::*;
use starling_node::{ImportOptions, import_chain};
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

const SIZES: Sizes = Sizes { accounts: 600, payments: 40, empty: 3 };

fn made(seed: u64, dir: &Path) -> (Place, Made) {
    let work = Work::default();
    let place = Place::open(Some(dir), 0, &work).unwrap();
    let made = make(Seed(seed), SIZES, &place, &work).unwrap();
    (place, made)
}

#[test]
fn the_same_seed_gives_the_same_chain() {
    let dir = TempDir::new().unwrap();
    let of = |seed, name| made(seed, &dir.path().join(name)).1.empty.tip;
    assert_eq!(of(1, "a"), of(1, "b"));
    assert_ne!(of(1, "c"), of(2, "d"));
}

#[test]
fn every_file_is_imported_whole() {
    let dir = TempDir::new().unwrap();
    let (place, made) = made(1, &dir.path().join("bench"));
    assert!(!place.path("maker").exists());
    let [second, third] = &made.branches;
    assert_eq!((made.payments.blocks, second.blocks, third.blocks), (1, 2, 3));
    assert_eq!((made.replaced, made.is_full), (1, false));
    let data = dir.path().join("data");
    let files = [&made.funding, &made.payments, second, third, &made.empty];
    let mut told = Vec::new();
    for Part { path: file, .. } in files {
        let summary = import_chain(
            &made.chain,
            &data,
            &ImportOptions::default(),
            &mut File::open(file).unwrap(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
        let (ledger, _) = Ledger::open(&data.join("db"), made.chain.clone()).unwrap();
        told.push((summary.read, summary.txs, ledger.tip().id));
    }
    // 600 accounts are three transactions of the funder.
    let counts: Vec<_> = told.iter().map(|(read, txs, _)| (*read, *txs)).collect();
    assert_eq!(counts[..2], [(1, 3), (1, 40)]);
    assert_eq!((counts[2].0, counts[3].0, counts[4]), (2, 3, (3, 0)));
    assert_eq!(told.iter().map(|(_, _, tip)| *tip).collect::<Vec<_>>(), files.map(|part| part.tip));
}
