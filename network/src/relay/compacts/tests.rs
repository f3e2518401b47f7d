//! Tests of announcements in short.

use super::*;
use crate::driver::{NetCommand, NetEvent, Protocol, Topic, Verdict};
use crate::peers::Penalty;
use crate::protocol::{AnnounceOutcome, Body, Report};
use crate::testing::{Bench, GENESIS, announcement, header, ids, peer, status, tx};
use crate::wire::{Announcement, Answer, Question};
use starling_primitives::{Header, Transaction};
use std::sync::Arc;
use std::time::Duration;

const WANTED: AnnounceOutcome = AnnounceOutcome::Accept { want_body: true };

/// A block of fifty transactions.
fn block() -> (Header, Vec<Arc<Transaction>>) {
    let txs: Vec<_> = (0..50).map(tx).collect();
    (header(GENESIS.into(), 1, &txs), txs)
}

/// A node that has so many of the block's transactions, and these many peers, of which the last is nearest;
/// all want what it has.
fn node(peers: u8, has: usize) -> (Bench, Header, Vec<Arc<Transaction>>) {
    let (header, txs) = block();
    let mut bench = Bench::new();
    for n in 1..=peers {
        bench.meet(n, status(1, 1));
        bench.event(NetEvent::Ping { peer: peer(n), rtt: Duration::from_millis(200 - u64::from(n)) });
        bench.ask(n, Protocol::SendCompact, vec![1]);
    }
    bench.view.pool.extend(txs[..has].iter().map(|tx| (tx.wtxid(), Arc::clone(tx))));
    (bench, header, txs)
}

/// The question in which the block is announced in short.
fn short(header: &Header, txs: &[Arc<Transaction>]) -> Vec<u8> {
    let compact = Compact::of(&Announcement::new(header.clone(), &ids(txs))).expect("worth it");
    Question::Compact(Box::new(compact)).encode()
}

/// A peer announces the block in short, and its header is right.
fn hear(bench: &mut Bench, from: u8, header: &Header, txs: &[Arc<Transaction>]) {
    bench.ask(from, Protocol::Compact, short(header, txs));
    bench.announcement_checked(header.id(), WANTED);
}

fn is_rebuilt(bench: &Bench) -> bool {
    bench.reports.iter().any(|report| matches!(report, Report::Body { body: Body::Txs(_), .. }))
}

fn handed_to(bench: &Bench) -> Vec<u8> {
    (1..=9).filter(|n| bench.waiting(*n, Protocol::Compact) > 0).collect()
}

fn published(bench: &Bench) -> Vec<&Vec<u8>> {
    let data = |command| match command {
        &NetCommand::Publish { topic: Topic::Block, ref data } => Some(data),
        _ => None,
    };
    bench.commands.iter().filter_map(data).collect()
}

#[test]
fn who_has_the_transactions_needs_nothing_else_and_hands_it_on() {
    let (mut bench, header, txs) = node(9, 50);
    let token = bench.ask(8, Protocol::Compact, short(&header, &txs));
    assert!(bench.commands.contains(&NetCommand::Reply { token, data: Answer::Done.encode() }));
    assert_eq!(handed_to(&bench), [0; 0], "not before its header was judged");
    bench.announcement_checked(header.id(), WANTED);
    assert!(is_rebuilt(&bench));
    assert_eq!(handed_to(&bench), [1, 2, 3, 4, 5, 6, 7, 9], "but not to the one that told us");
    assert!(bench.score(8) > 0.0, "the first to tell");
    bench.ask(9, Protocol::Compact, short(&header, &txs));
    let judged = bench.reports.iter().filter(|report| matches!(report, Report::Announcement { .. })).count();
    assert_eq!(judged, 1, "told again, it is worth nothing");
}

#[test]
fn gossip_hears_it_from_us_if_from_nobody_else() {
    let (mut bench, header, txs) = node(2, 50);
    hear(&mut bench, 1, &header, &txs);
    bench.pass(2_900);
    assert!(published(&bench).is_empty(), "gossip has its time");
    bench.pass(200);
    assert_eq!(published(&bench), [&announcement(&header, &txs)]);
}

#[test]
fn gossip_that_comes_later_is_passed_on_when_others_have_said_that_they_have_it() {
    let (mut bench, header, txs) = node(2, 50);
    hear(&mut bench, 1, &header, &txs);
    let message = bench.gossip(2, Topic::Block, announcement(&header, &txs));
    assert_eq!(bench.verdicts(&message), [Verdict::Later]);
    let twice = bench.gossip(1, Topic::Block, announcement(&header, &txs));
    assert_eq!(bench.verdicts(&twice), [Verdict::Accept], "one waits for each block");
    bench.pass(200);
    assert_eq!(bench.verdicts(&message), [Verdict::Later]);
    bench.pass(100);
    assert_eq!(bench.verdicts(&message), [Verdict::Later, Verdict::Accept]);
    bench.pass(4_000);
    assert!(published(&bench).is_empty(), "gossip has it");
}

#[test]
fn nothing_that_waits_is_lost_when_blocks_come_too_fast() {
    let (mut bench, header, txs) = node(2, 50);
    hear(&mut bench, 1, &header, &txs);
    let message = bench.gossip(2, Topic::Block, announcement(&header, &txs));
    for height in 2..=17 {
        let next = crate::testing::header(GENESIS.into(), height, &txs);
        // One alone would be over its budget.
        hear(&mut bench, 1 + u8::from(height % 2 == 0), &next, &txs);
    }
    assert_eq!(bench.verdicts(&message), [Verdict::Later, Verdict::Accept]);
    bench.now += Duration::from_secs(5);
    bench.pass(100);
    assert_eq!(published(&bench).len(), 16);
}

#[test]
fn who_lacks_some_asks_for_these_alone_and_passes_the_whole_on() {
    let (mut bench, header, txs) = node(2, 48);
    hear(&mut bench, 1, &header, &txs);
    assert_eq!(handed_to(&bench), [0; 0], "what is not known cannot be passed on");
    let asked = bench.take(1, Protocol::BlockTxs).expect("who announced it is asked at once");
    assert!(matches!(&asked.question, Question::BlockTxs { indices, .. } if *indices == [48, 49]));
    bench.reply(&asked, &Answer::BlockTxs(txs[48..].to_vec()));
    assert!(is_rebuilt(&bench) && bench.score(1) > 0.0);
    assert_eq!(handed_to(&bench), [2]);
    bench.pass(3_100);
    assert_eq!(published(&bench), [&announcement(&header, &txs)]);
}

#[test]
fn transactions_that_make_no_block_are_dropped_and_its_ids_asked_for() {
    let (mut bench, header, txs) = node(2, 49);
    hear(&mut bench, 1, &header, &txs);
    let asked = bench.take(1, Protocol::BlockTxs).expect("who announced it is asked");
    bench.reply(&asked, &Answer::BlockTxs(vec![tx(999)]));
    assert!(!is_rebuilt(&bench) && handed_to(&bench).is_empty());
    assert!(bench.score(1) >= 0.0, "short ids may be alike by accident");
    let asked = bench.take(2, Protocol::BlockIds).expect("another is asked for the ids");
    bench.reply(&asked, &Answer::BlockIds(ids(&txs)));
    let asked = bench.take(2, Protocol::BlockTxs).expect("for what is missing");
    bench.reply(&asked, &Answer::BlockTxs(vec![Arc::clone(&txs[49])]));
    assert!(is_rebuilt(&bench));
    assert_eq!(handed_to(&bench), [2], "and it is passed on");
}

#[test]
fn another_number_of_transactions_than_asked_for_is_a_fault() {
    let (mut bench, header, txs) = node(2, 48);
    hear(&mut bench, 1, &header, &txs);
    let asked = bench.take(1, Protocol::BlockTxs).expect("who announced it is asked");
    bench.reply(&asked, &Answer::BlockTxs(vec![Arc::clone(&txs[48])]));
    assert!(bench.score(1) < 0.0 && !is_rebuilt(&bench));
}

#[test]
fn ids_in_full_that_come_meanwhile_are_used() {
    let (mut bench, header, txs) = node(2, 49);
    hear(&mut bench, 1, &header, &txs);
    bench.gossip(2, Topic::Block, announcement(&header, &txs));
    bench.announcement_checked(header.id(), WANTED);
    let asked = bench.take(1, Protocol::BlockTxs).expect("what is missing was asked for");
    bench.reply(&asked, &Answer::BlockTxs(vec![Arc::clone(&txs[49])]));
    assert_eq!(bench.waiting(1, Protocol::BlockTxs) + bench.waiting(2, Protocol::BlockTxs), 0, "once");
    assert!(is_rebuilt(&bench));
    assert_eq!(handed_to(&bench).len(), 1, "and it is passed on");
}

#[test]
fn an_announcement_in_full_takes_the_place_of_one_in_short_that_waits() {
    let (mut bench, header, txs) = node(2, 0);
    bench.ask(1, Protocol::Compact, short(&header, &txs));
    let message = bench.gossip(2, Topic::Block, announcement(&header, &txs));
    bench.announcement_checked(header.id(), WANTED);
    assert_eq!(bench.verdicts(&message), [Verdict::Accept]);
    assert_eq!(bench.waiting(1, Protocol::BlockIds), 0, "the ids are here");
    assert_eq!(bench.waiting(1, Protocol::BlockTxs), 1);
}

#[test]
fn made_up_ids_are_tried_once_a_peer_and_for_few_peers() {
    let (mut bench, header, txs) = node(2, 50);
    let false_ids = [&txs[1..], &txs[..1]].concat();
    for _ in 0..4 {
        hear(&mut bench, 1, &header, &false_ids);
    }
    hear(&mut bench, 2, &header, &txs);
    assert!(is_rebuilt(&bench), "one alone keeps nobody out");
    let (mut bench, header, txs) = node(9, 50);
    for n in 1..=8 {
        hear(&mut bench, n, &header, &false_ids);
    }
    hear(&mut bench, 9, &header, &txs);
    assert!(!is_rebuilt(&bench), "true ones come too late");
    bench.gossip(9, Topic::Block, announcement(&header, &txs));
    bench.announcement_checked(header.id(), WANTED);
    assert!(is_rebuilt(&bench), "gossip does not");
}

#[test]
fn ids_that_say_more_take_the_place_of_those_that_say_less() {
    let (mut bench, header, txs) = node(2, 49);
    let made_up: Vec<_> = (100..150).map(tx).collect();
    hear(&mut bench, 1, &header, &made_up);
    assert_eq!(bench.waiting(1, Protocol::BlockTxs), 1);
    hear(&mut bench, 2, &header, &txs);
    let asked = bench.take(2, Protocol::BlockTxs).expect("asked at once, whatever the first one does");
    bench.reply(&asked, &Answer::BlockTxs(vec![Arc::clone(&txs[49])]));
    assert!(is_rebuilt(&bench));
    let asked = bench.take(1, Protocol::BlockTxs).expect("still open");
    bench.reply(&asked, &Answer::BlockTxs(made_up));
}

#[test]
fn nobody_else_is_asked_by_the_short_ids_of_one_that_does_not_answer() {
    let (mut bench, header, txs) = node(2, 50);
    let made_up: Vec<_> = (100..150).map(tx).collect();
    hear(&mut bench, 1, &header, &made_up);
    bench.pass(600);
    assert_eq!(bench.waiting(2, Protocol::BlockTxs), 0);
    let asked = bench.take(2, Protocol::BlockIds).expect("another is asked for the ids");
    bench.reply(&asked, &Answer::BlockIds(ids(&txs)));
    assert!(is_rebuilt(&bench), "all its transactions were here");
}

#[test]
fn who_is_far_behind_or_hides_its_own_does_not_look_for_ids() {
    let (mut bench, header, txs) = node(2, 50);
    bench.view.synced = false;
    hear(&mut bench, 1, &header, &txs);
    assert!(!is_rebuilt(&bench) && bench.waiting(1, Protocol::BlockTxs) == 0);
    let (mut bench, header, txs) = node(2, 50);
    let outputs = bench.net.transaction_submitted(txs[7].wtxid(), &bench.view, bench.now);
    bench.sort(outputs);
    assert!(bench.net.hides(&txs[7].wtxid()));
    hear(&mut bench, 1, &header, &txs);
    let asked = bench.take(1, Protocol::BlockTxs).expect("as if it were not here");
    assert!(matches!(&asked.question, Question::BlockTxs { indices, .. } if *indices == [7]));
}

#[test]
fn a_false_header_bans_whoever_announced_it_in_short() {
    let (mut bench, header, txs) = node(2, 50);
    bench.ask(1, Protocol::Compact, short(&header, &txs));
    bench.announcement_checked(header.id(), AnnounceOutcome::Reject(Penalty::Ban));
    assert!(bench.is_banned(1) && !is_rebuilt(&bench) && handed_to(&bench).is_empty());
    let mut cut = short(&header, &txs);
    cut.pop();
    bench.ask(2, Protocol::Compact, cut);
    assert!(bench.is_banned(2), "undecodable");
}

#[test]
fn a_block_that_is_here_is_not_handed_on() {
    let (mut bench, header, txs) = node(3, 50);
    bench.ask(1, Protocol::Compact, short(&header, &txs));
    bench.announcement_checked(header.id(), AnnounceOutcome::Accept { want_body: false });
    assert!(handed_to(&bench).is_empty() && published(&bench).is_empty() && bench.is_connected(1));
}

#[test]
fn our_own_block_goes_ahead_of_gossip_and_so_does_one_that_gossip_brought() {
    let (mut bench, header, txs) = node(9, 50);
    let block = Announcement::new(header.clone(), &ids(&txs));
    let outputs = bench.net.tip_changed(block, true, &bench.view, bench.now);
    bench.sort(outputs);
    assert_eq!(handed_to(&bench).len(), 9);
    assert!(published(&bench).is_empty(), "copies in full would be in the way");
    bench.pass(100);
    assert_eq!(published(&bench).len(), 1);
    let (mut bench, header, txs) = node(9, 0);
    bench.gossip(9, Topic::Block, announcement(&header, &txs));
    bench.announcement_checked(header.id(), WANTED);
    assert_eq!(handed_to(&bench), [1, 2, 3, 4, 5, 6, 7, 8], "even before its transactions are here");
}
