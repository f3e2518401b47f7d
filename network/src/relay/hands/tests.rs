//! Tests of who hands blocks to whom.

use super::*;
use crate::driver::{NetEvent, Protocol, Topic};
use crate::protocol::{AnnounceOutcome, PeerOptions};
use crate::testing::{Asked, Bench, GENESIS, header, ids, peer, status, tx};
use crate::wire::Answer;
use starling_primitives::{Header, Transaction};
use std::sync::Arc;

const ALL: std::ops::RangeInclusive<u8> = 1..=20;

fn measure(bench: &mut Bench, n: u8, ms: u64) {
    bench.event(NetEvent::Ping { peer: peer(n), rtt: Duration::from_millis(ms) });
}

/// Whom we ask, once all answers are there: `state` is brought up to date.
fn asked(bench: &mut Bench, state: &mut BTreeSet<u8>) -> Vec<u8> {
    for n in ALL {
        while let Some(asked) = bench.take(n, Protocol::SendCompact) {
            match asked.question {
                Question::SendCompact(true) => state.insert(n),
                _ => state.remove(&n),
            };
            bench.reply(&asked, &Answer::Done);
        }
    }
    state.iter().copied().collect()
}

/// A node on this line with peers of its own choice, and others, each farther the greater its number; and
/// whom it asks.
fn node(own: &[u8], others: &[u8], upload_limit: Option<u64>) -> (Bench, BTreeSet<u8>) {
    let mut config = Bench::config();
    config.peers = PeerOptions { upload_limit, ..PeerOptions::default() };
    let mut bench = Bench::with(config);
    own.iter().for_each(|n| bench.meet(*n, status(1, 1)));
    others.iter().for_each(|n| bench.come(*n, status(1, 1)));
    own.iter().chain(others).for_each(|n| measure(&mut bench, *n, 10 * u64::from(*n)));
    bench.pass(2_000);
    let mut state = BTreeSet::new();
    asked(&mut bench, &mut state);
    (bench, state)
}

fn block(height: u32) -> (Header, Vec<Arc<Transaction>>) {
    let txs: Vec<_> = (0..50).map(tx).collect();
    (header(GENESIS.into(), height, &txs), txs)
}

fn compact(height: u32) -> Vec<u8> {
    let (header, txs) = block(height);
    let compact = Compact::of(&Announcement::new(header, &ids(&txs))).expect("worth it");
    Question::Compact(Box::new(compact)).encode()
}

/// Gossip brings a block, and these peers hand it over too.
fn hear(bench: &mut Bench, height: u32, from: &[u8]) {
    let (header, txs) = block(height);
    bench.gossip(20, Topic::Block, Announcement::new(header.clone(), &ids(&txs)).encode());
    bench.announcement_checked(header.id(), AnnounceOutcome::Accept { want_body: true });
    for n in from {
        bench.ask(*n, Protocol::Compact, compact(height));
    }
    bench.pass(2_000);
}

fn handed(bench: &mut Bench) -> Vec<u8> {
    let mut got = |n: &u8| bench.take(*n, Protocol::Compact);
    let (peers, questions): (Vec<u8>, Vec<Asked>) = ALL.filter_map(|n| Some((n, got(&n)?))).unzip();
    questions.iter().for_each(|asked| bench.reply(asked, &Answer::Done));
    peers
}

fn mine(bench: &mut Bench, height: u32, own: bool) -> Vec<u8> {
    let (header, txs) = block(height);
    let block = Announcement::new(header, &ids(&txs));
    let outputs = bench.net.tip_changed(block, own, &bench.view, bench.now);
    bench.sort(outputs);
    handed(bench)
}

#[test]
fn the_five_nearest_are_asked_and_two_of_our_own_choice_among_them() {
    let (mut bench, mut state) = node(&[1, 2, 3], &[4, 5, 6, 7, 8], None);
    assert_eq!(asked(&mut bench, &mut state), [1, 2, 3, 4, 5]);
    let (mut bench, mut state) = node(&[6, 7, 8], &[1, 2, 3, 4, 5], None);
    assert_eq!(asked(&mut bench, &mut state), [1, 2, 3, 6, 7], "whoever is near cannot crowd them out");
}

#[test]
fn another_takes_the_place_of_one_that_leaves_and_the_nearer_that_of_the_farther() {
    let (mut bench, mut state) = node(&[1, 2, 3, 4, 5, 6, 7], &[], None);
    bench.leave(2);
    state.remove(&2);
    bench.pass(100);
    assert_eq!(asked(&mut bench, &mut state), [1, 3, 4, 5, 6]);
    measure(&mut bench, 7, 55);
    bench.pass(2_000);
    assert_eq!(asked(&mut bench, &mut state), [1, 3, 4, 5, 6], "it is hardly nearer");
    measure(&mut bench, 7, 25);
    bench.pass(2_000);
    assert_eq!(asked(&mut bench, &mut state), [1, 3, 4, 5, 7]);
}

#[test]
fn more_are_asked_when_few_hand_us_blocks_and_fewer_when_many_do() {
    let (mut bench, mut state) = node(&[1, 2, 3], &[4, 5, 6, 7, 8, 9, 10, 20], None);
    let mut height = 0;
    let mut after = |from: &[u8]| {
        height += 1;
        hear(&mut bench, height, from);
        asked(&mut bench, &mut state).len()
    };
    assert_eq!(after(&[1, 2, 3]), 5, "as many as are needed");
    assert_eq!(after(&[1, 2, 9, 10]), 6, "those that were not asked do not count");
    assert_eq!(after(&[1, 1, 1, 2]), 7, "nor does one that does it twice");
    assert_eq!([after(&[]), after(&[1]), after(&[2, 3])], [8, 8, 8], "eight at the most");
    assert_eq!(after(&[1, 2, 3]), 8);
    assert_eq!(after(&[1, 2, 3, 4, 5, 6, 7, 8]), 7);
    assert_eq!([after(&[1, 2, 3, 4]), after(&[1, 2, 3, 4]), after(&[1, 2, 3, 4])], [6, 5, 4]);
    assert_eq!([after(&[1, 2, 3, 4]), after(&[1, 2, 3])], [3, 3]);
}

#[test]
fn who_cannot_be_told_is_told_later() {
    let mut bench = Bench::new();
    (1..=3).for_each(|n| bench.meet(n, status(1, 1)));
    bench.pass(2_000);
    let first = bench.take(1, Protocol::SendCompact).expect("asked");
    bench.reply(&first, &Answer::RateLimited { retry_after_ms: 500 });
    let second = bench.take(2, Protocol::SendCompact).expect("asked");
    bench.reply_raw(&second, Err(crate::driver::RequestFailure::Unsupported));
    bench.pass(4_000);
    assert_eq!(bench.waiting(1, Protocol::SendCompact), 1, "again");
    assert_eq!(bench.waiting(2, Protocol::SendCompact), 0, "it is left alone");
    assert!(bench.score(2) >= 0.0);
}

#[test]
fn who_does_otherwise_than_it_was_told_is_told_again() {
    let (mut bench, mut state) = node(&[1, 2, 3], &[4, 5, 6, 20], None);
    assert_eq!(asked(&mut bench, &mut state), [1, 2, 3, 4, 5]);
    hear(&mut bench, 1, &[1, 2, 3, 6]);
    let again = |bench: &mut Bench, n| bench.take(n, Protocol::SendCompact).map(|asked| asked.question);
    assert_eq!([1, 2, 3].map(|n| again(&mut bench, n)), [None, None, None]);
    assert_eq!(
        [4, 5].map(|n| again(&mut bench, n)),
        [Some(Question::SendCompact(true)), Some(Question::SendCompact(true))]
    );
    assert_eq!(again(&mut bench, 6), Some(Question::SendCompact(false)));
}

#[test]
fn nearest_strangers_do_not_keep_our_own_block_from_those_of_our_own_choice() {
    let (mut bench, _) = node(&[16, 17, 18], &[1, 2, 3, 4, 5], None);
    for n in 1..=5 {
        bench.ask(n, Protocol::SendCompact, vec![1]);
    }
    assert_eq!(mine(&mut bench, 1, true), [1, 2, 3, 4, 5, 16, 17]);
}

#[test]
fn as_strangers_keep_silent_more_of_our_own_choice_are_asked() {
    let (mut bench, mut state) = node(&[16, 17, 18, 19], &[1, 2, 3, 4, 5, 6, 20], None);
    assert_eq!(asked(&mut bench, &mut state), [1, 2, 3, 16, 17]);
    hear(&mut bench, 1, &[]);
    assert_eq!(asked(&mut bench, &mut state), [1, 2, 3, 16, 17, 18]);
    hear(&mut bench, 2, &[16, 17]);
    assert_eq!(asked(&mut bench, &mut state), [1, 2, 3, 16, 17, 18, 19]);
}

#[test]
fn blocks_are_handed_to_those_that_ask_and_our_own_to_five_at_the_least() {
    let (mut bench, _) = node(&[1, 2, 3], &[4, 5, 6, 7, 8], None);
    assert_eq!(mine(&mut bench, 1, false), [0; 0], "nobody asked");
    assert_eq!(mine(&mut bench, 2, true), [1, 2, 3, 4, 5]);
    for n in [5, 7, 8] {
        bench.ask(n, Protocol::SendCompact, vec![1]);
    }
    assert_eq!(mine(&mut bench, 3, true), [1, 2, 3, 4, 5, 7, 8], "whoever asks takes nobody's place");
    assert_eq!(mine(&mut bench, 4, false), [5, 7, 8]);
    bench.ask(7, Protocol::SendCompact, vec![0]);
    assert_eq!(mine(&mut bench, 5, false), [5, 8]);
    for n in [1, 2, 3, 4, 6, 7] {
        bench.ask(n, Protocol::SendCompact, vec![1]);
    }
    assert_eq!(mine(&mut bench, 6, false), [1, 2, 3, 4, 5, 6, 7, 8], "whoever asks");
}

#[test]
fn on_a_slow_line_the_nearest_get_what_they_ask_for() {
    let (mut bench, _) = node(&[1, 2, 3], &[4, 5, 6, 7, 8], Some(200 << 10));
    for n in 4..=8 {
        bench.ask(n, Protocol::SendCompact, vec![1]);
    }
    assert_eq!(mine(&mut bench, 1, true), [1, 2, 3]);
    assert_eq!(mine(&mut bench, 2, false), [4, 5, 6]);
    let (mut bench, _) = node(&[1, 2, 3], &[4, 5, 6, 7, 8], Some(1));
    assert_eq!(mine(&mut bench, 1, true), [1, 2]);
}

#[test]
fn a_question_that_is_neither_yes_nor_no_bans() {
    let (mut bench, _) = node(&[1], &[], None);
    bench.ask(1, Protocol::SendCompact, vec![2]);
    assert!(bench.is_banned(1));
}
