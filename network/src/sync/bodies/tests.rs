//! Tests of the body sync.

use super::*;
use crate::testing::{Asked, Bench, peer, status};
use crate::wire::Answer;

fn id(n: u32) -> BlockId {
    let mut bytes = [0xb0; 32];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    BlockId::new(bytes)
}

fn list(heights: std::ops::RangeInclusive<u32>) -> Vec<(BlockId, u32)> {
    heights.map(|height| (id(height), height)).collect()
}

fn ids_of(asked: &Asked) -> Vec<BlockId> {
    match &asked.question {
        Question::Bodies(ids) => ids.clone(),
        other => panic!("not about bodies: {other:?}"),
    }
}

fn serve(bench: &mut Bench, asked: &Asked) {
    let bodies = ids_of(asked).iter().map(|_| Some(vec![1])).collect();
    bench.reply(asked, &Answer::Bodies(bodies));
}

/// The core takes everything that was handed to it.
fn accept_all(bench: &mut Bench) -> Vec<BlockId> {
    let ids = bench.bodies();
    bench.reports.clear();
    ids.iter().for_each(|id| bench.body_checked(id, BodyOutcome::Match));
    ids
}

/// Serves whatever these peers are asked until nothing more comes.
fn run(bench: &mut Bench, peers: &[u8]) -> Vec<BlockId> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        for n in peers {
            while let Some(asked) = bench.take(*n, Protocol::Bodies) {
                serve(bench, &asked);
                all.extend(accept_all(bench));
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

#[test]
fn bodies_come_from_all_peers_at_once_and_each_once() {
    let mut bench = Bench::new();
    bench.meet(1, status(100, 1));
    bench.meet(2, status(100, 1));
    bench.want(&list(1..=100));
    assert_eq!(bench.waiting(1, Protocol::Bodies), 2);
    assert_eq!(bench.waiting(2, Protocol::Bodies), 2);
    let mut all = run(&mut bench, &[1, 2]);
    all.sort();
    let mut expected: Vec<BlockId> = list(1..=100).iter().map(|(id, _)| *id).collect();
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(bench.net.sync_progress().bodies_missing, 0);
}

#[test]
fn batches_follow_the_speed_of_the_peer() {
    let mut bench = Bench::new();
    bench.meet(1, status(1_000, 1));
    bench.want(&list(1..=500));
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let asked = bench.take(1, Protocol::Bodies).unwrap();
        sizes.push(ids_of(&asked).len());
        serve(&mut bench, &asked);
    }
    assert_eq!(sizes, [1, 1, 2, 4, 8, 16], "larger when fast, and at most 32 blocks in flight");
    let open: usize = bench
        .asked
        .iter()
        .filter(|a| a.question.protocol() == Protocol::Bodies)
        .map(|a| ids_of(a).len())
        .sum();
    assert!(open <= 32 && bench.waiting(1, Protocol::Bodies) <= 2);

    while bench.take(1, Protocol::Bodies).is_some_and(|asked| {
        bench.pass(2_500);
        serve(&mut bench, &asked);
        bench.waiting(1, Protocol::Bodies) > 0 && ids_of(&asked).len() > 1
    }) {}
    let asked = bench.take(1, Protocol::Bodies).unwrap();
    assert_eq!(ids_of(&asked).len(), 1, "smaller when slow");
}

#[test]
fn a_late_joiner_gets_past_a_peer_that_stalls() {
    let mut bench = Bench::new();
    bench.meet(1, status(200, 1));
    bench.meet(2, status(200, 1));
    bench.want(&list(1..=200));
    // Peer 1 never answers; whatever it holds is asked from peer 2 in the end.
    let mut all = Vec::new();
    for _ in 0..100 {
        all.extend(run(&mut bench, &[2]));
        bench.pass(100);
    }
    assert_eq!(all.len(), 200);
    assert!(bench.score(1) < 0.0 && bench.is_connected(1));
    let late = bench.take(1, Protocol::Bodies).expect("still open");
    serve(&mut bench, &late);
    assert!(bench.bodies().is_empty(), "nothing is handed over twice");
}

#[test]
fn the_patience_with_a_stalling_peer_doubles_and_comes_back() {
    let mut bench = Bench::new();
    bench.meet(1, status(200, 1));
    bench.want(&list(1..=1));
    assert_eq!(bench.net.sync_progress().stalling, None);
    bench.pass(2_100);
    assert_eq!(bench.net.sync_progress().stalling, Some(peer(1)));
    bench.meet(2, status(200, 1));
    let asked = bench.take(2, Protocol::Bodies).expect("asked at once");
    bench.pass(3_500);
    assert_eq!(bench.net.sync_progress().stalling, Some(peer(1)), "four seconds now");
    bench.pass(1_000);
    assert_eq!(bench.net.sync_progress().stalling, Some(peer(2)));
    serve(&mut bench, &asked);
    assert_eq!(bench.bodies(), [id(1)]);
    assert_eq!(bench.net.sync_progress().stalling, None);
}

#[test]
fn what_a_vanished_peer_was_asked_for_is_asked_from_another() {
    let mut bench = Bench::new();
    bench.meet(1, status(4, 1));
    bench.want(&list(1..=4));
    let first = bench.take(1, Protocol::Bodies).unwrap();
    serve(&mut bench, &first);
    let second = bench.take(1, Protocol::Bodies).unwrap();
    serve(&mut bench, &second);
    assert_eq!(bench.bodies(), [id(1), id(2)], "what was fetched stays fetched");
    bench.meet(2, status(4, 1));
    assert_eq!(bench.waiting(2, Protocol::Bodies), 0);
    bench.leave(1);
    let again: Vec<_> = std::iter::from_fn(|| bench.take(2, Protocol::Bodies)).collect();
    assert_eq!(again.iter().flat_map(ids_of).collect::<Vec<_>>(), [id(3), id(4)], "at once");
}

#[test]
fn who_lacks_a_body_is_not_asked_for_a_while() {
    let mut bench = Bench::new();
    bench.meet(1, status(8, 1));
    bench.want(&list(1..=2));
    for body in [None, Some(vec![])] {
        let asked = bench.take(1, Protocol::Bodies).unwrap();
        bench.reply(&asked, &Answer::Bodies(vec![body]));
    }
    assert_eq!(bench.bodies(), [id(2)]);
    bench.pass(1_900);
    assert_eq!(bench.waiting(1, Protocol::Bodies), 0);
    bench.pass(200);
    let asked = bench.take(1, Protocol::Bodies).expect("it may have it by now");
    assert_eq!(ids_of(&asked), [id(1)]);
    bench.reply(&asked, &Answer::NotHere);
    bench.meet(2, status(8, 1));
    assert_eq!(bench.waiting(2, Protocol::Bodies), 1);
    assert!(bench.score(1) >= 0.0, "having less is no fault");
}

#[test]
fn who_lacks_one_body_of_a_branch_lacks_those_above_it() {
    let mut bench = Bench::new();
    bench.meet(1, status(100, 1));
    bench.meet(2, status(100, 1));
    bench.want(&list(1..=100));
    let asked = bench.take(1, Protocol::Bodies).unwrap();
    let second = bench.take(1, Protocol::Bodies).unwrap();
    bench.reply(&asked, &Answer::Bodies(vec![None]));
    bench.reply(&second, &Answer::Bodies(vec![None]));
    let from_two = run(&mut bench, &[2]);
    assert_eq!(from_two.len(), 100, "all come from the other");
    assert_eq!(bench.waiting(1, Protocol::Bodies), 0, "nobody asks the one on another branch");
    // It may have come over since.
    bench.want(&list(101..=110));
    bench.meet(1, status(110, 1));
    bench.pass(2_500);
    assert!(bench.waiting(1, Protocol::Bodies) > 0);
}

#[test]
fn only_who_can_have_a_body_is_asked() {
    let mut bench = Bench::new();
    bench.meet(1, status(4, 1));
    let pruned = crate::wire::Status { oldest_body: 6, ..status(9, 1) };
    bench.meet(2, pruned);
    bench.want(&list(3..=7));
    let mut asked = |n| -> Vec<BlockId> {
        std::iter::from_fn(|| bench.take(n, Protocol::Bodies)).flat_map(|asked| ids_of(&asked)).collect()
    };
    assert_eq!(asked(1), [id(3), id(4)]);
    assert_eq!(asked(2), [id(6), id(7)]);
    bench.pass(1_000);
    assert_eq!(bench.waiting(1, Protocol::Bodies) + bench.waiting(2, Protocol::Bodies), 0);
}

#[test]
fn an_answer_cut_at_its_limit_holds_nothing_against_anybody() {
    let mut bench = Bench::new();
    bench.meet(1, status(4, 1));
    bench.want(&list(1..=8));
    let (first, second) =
        (bench.take(1, Protocol::Bodies).unwrap(), bench.take(1, Protocol::Bodies).unwrap());
    serve(&mut bench, &first);
    let third = bench.take(1, Protocol::Bodies).unwrap();
    assert_eq!(ids_of(&third), [id(3), id(4)]);
    bench.reply(&third, &Answer::Bodies(vec![Some(vec![1])]));
    assert_eq!(bench.bodies(), [id(1), id(3)]);
    let cut = bench.take(1, Protocol::Bodies).unwrap();
    assert_eq!(ids_of(&cut), [id(4)], "one at a time again");
    serve(&mut bench, &second);
    assert!(bench.score(1) >= 0.0);
}

#[test]
fn more_bodies_than_asked_for_ban() {
    let mut bench = Bench::new();
    bench.meet(1, status(4, 1));
    bench.want(&list(1..=1));
    let asked = bench.take(1, Protocol::Bodies).unwrap();
    bench.reply(&asked, &Answer::Bodies(vec![None, None]));
    assert!(bench.is_banned(1));
}

#[test]
fn a_false_body_costs_its_server_and_is_fetched_from_another() {
    let mut bench = Bench::new();
    bench.meet(1, status(4, 1));
    bench.want(&list(1..=1));
    for n in 1..=5 {
        let asked = bench.take(n, Protocol::Bodies).expect("each peer is asked");
        serve(&mut bench, &asked);
        bench.meet(n + 1, status(4, 1));
        bench.reports.clear();
        bench.body_checked(&id(1), BodyOutcome::Mismatch(Penalty::Heavy));
        assert!(!bench.is_connected(n), "one false body disconnects");
        assert!(!bench.is_banned(n));
        let unserved = |report: &Report| matches!(report, Report::Unserved { .. });
        assert!(!bench.reports.iter().any(unserved), "however many lie, an honest peer may have it");
    }
    assert!(bench.take(6, Protocol::Bodies).is_some(), "the next one is asked");
}

#[test]
fn an_invalid_block_is_not_wanted_any_more_and_costs_its_server() {
    let mut bench = Bench::new();
    bench.meet(1, status(4, 1));
    bench.want(&list(1..=1));
    let asked = bench.take(1, Protocol::Bodies).unwrap();
    serve(&mut bench, &asked);
    bench.body_checked(&id(1), BodyOutcome::Invalid(Penalty::Heavy));
    assert!(!bench.is_connected(1));
    assert_eq!(bench.net.sync_progress().bodies_missing, 0);
}

#[test]
fn a_block_that_turns_out_invalid_when_it_is_connected_costs_its_server_alone() {
    let mut bench = Bench::new();
    for peer in 1..=2 {
        bench.meet(peer, status(4, 1));
    }
    bench.want(&list(1..=1));
    let (server, asked) = (1..=2).find_map(|n| Some((n, bench.take(n, Protocol::Bodies)?))).unwrap();
    serve(&mut bench, &asked);
    bench.body_checked(&id(1), BodyOutcome::Match);
    assert!(bench.is_connected(server));
    for _ in 0..2 {
        let outputs = bench.net.block_invalid(&id(1), Penalty::Heavy, bench.now);
        bench.sort(outputs);
    }
    assert_eq!((bench.is_connected(server), bench.is_connected(3 - server)), (false, true));
}

#[test]
fn a_body_that_nobody_serves_is_reported_every_minute() {
    let mut bench = Bench::new();
    bench.want(&list(5..=6));
    bench.pass(59_000);
    assert!(bench.reports.is_empty());
    bench.pass(62_000);
    let expected = Report::Unserved { id: id(5), height: 5 };
    assert_eq!(bench.reports, [expected.clone(), expected]);
}

#[test]
fn another_list_keeps_what_is_on_its_way() {
    let mut bench = Bench::new();
    bench.meet(1, status(20, 1));
    bench.want(&list(1..=4));
    let (first, second) =
        (bench.take(1, Protocol::Bodies).unwrap(), bench.take(1, Protocol::Bodies).unwrap());
    bench.want(&list(2..=5));
    serve(&mut bench, &first);
    assert_eq!(bench.bodies(), [], "what is no longer wanted is let go");
    let third = bench.take(1, Protocol::Bodies).unwrap();
    assert_eq!(ids_of(&third), [id(3), id(4)], "the second is on its way");
    serve(&mut bench, &second);
    assert_eq!(bench.bodies(), [id(2)]);
    serve(&mut bench, &third);
    let last = bench.take(1, Protocol::Bodies).unwrap();
    assert_eq!(ids_of(&last), [id(5)]);
    bench.want(&list(2..=5));
    bench.pass(1_000);
    assert_eq!(bench.waiting(1, Protocol::Bodies), 0, "with the core, or on its way");
}

#[test]
fn a_rate_limited_peer_is_left_alone_and_others_are_asked() {
    let mut bench = Bench::new();
    bench.meet(1, status(20, 1));
    bench.want(&list(1..=1));
    let asked = bench.take(1, Protocol::Bodies).unwrap();
    bench.reply(&asked, &Answer::RateLimited { retry_after_ms: 5_000 });
    bench.meet(2, status(20, 1));
    assert_eq!(bench.waiting(1, Protocol::Bodies), 0);
    assert_eq!(bench.waiting(2, Protocol::Bodies), 1);
}

#[test]
fn the_window_is_bounded() {
    let mut bench = Bench::new();
    bench.want(&list(1..=5_000));
    assert_eq!(bench.net.sync_progress().bodies_missing, WINDOW);
}

#[test]
fn a_branch_is_not_given_up_while_somebody_sends_its_next_body() {
    let mut bench = Bench::new();
    for n in 1..=20 {
        bench.meet(n, status(40, 1));
    }
    bench.want(&list(1..=40));
    // Each gives up in its turn, and the next is asked: somebody is always at it.
    let unserved =
        |bench: &Bench| bench.reports.iter().any(|report| matches!(report, Report::Unserved { .. }));
    for _ in 0..58 {
        bench.pass(1_000);
        assert!(!unserved(&bench));
    }
    (1..=20).for_each(|n| while bench.take(n, Protocol::Bodies).is_some() {});
    for n in 1..=20 {
        bench.leave(n);
    }
    bench.pass(61_000);
    assert!(unserved(&bench), "nobody is left");
}
