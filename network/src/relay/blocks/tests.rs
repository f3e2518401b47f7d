//! Tests of the rebuilding of announced blocks.

use super::*;
use crate::driver::Topic;
use crate::protocol::{AnnounceOutcome, Body, Report};
use crate::testing::{Asked, Bench, GENESIS, announcement, header, ids, peer, status, tx};
use crate::wire::{Answer, MAX_ANNOUNCED_TXS};
use starling_primitives::{Content, tx_root};

const WANTED: AnnounceOutcome = AnnounceOutcome::Accept { want_body: true };

/// A block of three transactions, announced by peer 1 and accepted; these many peers stand by.
fn announced(bench: &mut Bench, peers: u8) -> (BlockId, Vec<Arc<Transaction>>) {
    for n in 1..=peers {
        bench.meet(n, status(1, 1));
    }
    let txs = vec![tx(1), tx(2), tx(3)];
    let header = header(GENESIS.into(), 1, &txs);
    bench.gossip(1, Topic::Block, announcement(&header, &txs));
    (header.id(), txs)
}

fn rebuilt(bench: &Bench) -> Option<Vec<Arc<Transaction>>> {
    bench.reports.iter().find_map(|report| match report {
        Report::Body { body: Body::Txs(txs), .. } => Some(txs.clone()),
        _ => None,
    })
}

fn places(asked: &Asked) -> Vec<u32> {
    match &asked.question {
        Question::BlockTxs { indices, .. } => indices.clone(),
        other => panic!("not about missing transactions: {other:?}"),
    }
}

#[test]
fn a_block_is_rebuilt_from_the_pool_and_leftovers_alone() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 1);
    bench.view.pool.extend(txs[..2].iter().map(|tx| (tx.wtxid(), Arc::clone(tx))));
    bench.net.keep_leftovers([Arc::clone(&txs[2])]);
    bench.announcement_checked(id, WANTED);
    assert_eq!(rebuilt(&bench), Some(txs));
    assert_eq!(bench.waiting(1, Protocol::BlockTxs), 0);
}

#[test]
fn a_block_without_transactions_is_complete_at_once() {
    let mut bench = Bench::new();
    bench.meet(1, status(1, 1));
    let header = header(GENESIS.into(), 1, &[]);
    bench.gossip(1, Topic::Block, announcement(&header, &[]));
    bench.announcement_checked(header.id(), WANTED);
    assert_eq!(rebuilt(&bench), Some(vec![]));
}

#[test]
fn what_is_missing_comes_from_the_announcer() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 2);
    bench.view.pool.insert(txs[1].wtxid(), Arc::clone(&txs[1]));
    bench.announcement_checked(id, WANTED);
    let asked = bench.take(1, Protocol::BlockTxs).expect("the announcer is asked at once");
    assert_eq!(places(&asked), [0, 2]);
    assert_eq!(bench.waiting(2, Protocol::BlockTxs), 0);
    bench.reply(&asked, &Answer::BlockTxs(vec![Arc::clone(&txs[0]), Arc::clone(&txs[2])]));
    assert_eq!(rebuilt(&bench), Some(txs));
}

#[test]
fn a_silent_announcer_is_joined_by_others_and_then_the_body_is_fetched() {
    let mut bench = Bench::new();
    let (id, _) = announced(&mut bench, 4);
    bench.announcement_checked(id, WANTED);
    bench.want(&[(id, 1)]);
    let asked = |bench: &Bench| (1..=4).filter(|n| bench.waiting(*n, Protocol::BlockTxs) > 0).count();
    bench.pass(400);
    assert_eq!(asked(&bench), 1);
    bench.pass(100);
    assert_eq!(asked(&bench), 2);
    bench.pass(500);
    assert_eq!(asked(&bench), 3);
    let bodies = |bench: &Bench| (1..=4).map(|n| bench.waiting(n, Protocol::Bodies)).sum::<usize>();
    bench.pass(900);
    assert_eq!((asked(&bench), bodies(&bench)), (3, 0), "not asked for while it is being rebuilt");
    bench.pass(100);
    assert_eq!(bodies(&bench), 1);
}

#[test]
fn a_block_off_the_best_chain_is_fetched_whole_as_well() {
    let mut bench = Bench::new();
    let (id, _) = announced(&mut bench, 1);
    bench.announcement_checked(id, WANTED);
    bench.pass(2_100);
    let asked = bench.take(1, Protocol::Bodies).expect("although nobody listed it");
    bench.reply(&asked, &Answer::Bodies(vec![Some(vec![5])]));
    assert_eq!(bench.bodies(), [id]);
}

#[test]
fn the_second_peer_completes_the_block() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 2);
    bench.announcement_checked(id, WANTED);
    bench.pass(600);
    let asked = bench.take(2, Protocol::BlockTxs).unwrap();
    bench.reply(&asked, &Answer::BlockTxs(txs.clone()));
    assert_eq!(rebuilt(&bench), Some(txs.clone()));
    let late = bench.take(1, Protocol::BlockTxs).unwrap();
    bench.reply(&late, &Answer::BlockTxs(txs));
    assert_eq!(bench.bodies().len(), 1, "once is enough");
}

#[test]
fn an_announcer_without_the_body_yet_is_asked_again() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 1);
    bench.announcement_checked(id, WANTED);
    let asked = bench.take(1, Protocol::BlockTxs).unwrap();
    bench.reply(&asked, &Answer::NotHere);
    assert_eq!(bench.waiting(1, Protocol::BlockTxs), 0);
    bench.pass(200);
    let asked = bench.take(1, Protocol::BlockTxs).expect("a moment later");
    bench.reply(&asked, &Answer::BlockTxs(txs.clone()));
    assert_eq!(rebuilt(&bench), Some(txs));
}

#[test]
fn a_transaction_that_arrives_meanwhile_is_not_asked_for_again() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 2);
    bench.announcement_checked(id, WANTED);
    bench.view.pool.insert(txs[0].wtxid(), Arc::clone(&txs[0]));
    bench.pass(600);
    assert_eq!(places(&bench.take(2, Protocol::BlockTxs).unwrap()), [1, 2]);
    bench.view.pool.extend(txs[1..].iter().map(|tx| (tx.wtxid(), Arc::clone(tx))));
    bench.pass(100);
    assert_eq!(rebuilt(&bench), Some(txs));
}

#[test]
fn false_transactions_cost_their_server_and_another_is_asked() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 2);
    bench.announcement_checked(id, WANTED);
    let asked = bench.take(1, Protocol::BlockTxs).unwrap();
    bench.reply(&asked, &Answer::BlockTxs(vec![tx(7), tx(8), tx(9)]));
    assert!(!bench.is_connected(1));
    let asked = bench.take(2, Protocol::BlockTxs).expect("at once");
    bench.reply(&asked, &Answer::BlockTxs(txs.clone()));
    assert_eq!(rebuilt(&bench), Some(txs));
}

#[test]
fn when_the_announcer_vanishes_another_is_asked_at_once() {
    let mut bench = Bench::new();
    let (id, _) = announced(&mut bench, 2);
    bench.announcement_checked(id, WANTED);
    bench.leave(1);
    bench.pass(100);
    assert_eq!(bench.waiting(2, Protocol::BlockTxs), 1);
}

/// A header that counts more transactions than an announcement carries.
fn large(txs: &[Arc<Transaction>]) -> Header {
    let small = header(GENESIS.into(), 1, txs);
    Header::new(*small.work(), &[0, 0], Content { tx_count: MAX_ANNOUNCED_TXS + 1, ..*small.content() })
        .unwrap()
}

#[test]
fn the_ids_of_a_large_block_are_asked_for_first() {
    let txs: Vec<_> = (0..8_193).map(tx).collect();
    let header = large(&txs);
    assert_eq!(header.content().tx_root, tx_root(ids(&txs)));
    let mut bench = Bench::new();
    bench.meet(1, status(1, 1));
    bench.meet(2, status(1, 1));
    bench.view.pool.extend(txs[1..].iter().map(|tx| (tx.wtxid(), Arc::clone(tx))));
    bench.gossip(1, Topic::Block, announcement(&header, &[]));
    bench.announcement_checked(header.id(), WANTED);
    let asked = bench.take(1, Protocol::BlockIds).expect("the ids first");
    bench.reply(&asked, &Answer::BlockIds(ids(&txs[1..])));
    assert!(!bench.is_connected(1), "ids that are not the header's");
    let asked = bench.take(2, Protocol::BlockIds).expect("from another");
    bench.reply(&asked, &Answer::BlockIds(ids(&txs)));
    let asked = bench.take(2, Protocol::BlockTxs).expect("then what is missing");
    assert_eq!(places(&asked), [0]);
    bench.reply(&asked, &Answer::BlockTxs(vec![Arc::clone(&txs[0])]));
    assert_eq!(rebuilt(&bench).map(|txs| txs.len()), Some(8_193));
}

#[test]
fn blocks_being_rebuilt_are_bounded_and_the_rest_is_fetched_whole() {
    let mut bench = Bench::new();
    bench.meet(1, status(1, 1));
    bench.meet(2, status(1, 1));
    for n in 0..20 {
        let txs = [tx(n)];
        let header = header(BlockId::new([u8::try_from(n).unwrap(); 32]), 1, &txs);
        bench.gossip(1 + u8::try_from(n % 2).unwrap(), Topic::Block, announcement(&header, &txs));
        bench.announcement_checked(header.id(), WANTED);
    }
    assert_eq!(bench.net.sync_progress().bodies_missing, 4);
    assert_eq!(bench.take(1, Protocol::Bodies).unwrap().peer, peer(1));
}

#[test]
fn a_block_that_came_by_another_way_is_not_rebuilt_any_more() {
    let mut bench = Bench::new();
    let (id, txs) = announced(&mut bench, 1);
    bench.announcement_checked(id, WANTED);
    let tip = crate::wire::Announcement::new(header(GENESIS.into(), 1, &txs), &ids(&txs));
    let outputs = bench.net.tip_changed(tip, false, &bench.view, bench.now);
    bench.sort(outputs);
    bench.pass(3_000);
    assert_eq!(bench.waiting(1, Protocol::Bodies), 0);
}
