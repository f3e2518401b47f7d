//! Tests of the fetching of offered transactions.

use super::*;
use crate::driver::RequestFailure;
use crate::testing::{Asked, Bench, ids, status, tx};
use crate::wire::Answer;

fn announce(bench: &mut Bench, n: u8, ids: &[Wtxid]) {
    bench.ask(n, Protocol::Announce, Question::Announce(ids.to_vec()).encode());
}

fn asked_ids(asked: &Asked) -> Vec<Wtxid> {
    match &asked.question {
        Question::Txs(ids) => ids.clone(),
        other => panic!("not about transactions: {other:?}"),
    }
}

fn fetched(bench: &Bench) -> Vec<Wtxid> {
    let id = |report: &Report| match report {
        Report::Transaction { tx, .. } => Some(tx.wtxid()),
        _ => None,
    };
    bench.reports.iter().filter_map(id).collect()
}

#[test]
fn announced_and_unknown_transactions_are_fetched() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let txs = [tx(1), tx(2), tx(3)];
    bench.view.known.insert(txs[1].wtxid());
    announce(&mut bench, 1, &ids(&txs));
    let asked = bench.take(1, Protocol::Txs).unwrap();
    assert_eq!(asked_ids(&asked), [txs[0].wtxid(), txs[2].wtxid()]);
    bench.reply(&asked, &Answer::Txs(vec![None, Some(Arc::clone(&txs[2]))]));
    assert_eq!(fetched(&bench), [txs[2].wtxid()]);
}

#[test]
fn one_peer_is_asked_at_a_time_and_the_next_when_it_fails() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let offered = ids(&[tx(1)]);
    announce(&mut bench, 1, &offered);
    announce(&mut bench, 2, &offered);
    assert_eq!(bench.waiting(2, Protocol::Txs), 0);
    let asked = bench.take(1, Protocol::Txs).unwrap();
    bench.reply_raw(&asked, Err(RequestFailure::Timeout));
    assert_eq!(bench.waiting(2, Protocol::Txs), 1);
    bench.leave(2);
    announce(&mut bench, 1, &offered);
    assert_eq!(bench.waiting(1, Protocol::Txs), 1, "a vanished peer holds nothing back");
}

#[test]
fn requests_are_small_one_at_a_time_and_within_the_quota() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let txs: Vec<_> = (0..6_000).map(tx).collect();
    for chunk in txs.chunks(256) {
        announce(&mut bench, 1, &ids(chunk));
        bench.pass(100);
    }
    let mut wanted = Vec::new();
    for _ in 0..25 {
        assert!(bench.waiting(1, Protocol::Txs) <= 1);
        while let Some(asked) = bench.take(1, Protocol::Txs) {
            let some = asked_ids(&asked);
            assert!(some.len() <= 256);
            bench.reply(&asked, &Answer::Txs(vec![None; some.len()]));
            wanted.extend(some);
        }
        bench.pass(100);
    }
    assert_eq!(wanted, ids(&txs), "all of them, in the peer's order");
}

#[test]
fn whoever_offers_and_does_not_send_keeps_nothing_from_us_for_long() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let offered = ids(&[tx(1), tx(2)]);
    announce(&mut bench, 1, &offered);
    announce(&mut bench, 2, &offered);
    bench.pass(1_900);
    assert_eq!(bench.waiting(2, Protocol::Txs), 0);
    bench.pass(200);
    let asked = bench.take(2, Protocol::Txs).expect("the other has them too");
    assert_eq!(asked_ids(&asked), offered);
}

#[test]
fn a_rate_limited_request_is_asked_again_later() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    announce(&mut bench, 1, &ids(&[tx(1)]));
    let asked = bench.take(1, Protocol::Txs).unwrap();
    bench.reply(&asked, &Answer::RateLimited { retry_after_ms: 1_000 });
    assert_eq!(bench.waiting(1, Protocol::Txs), 0);
    announce(&mut bench, 1, &ids(&[tx(2)]));
    bench.pass(1_100);
    let again = bench.take(1, Protocol::Txs).expect("asked again");
    assert_eq!(asked_ids(&again), ids(&[tx(1), tx(2)]), "first what was asked for first");
}

#[test]
fn other_transactions_than_asked_for_ban() {
    for answer in [vec![Some(tx(9))], vec![], vec![None, None]] {
        let mut bench = Bench::new();
        bench.meet(1, status(0, 1));
        announce(&mut bench, 1, &ids(&[tx(1)]));
        let asked = bench.take(1, Protocol::Txs).unwrap();
        bench.reply(&asked, &Answer::Txs(answer));
        assert!(bench.is_banned(1));
        assert!(fetched(&bench).is_empty());
    }
}

#[test]
fn offers_that_wait_are_bounded() {
    let mut pulls = Pulls::default();
    let bench = Bench::new();
    let id = |n: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        Wtxid::new(bytes)
    };
    let many: Vec<Wtxid> = (0..10_000).map(id).collect();
    let peer = crate::testing::peer(1);
    pulls.offer(peer, &many, &bench.view);
    assert_eq!(pulls.peers[&peer].ids.len(), MAX_WAITING);
    assert!(!pulls.has_room(&peer, 1));
}

#[test]
fn strangers_that_only_say_they_have_it_do_not_keep_it_from_us() {
    let mut bench = Bench::new();
    (1..=5).for_each(|n| bench.come(n, status(0, 1)));
    bench.meet(9, status(0, 1));
    let offered = ids(&[tx(1)]);
    (1..=5).for_each(|n| announce(&mut bench, n, &offered));
    announce(&mut bench, 9, &offered);
    assert_eq!(bench.waiting(1, Protocol::Txs), 1);
    bench.pass(2_100);
    assert_eq!([2, 3, 4, 5, 9].map(|n| bench.waiting(n, Protocol::Txs)), [0, 0, 0, 0, 1]);
}
