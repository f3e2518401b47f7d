//! Connect, disconnect, restart, refuse.

use super::*;
use crate::testing::{Fixture, address, chain, pay};
use crate::verify::{VerifyError, verify_chain};
use proptest::prelude::*;
use starling_consensus::{Accounts, HistoryNodes};
use std::collections::BTreeMap;

const STAR: u128 = 1_000_000_000_000_000_000;

fn balances(fixture: &Fixture) -> BTreeMap<u8, Account> {
    (0..20).map(|n| (n, fixture.ledger.account(&address(n)).unwrap())).collect()
}

/// All that exists is what was issued less what was burned.
fn assert_supply(fixture: &Fixture) {
    let total = Amount::sum(balances(fixture).values().map(|account| account.balance)).unwrap();
    assert_eq!(total, fixture.ledger.supply());
}

#[test]
fn a_new_ledger_stands_at_genesis() {
    let fixture = Fixture::new();
    assert_eq!(fixture.ledger.tip().id, fixture.chain.genesis.id());
    assert_eq!(fixture.ledger.state_root(), fixture.chain.genesis.content().state_root);
    assert_supply(&fixture);
}

#[test]
fn a_payment_moves_money_charges_new_accounts_and_pays_the_miner() {
    let mut fixture = Fixture::new();
    fixture.mine(vec![pay(&fixture.chain, 0, 0, address(15), 5 * STAR)]);
    let after = balances(&fixture);
    assert_eq!(after[&15].balance.motes(), 5 * STAR);
    let paid = 5 * STAR + STAR / 1_000 + STAR / 100;
    assert_eq!(after[&0], Account { nonce: 1, balance: Amount::from_motes(1_000 * STAR - paid).unwrap() });
    assert_eq!(after[&9].balance.motes(), 1_012 * STAR + STAR / 1_000);
    assert_eq!(fixture.ledger.tip().burned.motes(), STAR / 100);
    assert_supply(&fixture);
}

#[test]
fn disconnecting_restores_everything() {
    let mut fixture = Fixture::new();
    let mut before = vec![(fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture))];
    for n in 0..5 {
        let txs = vec![
            pay(&fixture.chain, 0, n, address(15), STAR),
            pay(&fixture.chain, 1, n, address(0), 2 * STAR),
        ];
        fixture.mine(txs);
        before.push((fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture)));
    }
    while let Some(expected) = before.pop() {
        assert_eq!((fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture)), expected);
        if expected.0.height > 0 {
            let block = fixture.ledger.disconnect(false).unwrap();
            assert_eq!(block.header.height(), expected.0.height);
            assert_eq!(block.txs.len(), 2);
            let reader = fixture.ledger.reader();
            let view = reader.view().unwrap();
            let txid = block.txs[0].txid(&fixture.chain.genesis_id());
            assert_eq!(view.tx_location(&txid).unwrap(), None);
            assert_eq!(view.canonical(expected.0.height).unwrap(), None);
        }
    }
    let reader = fixture.ledger.reader();
    assert!(reader.view().unwrap().history(&address(0), None, 10).unwrap().is_empty());
}

#[test]
fn a_false_state_root_changes_nothing() {
    let mut fixture = Fixture::new();
    fixture.mine(vec![]);
    let before = (fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture));
    let tx = pay(&fixture.chain, 0, 0, address(1), STAR);
    let block = fixture.block(vec![tx], 9, Some(StateRoot::new([7; 32])));
    let error = fixture.ledger.connect(&block, false).unwrap_err();
    assert!(matches!(error, ConnectError::Rule(BlockError::StateRoot { .. })), "{error}");
    assert_eq!((fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture)), before);
}

#[test]
fn a_block_must_follow_the_tip() {
    let mut fixture = Fixture::new();
    let block = fixture.block(vec![], 9, None);
    fixture.mine(vec![pay(&fixture.chain, 0, 0, address(1), STAR)]);
    assert!(matches!(fixture.ledger.connect(&block, false), Err(ConnectError::NotNext { .. })));
}

#[test]
fn a_restart_finds_everything_again() {
    let mut fixture = Fixture::new();
    for n in 0..3 {
        fixture.mine(vec![pay(&fixture.chain, 0, n, address(15), STAR)]);
    }
    let before = (fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture), fixture.tree.best());
    let fixture = fixture.reopened();
    let after = (fixture.ledger.tip(), fixture.ledger.state_root(), balances(&fixture), fixture.tree.best());
    assert_eq!(before, after);
    let mut heights = Vec::new();
    assert_eq!(verify_chain(&fixture.ledger.reader(), |height, _| heights.push(height)).unwrap(), 3);
    assert_eq!(heights, [1, 2, 3]);
}

#[test]
fn an_invalid_mark_and_its_rule_survive_a_restart() {
    let mut fixture = Fixture::new();
    let bad = fixture.block(vec![], 9, Some(StateRoot::new([7; 32])));
    let id = bad.header().header().id();
    let store = fixture.ledger.store().clone();
    let change = fixture.tree.invalidate(&id, "state_root", &*store);
    assert!(change.is_some(), "the best header chain went through it");
    fixture.ledger.put_invalid(&id, "state_root", change.as_ref(), &fixture.tree.best().id).unwrap();
    drop(store);
    let fixture = fixture.reopened();
    assert_eq!(fixture.tree.get(&id).unwrap().status, Status::Invalid);
    assert_eq!(fixture.tree.broken_rule(&id), Some("state_root"));
    assert_eq!(fixture.tree.best().height, 0);
}

#[test]
fn a_transaction_and_an_address_are_found_where_they_were_mined() {
    let mut fixture = Fixture::new();
    let tx = pay(&fixture.chain, 0, 0, address(15), STAR);
    fixture.mine(vec![]);
    fixture.mine(vec![tx.clone()]);
    let reader = fixture.ledger.reader();
    let view = reader.view().unwrap();
    let (found, block, location) = view.mined(&tx.txid(&fixture.chain.genesis_id())).unwrap().unwrap();
    let found = found.unwrap();
    assert_eq!(
        (found, block, location.height, location.position),
        (tx.clone(), fixture.ledger.tip().id, 2, 0)
    );
    let sent = view.history(&address(0), None, 10).unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].sent.motes(), STAR);
    assert_eq!(sent[0].fee.motes(), STAR / 1_000 + STAR / 100, "the fee and the new account's charge");
    let received = view.history(&address(15), None, 10).unwrap();
    assert_eq!((received[0].received.motes(), received[0].sent.motes()), (STAR, 0));
    let mined = view.history(&address(9), None, 10).unwrap();
    assert_eq!(mined.iter().map(|event| event.height).collect::<Vec<_>>(), [2, 1], "newest first");
    let rest = view.history(&address(9), Some((mined[0].height, mined[0].position)), 10).unwrap();
    assert_eq!(rest, mined[1..]);
}

#[test]
fn a_second_process_another_chain_and_a_newer_layout_are_refused() {
    let fixture = Fixture::new();
    let path = fixture.dir.path().join("db");
    let refused = |chain| match Ledger::open(&path, chain) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    };
    assert!(matches!(refused(fixture.chain.clone()), StoreError::Locked(_)));
    drop((fixture.ledger, fixture.tree));
    assert!(matches!(refused(chain("other")), StoreError::OtherChain { .. }));
    let store = Store::open(&path, &fixture.chain.genesis_id(), &LedgerOptions::default().store()).unwrap();
    let mut batch = store.batch();
    batch.put(Family::Meta, meta::SCHEMA, &99u32.to_le_bytes());
    store.commit(batch, true).unwrap();
    drop(store);
    assert!(matches!(refused(fixture.chain.clone()), StoreError::NewerSchema { found: 99, .. }));
}

#[test]
fn a_state_that_was_tampered_with_is_refused() {
    let fixture = Fixture::new();
    let key = StateKey::account(&address(0));
    let account = Account { nonce: 0, balance: Amount::MAX };
    let mut batch = fixture.ledger.store.batch();
    batch.put(Family::State, key.as_bytes(), &account.encode());
    fixture.ledger.store.commit(batch, true).unwrap();
    let path = fixture.dir.path().join("db");
    drop((fixture.ledger, fixture.tree));
    let error = Ledger::open(&path, fixture.chain.clone()).err().expect("it is damaged");
    assert!(error.to_string().contains("damaged"), "{error}");
}

/// The fixture's ledger with another depth to which blocks can be undone.
fn with_undo_blocks(fixture: &mut Fixture, blocks: u32) {
    let mut chain = (*fixture.chain).clone();
    chain.params.undo_blocks = blocks;
    fixture.ledger.chain = Arc::new(chain);
}

fn undo_heights(fixture: &Fixture) -> Vec<u32> {
    let height = |key: &[u8]| u32::from_be_bytes(*key.first_chunk().unwrap());
    fixture.ledger.store.scan(Family::Undo).map(|entry| height(&entry.unwrap().0)).collect()
}

#[test]
fn undo_records_beyond_the_deepest_reorganisation_are_dropped() {
    let mut fixture = Fixture::new();
    with_undo_blocks(&mut fixture, 2);
    assert_eq!(fixture.ledger.deepest_fork(), 0);
    for height in 1..=4u32 {
        fixture.mine(vec![]);
        assert_eq!(fixture.ledger.deepest_fork(), height.saturating_sub(2));
    }
    assert_eq!(undo_heights(&fixture), [3, 4]);
    fixture.ledger.disconnect(false).unwrap();
    fixture.ledger.disconnect(false).unwrap();
    assert_eq!(fixture.ledger.deepest_fork(), fixture.ledger.tip().height);
    assert!(matches!(fixture.ledger.disconnect(false), Err(StoreError::Damaged { .. })));
}

#[test]
fn how_deep_undo_reaches_is_known_when_the_tip_was_higher_and_after_a_restart() {
    let mut fixture = Fixture::new();
    with_undo_blocks(&mut fixture, 3);
    for _ in 0..8 {
        fixture.mine(vec![]);
    }
    fixture.ledger.disconnect(false).unwrap();
    fixture.ledger.disconnect(false).unwrap();
    let txs = vec![pay(&fixture.chain, 0, 0, address(15), STAR)];
    fixture.mine(txs);
    let (tip, deepest) = (fixture.ledger.tip().height, fixture.ledger.deepest_fork());
    assert_eq!((tip, deepest), (7, 5), "three less than 8, not than 7");
    let mut fixture = fixture.reopened();
    assert_eq!(fixture.ledger.deepest_fork(), 5);
    with_undo_blocks(&mut fixture, 3);
    while fixture.ledger.tip().height > fixture.ledger.deepest_fork() {
        fixture.ledger.disconnect(false).unwrap();
    }
    assert_eq!((fixture.ledger.tip().height, undo_heights(&fixture)), (5, vec![]));
    assert_eq!(fixture.reopened().ledger.deepest_fork(), 5);
}

#[test]
fn a_smaller_depth_of_undo_leaves_no_gap_behind() {
    let mut fixture = Fixture::new();
    for _ in 0..6 {
        fixture.mine(vec![]);
    }
    with_undo_blocks(&mut fixture, 2);
    fixture.mine(vec![]);
    assert_eq!((undo_heights(&fixture), fixture.ledger.deepest_fork()), (vec![6, 7], 5));
}

#[test]
fn a_history_node_that_cannot_be_read_stops_all_writing() {
    let mut fixture = Fixture::new();
    let block = fixture.block(vec![], 9, None);
    let mut batch = fixture.ledger.store.batch();
    batch.put(Family::History, &0u64.to_be_bytes(), &[1; 31]);
    fixture.ledger.store.commit(batch, false).unwrap();
    assert_eq!(fixture.ledger.store.node(1_000), None, "one that was never written is no failure");
    assert!(fixture.ledger.put_body(block.header().header(), &[]).is_ok());
    assert_eq!(fixture.ledger.store.node(0), None);
    let error = fixture.ledger.put_body(block.header().header(), &[]).unwrap_err();
    assert!(error.to_string().contains("history node 0"), "{error}");
    assert!(matches!(fixture.ledger.connect(&block, false), Err(ConnectError::Store(_))));
}

#[test]
fn what_a_killed_reorganisation_took_out_is_found_again() {
    let mut fixture = Fixture::new();
    let txs: Vec<_> = (0..3).map(|n| pay(&fixture.chain, 0, n, address(15), STAR)).collect();
    for tx in &txs {
        fixture.mine(vec![tx.clone()]);
    }
    assert!(fixture.ledger.left_behind(&fixture.tree).unwrap().is_empty());
    fixture.ledger.disconnect(false).unwrap();
    fixture.ledger.disconnect(false).unwrap();
    // A rival that was never connected says nothing of what was mined.
    fixture.block(vec![pay(&fixture.chain, 1, 0, address(16), STAR)], 9, None);
    let mut fixture = fixture.reopened();
    assert_eq!(fixture.ledger.left_behind(&fixture.tree).unwrap(), txs[1..]);
    fixture.mine(vec![]);
    for _ in 0..120 {
        fixture.mine(vec![]);
    }
    let left = fixture.reopened();
    assert_eq!(left.ledger.left_behind(&left.tree).unwrap(), txs[1..], "far below the tip as well");
}

#[test]
fn accounts_that_no_block_made_are_found() {
    let mut fixture = Fixture::new();
    fixture.mine(vec![pay(&fixture.chain, 0, 0, address(15), STAR)]);
    fixture.ledger.flush_state().unwrap();
    let account = Account { nonce: 0, balance: Amount::MAX };
    let put = |who: u8| {
        let mut batch = fixture.ledger.store.batch();
        batch.put(Family::State, StateKey::account(&address(who)).as_bytes(), &account.encode());
        fixture.ledger.store.commit(batch, true).unwrap();
        verify_chain(&fixture.ledger.reader(), |_, _| ()).unwrap_err()
    };
    let error = put(77);
    assert!(matches!(error, VerifyError::Surplus { stored: 12, expected: 11 }), "{error}");
    assert!(matches!(put(15), VerifyError::Account(who) if who == address(15)));
}

#[test]
fn a_tip_that_burned_more_than_there_was_is_damage() {
    let fixture = Fixture::new();
    let mut tip = fixture.ledger.tip();
    tip.burned = Amount::MAX;
    let mut batch = fixture.ledger.store.batch();
    batch.put(Family::Meta, meta::TIP, &tip.encode());
    fixture.ledger.store.commit(batch, true).unwrap();
    let path = fixture.dir.path().join("db");
    drop((fixture.ledger, fixture.tree));
    let error = Ledger::open(&path, fixture.chain.clone()).err().expect("it is damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn headers_of_side_branches_come_back_with_all_that_is_known_of_them() {
    let mut fixture = Fixture::new();
    let mut ids = vec![fixture.chain.genesis.id()];
    for round in 0..3u8 {
        let side = fixture.block(vec![pay(&fixture.chain, round, 0, address(15), STAR)], 8, None);
        ids.push(side.header().header().id());
        fixture.mine(vec![]);
        ids.push(fixture.ledger.tip().id);
    }
    let known = |fixture: &Fixture| ids.iter().map(|id| fixture.tree.get(id).unwrap()).collect::<Vec<_>>();
    for id in &ids {
        if fixture.tree.get(id).unwrap().status == Status::Header {
            fixture.tree.set_status(id, Status::Body);
        }
    }
    let before = known(&fixture);
    assert!(before.iter().any(|info| info.body_bytes > 0));
    let fixture = fixture.reopened();
    assert_eq!(known(&fixture), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Any payments, connected and taken back in any order, leave the state that the blocks lead to.
    #[test]
    fn undo_is_the_inverse_of_apply(
        steps in prop::collection::vec((0u8..4, 10u8..20, 1u64..100, any::<bool>()), 1..30),
    ) {
        let mut fixture = Fixture::new();
        let mut states = vec![(fixture.ledger.state_root(), balances(&fixture))];
        for (from, to, amount, forward) in steps {
            if forward || states.len() == 1 {
                let nonce = fixture.ledger.account(&address(from)).unwrap().nonce;
                let to = if to % 3 == 0 { from } else { to };
                fixture.mine(vec![pay(&fixture.chain, from, nonce, address(to), u128::from(amount) * STAR)]);
                states.push((fixture.ledger.state_root(), balances(&fixture)));
            } else {
                fixture.ledger.disconnect(false).unwrap();
                states.pop();
            }
            assert_supply(&fixture);
            prop_assert_eq!(&(fixture.ledger.state_root(), balances(&fixture)), states.last().unwrap());
        }
        verify_chain(&fixture.ledger.reader(), |_, _| ()).unwrap();
    }
}
