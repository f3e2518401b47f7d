//! Proofs of what is settled: each holds, and what cannot be proven is not.

use super::*;
use crate::testing::{Fixture, address, pay};

const STAR: u128 = 1_000_000_000_000_000_000;

/// Mines a block whose content differs from another's at the same height.
fn mine_rival(fixture: &mut Fixture, from: u8) {
    let nonce = fixture.ledger.account(&address(from)).unwrap().nonce;
    let tx = pay(&fixture.chain, from, nonce, address(15), STAR);
    fixture.mine(vec![tx]);
}

#[test]
fn every_mined_transaction_is_proven() {
    let mut fixture = Fixture::new();
    let mut mined = Vec::new();
    for (height, count) in (1u32..).zip([1u8, 2, 3, 5, 0, 7]) {
        let nonces = |from: &u8| fixture.ledger.account(&address(*from)).unwrap().nonce;
        let txs: Vec<_> = (0..count).map(|n| pay(&fixture.chain, n, nonces(&n), address(15), STAR)).collect();
        fixture.mine(txs.clone());
        mined.extend(txs.into_iter().map(|tx| (height, count, tx)));
    }
    let (reader, genesis) = (fixture.ledger.reader(), fixture.chain.genesis_id());
    let view = reader.view().unwrap();
    for (height, count, tx) in mined {
        let (header, wtxid, proof) = view.prove_tx(&tx.txid(&genesis)).unwrap().unwrap();
        assert_eq!((header.height(), wtxid, proof.count), (height, tx.wtxid(), u32::from(count)));
        assert_eq!(proof.count, header.content().tx_count);
        assert!(proof.verify(&wtxid, &header.content().tx_root));
    }
    assert!(view.prove_tx(&TxId::ZERO).unwrap().is_none());
}

#[test]
fn every_ancestor_of_the_tip_is_proven_and_the_tip_is_not() {
    let mut fixture = Fixture::new();
    for tip in 0..=9 {
        let reader = fixture.ledger.reader();
        let view = reader.view().unwrap();
        for height in 0..tip {
            let (header, leaf, proof) = view.prove_history(height).unwrap().unwrap();
            assert_eq!((header.id(), proof.index, proof.count), (fixture.ledger.tip().id, height, tip));
            assert_eq!((leaf.height, Some(leaf.id)), (height, view.canonical(height).unwrap()));
            assert_eq!(leaf.work, view.header(&leaf.id).unwrap().unwrap().work);
            assert!(proof.verify(&leaf.hash(), &header.content().history_root), "{height} of {tip}");
        }
        assert_eq!(view.prove_history(tip).unwrap(), None);
        assert_eq!(view.prove_history(tip + 1).unwrap(), None);
        drop(view);
        fixture.mine(vec![]);
    }
}

#[test]
fn no_proof_is_made_of_another_branch_s_nodes() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        fixture.mine(vec![]);
    }
    fixture.ledger.disconnect(false).unwrap();
    fixture.ledger.disconnect(false).unwrap();
    let first = fixture.tree.best().id;
    let provable = |fixture: &Fixture| -> Vec<bool> {
        let (reader, tip) = (fixture.ledger.reader(), fixture.ledger.tip().height);
        let view = reader.view().unwrap();
        (0..tip).map(|height| view.prove_history(height).unwrap().is_some()).collect()
    };
    assert_eq!(provable(&fixture), [true]);
    mine_rival(&mut fixture, 1);
    assert_eq!(provable(&fixture), [true, true], "the fork is below what the tip covers");
    mine_rival(&mut fixture, 1);
    assert_eq!(fixture.tree.best().id, first, "of equal work the first one seen is best");
    assert_eq!(provable(&fixture), [false, false, true], "the last leaf needs only what both share");
    mine_rival(&mut fixture, 1);
    assert_eq!(fixture.tree.best().id, fixture.ledger.tip().id);
    assert_eq!(provable(&fixture), [true; 4]);
}

#[test]
fn a_damaged_history_node_is_an_error() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        fixture.mine(vec![]);
    }
    let store = fixture.ledger.store().clone();
    let mut batch = store.batch();
    batch.put(Family::History, &1u64.to_be_bytes(), &[1; 31]);
    store.commit(batch, false).unwrap();
    let reader = fixture.ledger.reader();
    let view = reader.view().unwrap();
    let error = view.prove_history(0).unwrap_err();
    assert!(error.to_string().contains("history node 1"), "{error}");
    assert!(view.prove_history(2).unwrap().is_some(), "it needs the node over both");
}
