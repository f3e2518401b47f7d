//! Tests of the first hop of our own transactions.

use super::*;
use crate::driver::{NetCommand, NetEvent, Protocol};
use crate::testing::{Bench, status, tx};
use crate::wire::Answer;
use std::sync::Arc;

/// A node with these peers of its choice.
fn bench(peers: u8) -> Bench {
    let mut bench = Bench::new();
    for n in 1..=peers {
        bench.meet(n, status(0, 1));
    }
    bench.pass(3_000);
    bench
}

fn submit(bench: &mut Bench, nonce: u64) -> Wtxid {
    let tx = tx(nonce);
    let id = tx.wtxid();
    bench.view.pool.insert(id, tx);
    let outputs = bench.net.transaction_submitted(id, &bench.view, bench.now);
    bench.sort(outputs);
    id
}

/// Transactions handed over to peer `n` directly.
fn pushed(bench: &mut Bench, n: u8) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(asked) = bench.take(n, Protocol::Push) {
        bench.reply(&asked, &Answer::Done);
        if let Question::Push { data, .. } = asked.question {
            all.push(data);
        }
    }
    all
}

fn published(bench: &Bench) -> Vec<Vec<u8>> {
    let data = |command: &NetCommand| match command {
        NetCommand::Publish { topic: Topic::Tx, data } => Some(data.clone()),
        _ => None,
    };
    bench.commands.iter().filter_map(data).collect()
}

fn bytes(nonces: impl IntoIterator<Item = u64>) -> Vec<Vec<u8>> {
    nonces.into_iter().map(|nonce| tx(nonce).bytes().to_vec()).collect()
}

#[test]
fn a_transaction_leaves_after_a_while_through_one_peer() {
    let mut bench = bench(5);
    let id = submit(&mut bench, 1);
    bench.pass(400);
    assert!((1..=5).all(|n| pushed(&mut bench, n).is_empty()), "not at once");
    assert!(bench.net.hides(&id));
    bench.pass(3_200);
    submit(&mut bench, 2);
    submit(&mut bench, 3);
    bench.pass(4_000);
    let mut by_peer = vec![Vec::new(); 5];
    for _ in 0..4 {
        bench.pass(100);
        (1..=5).zip(&mut by_peer).for_each(|(n, all)| all.extend(pushed(&mut bench, n)));
    }
    by_peer.retain(|all| !all.is_empty());
    assert_eq!(by_peer, [bytes([1, 2, 3])], "all through one peer, in their order");
    assert!(published(&bench).is_empty());
    // It comes back by gossip: others tell of it.
    bench.view.known.insert(id);
    bench.gossip(3, Topic::Tx, tx(1).bytes().to_vec());
    assert!(!bench.net.hides(&id));
    bench.pass(20_000);
    assert_eq!(published(&bench), bytes([2, 3]), "nobody told of the others, so we do");
}

#[test]
fn without_a_peer_of_our_choice_it_is_told_to_all() {
    let mut bench = Bench::new();
    let address = "/ip4/10.0.0.1/tcp/1".parse().unwrap();
    bench.event(NetEvent::Connected { peer: crate::testing::peer(1), address, outbound: false });
    bench.pass(3_000);
    submit(&mut bench, 1);
    bench.pass(4_000);
    assert_eq!((pushed(&mut bench, 1).len(), published(&bench)), (0, bytes([1])));
}

#[test]
fn whoever_submits_many_does_not_wait() {
    let mut bench = bench(3);
    let most = u64::try_from(MAX_STEMS).unwrap();
    let ids: Vec<Wtxid> = (0..most).map(|nonce| submit(&mut bench, nonce)).collect();
    assert!(ids.iter().all(|id| bench.net.hides(id)));
    submit(&mut bench, most);
    assert!(!ids.iter().any(|id| bench.net.hides(id)));
    bench.pass(100);
    assert_eq!(published(&bench), bytes(0..=most), "in their order");
    bench.pass(3_000);
    let next = submit(&mut bench, most + 1);
    assert!(!bench.net.hides(&next), "nor do the next ones, which would leave all at once again");
    bench.pass(4_100);
    let next = submit(&mut bench, most + 2);
    assert!(bench.net.hides(&next), "after a rest it is one of few");
}

/// A node with three peers, and this long after it submitted four.
fn four_submitted(ms: u64) -> Bench {
    let mut bench = bench(3);
    for nonce in 0..4 {
        submit(&mut bench, nonce);
    }
    bench.pass(ms);
    bench
}

#[test]
fn those_on_their_first_hop_are_told_in_their_order_when_there_are_many() {
    let mut bench = four_submitted(4_000);
    let sent: Vec<_> = (1..=3).flat_map(|n| pushed(&mut bench, n)).collect();
    assert_eq!(sent, bytes(0..4));
    let most = u64::try_from(MAX_STEMS).unwrap();
    for nonce in 4..=most + 64 {
        submit(&mut bench, nonce);
    }
    bench.pass(100);
    assert_eq!(published(&bench)[..8], bytes(0..8)[..]);
}

#[test]
fn a_peer_that_takes_none_holds_up_nobody_and_nothing_is_told_out_of_order() {
    let mut bench = four_submitted(9_500);
    let open = (1..=3).map(|n| pushed(&mut bench, n).len()).sum::<usize>();
    assert_eq!((open, published(&bench)), (2, bytes(0..4)), "two without an answer, told of as well");
}

#[test]
fn what_was_mined_meanwhile_stays_here() {
    let mut bench = bench(3);
    submit(&mut bench, 1);
    bench.view.pool.clear();
    bench.pass(20_000);
    assert!((1..=3).all(|n| pushed(&mut bench, n).is_empty()) && published(&bench).is_empty());
}

#[test]
fn a_peer_that_is_handed_one_tells_others() {
    let mut bench = bench(2);
    let tx = tx(9);
    let question = Question::Push { topic: Topic::Tx, data: tx.bytes().to_vec() };
    bench.ask(1, Protocol::Push, question.encode());
    let source = match bench.reports.pop() {
        Some(crate::protocol::Report::Transaction { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    bench.view.pool.insert(tx.wtxid(), Arc::clone(&tx));
    let outputs = bench.net.transaction_checked(source, &tx, crate::protocol::TxOutcome::Accept, bench.now);
    bench.sort(outputs);
    bench.pass(100);
    assert_eq!(published(&bench), bytes([9]));
}

#[test]
fn what_is_on_its_first_hop_is_not_told_of_when_others_can_use_it() {
    let mut bench = bench(5);
    let id = submit(&mut bench, 1);
    let outputs = bench.net.transaction_accepted(id, &bench.view, bench.now);
    bench.sort(outputs);
    bench.pass(400);
    assert_eq!(published(&bench), Vec::<Vec<u8>>::new());
    assert!(bench.net.hides(&id));
}

#[test]
fn one_that_others_offer_is_on_its_way() {
    let mut bench = bench(3);
    let id = submit(&mut bench, 1);
    bench.pass(4_000);
    let through = (1..=3).find(|n| !pushed(&mut bench, *n).is_empty()).expect("one peer has it");
    let offer = Question::Announce(vec![id]).encode();
    bench.ask(through, Protocol::Announce, offer.clone());
    assert!(bench.net.hides(&id), "that one would say so in any case");
    bench.ask(1 + through % 3, Protocol::Announce, offer);
    assert!(!bench.net.hides(&id));
    bench.pass(20_000);
    assert!(published(&bench).is_empty(), "we would be the last to tell of it");
}
