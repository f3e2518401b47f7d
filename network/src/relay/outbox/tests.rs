//! Tests of what we say ourselves.

use super::*;
use crate::driver::{Delivery, NetEvent, Protocol};
use crate::protocol::{AnnounceOutcome, TxOutcome, TxSource};
use crate::testing::{Bench, GENESIS, announcement, header, ids, peer, status, tx, tx_to};
use crate::wire::Answer;
use std::sync::Arc;

fn published(bench: &Bench, about: Topic) -> usize {
    let fits =
        |command: &&NetCommand| matches!(command, NetCommand::Publish { topic, .. } if *topic == about);
    bench.commands.iter().filter(fits).count()
}

fn submit(bench: &mut Bench, nonce: u64) {
    let tx = tx(nonce);
    let id = tx.wtxid();
    bench.view.pool.insert(id, tx);
    let outputs = bench.net.transaction_accepted(id, &bench.view, bench.now);
    bench.sort(outputs);
}

fn new_tip(bench: &mut Bench, height: u32, own: bool) {
    let txs = [tx(u64::from(height))];
    let block = Announcement::new(header(GENESIS.into(), height, &txs), &ids(&txs));
    let outputs = bench.net.tip_changed(block, own, &bench.view, bench.now);
    bench.sort(outputs);
}

#[test]
fn a_submitted_transaction_is_published_once_somebody_listens() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    submit(&mut bench, 1);
    assert_eq!(published(&bench, Topic::Tx), 0, "subscriptions take a moment");
    bench.pass(2_000);
    assert_eq!(published(&bench, Topic::Tx), 1);
    submit(&mut bench, 2);
    assert_eq!(published(&bench, Topic::Tx), 2, "then at once");
}

/// Answers all offers to a peer, and counts the ids.
fn offered(bench: &mut Bench, n: u8) -> usize {
    let mut count = 0;
    while let Some(asked) = bench.take(n, Protocol::Announce) {
        bench.reply(&asked, &Answer::Done);
        if let Question::Announce(ids) = asked.question {
            count += ids.len();
        }
    }
    count
}

#[test]
fn thousands_are_offered_by_their_ids_beyond_what_gossip_takes() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.pass(3_000);
    for nonce in 0..3_000 {
        submit(&mut bench, nonce);
    }
    assert_eq!(published(&bench, Topic::Tx), 64);
    let mut ids = offered(&mut bench, 1);
    bench.pass(300);
    ids += offered(&mut bench, 1);
    assert_eq!(ids, 3_000, "those before too, lest they come after what builds on them");
    assert_eq!(published(&bench, Topic::Tx), 64);
}

#[test]
fn gossip_takes_over_again_when_there_is_little_to_say() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.pass(3_000);
    for nonce in 0..100 {
        submit(&mut bench, nonce);
    }
    bench.pass(100);
    submit(&mut bench, 100);
    assert_eq!(published(&bench, Topic::Tx), 64, "no transaction overtakes those before it");
    bench.pass(1_000);
    submit(&mut bench, 101);
    assert_eq!(published(&bench, Topic::Tx), 65);
    assert_eq!(offered(&mut bench, 1), 101);
}

#[test]
fn what_left_the_pool_or_has_no_listener_is_not_published() {
    let mut bench = Bench::new();
    submit(&mut bench, 1);
    bench.pass(100);
    bench.meet(1, status(0, 1));
    bench.pass(3_000);
    assert_eq!(published(&bench, Topic::Tx), 0, "whoever connects asks for the pool");
    for id in ids(&[tx(7), tx(1)]) {
        let outputs = bench.net.transaction_accepted(id, &bench.view, bench.now);
        bench.sort(outputs);
    }
    assert_eq!(published(&bench, Topic::Tx), 1, "only what is in the pool");
}

fn in_block_mesh(bench: &mut Bench, n: u8, in_block_mesh: bool) {
    let delivery = Delivery { in_mesh: [in_block_mesh, true], ..Delivery::default() };
    bench.event(NetEvent::Delivered(vec![(peer(n), delivery)]));
}

fn pushed(bench: &Bench) -> Vec<u8> {
    (1..=9).filter(|n| bench.waiting(*n, Protocol::Push) > 0).collect()
}

#[test]
fn our_block_is_announced_and_pushed_to_the_nearest_outside_the_mesh() {
    let mut bench = Bench::new();
    for n in 1..=7 {
        bench.meet(n, status(1, 1));
    }
    // One that said nothing of itself, and one that dialled us.
    bench.connect(8);
    let address = "/ip4/10.0.0.9/tcp/7333".parse().unwrap();
    bench.event(NetEvent::Connected { peer: peer(9), address, outbound: false });
    let asked = bench.take(9, Protocol::Status).unwrap();
    bench.reply(&asked, &Answer::Status(status(1, 1)));
    for (n, ms) in [(1, 90), (2, 20), (3, 50), (4, 10), (5, 70), (8, 5), (9, 1)] {
        bench.event(NetEvent::Ping { peer: peer(n), rtt: Duration::from_millis(ms) });
    }
    in_block_mesh(&mut bench, 4, true);
    in_block_mesh(&mut bench, 3, false);
    new_tip(&mut bench, 9, true);
    assert_eq!(published(&bench, Topic::Block), 1);
    assert_eq!(pushed(&bench), [2, 3, 5], "how far others are is not known; the mesh of payments is another");
    // They have not answered, and two questions at a time are the most.
    new_tip(&mut bench, 10, true);
    in_block_mesh(&mut bench, 4, false);
    new_tip(&mut bench, 11, true);
    assert_eq!(pushed(&bench), [1, 2, 3, 4, 5, 6], "the next ones take their places");
    let before = bench.asked.len();
    new_tip(&mut bench, 12, false);
    assert_eq!(bench.asked.len(), before, "not ours");
}

#[test]
fn a_block_is_pushed_to_whoever_dialled_us_where_we_dialled_nobody() {
    let mut bench = Bench::new();
    let address = "/ip4/10.0.0.9/tcp/7333".parse().unwrap();
    bench.event(NetEvent::Connected { peer: peer(9), address, outbound: false });
    let asked = bench.take(9, Protocol::Status).unwrap();
    bench.reply(&asked, &Answer::Status(status(1, 1)));
    new_tip(&mut bench, 9, true);
    assert_eq!(pushed(&bench), [9]);
}

#[test]
fn blocks_mined_in_a_burst_are_announced_within_the_budget_newest_last() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    for height in 1..=100 {
        new_tip(&mut bench, height, true);
    }
    assert_eq!(published(&bench, Topic::Block), 8);
    bench.pass(300);
    assert_eq!(published(&bench, Topic::Block), 9);
    bench.pass(5_000);
    assert_eq!(published(&bench, Topic::Block), 9, "only the newest was of use");
    let newest = bench.commands.iter().rev().find_map(|command| match command {
        NetCommand::Publish { data, .. } => Announcement::decode(data).ok(),
        _ => None,
    });
    assert_eq!(newest.map(|block| block.header.height()), Some(100));
}

#[test]
fn a_tip_found_by_sync_is_announced_only_when_synced_and_only_if_nobody_else_did() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.view.synced = false;
    new_tip(&mut bench, 1, false);
    assert_eq!(published(&bench, Topic::Block), 0);
    bench.view.synced = true;
    new_tip(&mut bench, 2, false);
    assert_eq!(published(&bench, Topic::Block), 1);
    let txs = [tx(3)];
    let heard = header(GENESIS.into(), 3, &txs);
    bench.gossip(1, Topic::Block, announcement(&heard, &txs));
    bench.announcement_checked(heard.id(), AnnounceOutcome::Accept { want_body: false });
    new_tip(&mut bench, 3, false);
    assert_eq!(published(&bench, Topic::Block), 1);
    assert_eq!(bench.waiting(1, Protocol::Push), 0, "only our own blocks are pushed");
}

#[test]
fn what_waits_is_bounded() {
    let mut outbox = Outbox::default();
    for _ in 0..20_000 {
        outbox.tell(Wtxid::ZERO, None);
    }
    for n in 0..=255 {
        outbox.heard(BlockId::new([n; 32]));
    }
    assert_eq!(outbox.txs.len(), MAX_WAITING);
    assert_eq!(outbox.announced.len(), MAX_ANNOUNCED);
}

#[test]
fn large_transactions_are_offered_by_their_ids_however_few_they_are() {
    let mut bench = Bench::new();
    (1..=2).for_each(|n| bench.meet(n, status(0, 1)));
    bench.pass(3_000);
    let (small, large) = (tx_to(1, 20), tx_to(2, 40));
    assert!(small.size() <= 1024 && large.size() > 1024);
    let came = [small, large].map(|tx| {
        let message = bench.gossip(1, Topic::Tx, tx.bytes().to_vec());
        let source = TxSource::Gossip { peer: peer(1), message: message.clone() };
        let outputs = bench.net.transaction_checked(source, &tx, TxOutcome::Accept, bench.now);
        bench.sort(outputs);
        message
    });
    assert_eq!(came.map(|message| bench.verdicts(&message)), [[Verdict::Accept], [Verdict::Ignore]]);
    let ours = tx_to(3, 40);
    bench.view.pool.insert(ours.wtxid(), Arc::clone(&ours));
    let outputs = bench.net.transaction_accepted(ours.wtxid(), &bench.view, bench.now);
    bench.sort(outputs);
    bench.pass(300);
    assert_eq!((offered(&mut bench, 1), offered(&mut bench, 2)), (1, 2), "not to whoever brought it");
    assert_eq!(published(&bench, Topic::Tx), 0);
}
