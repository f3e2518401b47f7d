//! Tests of the header sync.

use super::*;
use crate::driver::{RequestFailure, Topic};
use crate::protocol::AnnounceOutcome;
use crate::testing::{Asked, Bench, GENESIS, announcement, chain, peer, status};
use crate::wire::Answer;

/// What an honest node with this chain answers.
fn serve(chain: &[Header], asked: &Asked) -> Answer {
    let Question::Headers { max, locator } = &asked.question else { panic!("not about headers") };
    let genesis = BlockId::from(GENESIS);
    let known = |id: &BlockId| match chain.iter().position(|header| header.id() == *id) {
        Some(at) => Some(at + 1),
        None => (*id == genesis).then_some(0),
    };
    match locator.iter().find_map(known) {
        Some(from) => Answer::Headers(chain[from..].iter().take(usize::from(*max)).cloned().collect()),
        None => Answer::NotHere,
    }
}

/// The last batch handed to the core.
fn reported(bench: &mut Bench) -> Vec<Header> {
    match bench.reports.pop() {
        Some(Report::Headers { headers, .. }) => headers,
        other => panic!("no headers but {other:?}"),
    }
}

fn accept(bench: &mut Bench, n: u8) -> usize {
    let headers = reported(bench);
    let count = headers.len();
    bench.view.locator.insert(0, headers[count - 1].id());
    bench.view.headers.extend(headers.iter().map(Header::id));
    bench.headers_checked(n, HeadersOutcome::Accept { new: count });
    count
}

#[test]
fn a_late_joiner_asks_one_peer_until_it_sends_fewer() {
    let chain = chain(GENESIS.into(), 4_500);
    let mut bench = Bench::new();
    bench.meet(1, status(4_500, 9));
    bench.meet(2, status(4_500, 9));
    assert_eq!(bench.waiting(2, Protocol::Headers), 0, "one peer at a time");
    for expected in [2_000, 2_000, 500] {
        let asked = bench.take(1, Protocol::Headers).expect("asked for more");
        let answer = serve(&chain, &asked);
        bench.reply(&asked, &answer);
        assert_eq!(bench.waiting(1, Protocol::Headers), 0, "not before the core has judged the last batch");
        if expected == 500 {
            bench.view.work = 9;
        }
        assert_eq!(accept(&mut bench, 1), expected);
    }
    bench.pass(2_000);
    assert_eq!(bench.waiting(1, Protocol::Headers) + bench.waiting(2, Protocol::Headers), 0);
    assert_eq!(bench.net.sync_progress().claimed_height, Some(4_500));
}

#[test]
fn a_second_peer_is_asked_after_15_seconds_without_progress() {
    let chain = chain(GENESIS.into(), 10);
    let mut bench = Bench::new();
    bench.meet(1, status(10, 9));
    bench.meet(2, status(10, 9));
    bench.pass(14_000);
    assert_eq!(bench.waiting(2, Protocol::Headers), 0);
    bench.pass(2_000);
    let asked = bench.take(2, Protocol::Headers).expect("the second is asked");
    assert!(bench.score(1) < 0.0 && bench.is_connected(1), "slow costs rank, nothing else");
    bench.reply(&asked, &serve(&chain, &asked));
    assert_eq!(accept(&mut bench, 2), 10);
    let late = bench.take(1, Protocol::Headers).expect("still open");
    bench.reply(&late, &serve(&chain, &late));
    assert_eq!(reported(&mut bench).len(), 10, "a late answer counts as well");
}

#[test]
fn a_peer_that_sends_just_enough_not_to_be_stuck_is_not_the_only_one_for_long() {
    let chain = chain(GENESIS.into(), 20_000);
    let mut bench = Bench::new();
    bench.meet(1, status(20_000, 9));
    bench.meet(2, status(20_000, 9));
    for batch in 0..5 {
        let asked = bench.take(1, Protocol::Headers).expect("asked for more");
        bench.reply(&asked, &serve(&chain, &asked));
        accept(&mut bench, 1);
        assert_eq!(bench.waiting(2, Protocol::Headers), 0, "after {batch} batches");
        bench.pass(13_000);
    }
    assert!(bench.waiting(2, Protocol::Headers) > 0, "2,000 headers in 13 seconds, again and again");
    assert!(bench.score(1) > 0.0, "it is no fault");
}

#[test]
fn when_the_peer_vanishes_another_goes_on_from_where_it_was() {
    let chain = chain(GENESIS.into(), 2_100);
    let mut bench = Bench::new();
    bench.meet(1, status(2_100, 9));
    bench.meet(2, status(2_100, 9));
    let asked = bench.take(1, Protocol::Headers).unwrap();
    bench.reply(&asked, &serve(&chain, &asked));
    accept(&mut bench, 1);
    bench.leave(1);
    let asked = bench.take(2, Protocol::Headers).expect("the other takes over at once");
    let Question::Headers { locator, .. } = &asked.question else { panic!("not about headers") };
    assert_eq!(locator[0], chain[1_999].id(), "nothing is fetched twice");
}

#[test]
fn a_peer_without_more_work_is_not_asked() {
    let mut bench = Bench::new();
    bench.meet(1, status(500, 1));
    bench.pass(1_000);
    assert_eq!(bench.waiting(1, Protocol::Headers), 0);
}

#[test]
fn a_failing_peer_rests_and_a_silent_claim_is_not_tried_again() {
    let mut bench = Bench::new();
    bench.meet(1, status(5, 9));
    let asked = bench.take(1, Protocol::Headers).unwrap();
    bench.reply_raw(&asked, Err(RequestFailure::Closed));
    bench.pass(9_000);
    assert_eq!(bench.waiting(1, Protocol::Headers), 0, "it rests for ten seconds");
    bench.pass(2_000);
    let asked = bench.take(1, Protocol::Headers).expect("and is asked again");
    bench.reply(&asked, &Answer::Headers(vec![]));
    while let Some(asked) = bench.take(1, Protocol::Status) {
        bench.reply(&asked, &Answer::Status(status(5, 9)));
    }
    bench.pass(60_000);
    assert_eq!(bench.waiting(1, Protocol::Headers), 0, "its tip led nowhere");
    let asked = bench.take(1, Protocol::Status).unwrap();
    bench.reply(&asked, &Answer::Status(status(6, 10)));
    assert_eq!(bench.waiting(1, Protocol::Headers), 1, "another tip is another claim");
}

#[test]
fn headers_that_were_not_asked_for_ban() {
    let broken = |headers: Vec<Header>| {
        let mut bench = Bench::new();
        bench.meet(1, status(5, 9));
        let asked = bench.take(1, Protocol::Headers).unwrap();
        bench.reply(&asked, &Answer::Headers(headers));
        assert!(bench.reports.iter().all(|report| matches!(report, Report::Dropped { banned: true, .. })));
        bench.is_banned(1)
    };
    let good = chain(GENESIS.into(), 3);
    assert!(broken(chain(BlockId::new([7; 32]), 3)), "they begin elsewhere");
    assert!(broken(vec![good[0].clone(), good[2].clone()]), "they have a gap");
}

#[test]
fn an_invalid_header_costs_what_the_core_says() {
    let chain = chain(GENESIS.into(), 3);
    let mut bench = Bench::new();
    bench.meet(1, status(3, 9));
    let asked = bench.take(1, Protocol::Headers).unwrap();
    bench.reply(&asked, &serve(&chain, &asked));
    bench.headers_checked(1, HeadersOutcome::Reject(Penalty::Ban));
    assert!(bench.is_banned(1) && !bench.is_connected(1));

    let mut bench = Bench::new();
    bench.meet(1, status(3, 9));
    let asked = bench.take(1, Protocol::Headers).unwrap();
    bench.reply(&asked, &serve(&chain, &asked));
    bench.headers_checked(1, HeadersOutcome::Ignore);
    bench.pass(5_000);
    assert!(bench.is_connected(1) && bench.score(1) >= 0.0);
    assert_eq!(bench.waiting(1, Protocol::Headers), 0);
}

#[test]
fn the_second_pass_asks_the_same_peer_from_the_fork() {
    let chain = chain(GENESIS.into(), 2_500);
    let mut bench = Bench::new();
    bench.meet(1, status(2_500, 9));
    for count in [2_000, 500] {
        let asked = bench.take(1, Protocol::Headers).unwrap();
        bench.reply(&asked, &serve(&chain, &asked));
        if count == 2_000 {
            bench.headers_checked(1, HeadersOutcome::Accept { new: count });
        }
    }
    bench.headers_checked(1, HeadersOutcome::Again { after: GENESIS.into() });
    let asked = bench.take(1, Protocol::Headers).expect("the second pass");
    let Question::Headers { locator, .. } = &asked.question else { panic!("not about headers") };
    assert_eq!(locator[0], BlockId::from(GENESIS));
}

#[test]
fn a_rate_limited_sync_goes_on_later_with_the_same_peer() {
    let mut bench = Bench::new();
    bench.meet(1, status(5, 9));
    let asked = bench.take(1, Protocol::Headers).unwrap();
    bench.reply(&asked, &Answer::RateLimited { retry_after_ms: 3_000 });
    bench.pass(2_900);
    assert_eq!(bench.waiting(1, Protocol::Headers), 0);
    bench.pass(200);
    assert_eq!(bench.waiting(1, Protocol::Headers), 1);
    assert!(bench.score(1) >= 0.0, "being busy is no fault");
}

#[test]
fn a_peer_without_progress_for_a_minute_is_given_up() {
    let mut bench = Bench::new();
    bench.meet(1, status(5, 9));
    bench.pass(61_000);
    assert_eq!(bench.net.sync_progress().headers_from, None);
    bench.leave(1);
    bench.meet(2, status(5, 9));
    assert_eq!(bench.net.sync_progress().headers_from, Some(peer(2)));
}

#[test]
fn the_locator_keeps_to_its_limit_and_to_genesis() {
    let mut bench = Bench::new();
    let own: Vec<BlockId> = (1..=64u8).rev().map(|n| BlockId::new([n; 32])).collect();
    bench.view.locator = own.clone();
    assert_eq!(locator(None, &bench.view), own);
    let last = BlockId::new([0xcc; 32]);
    let longer = locator(Some((last, true)), &bench.view);
    assert_eq!(longer.len(), 64);
    assert_eq!((longer[0], longer[1], longer[63]), (last, own[0], own[63]));
}

#[test]
fn announcements_on_unknown_parents_do_not_multiply_a_sync_under_way() {
    let ask = |synced| {
        let mut bench = Bench::new();
        bench.view.synced = synced;
        bench.meet(1, status(5, 9));
        for n in 2..=12 {
            bench.meet(n, status(0, 1));
            let far = crate::testing::header(BlockId::new([n; 32]), 90, &[]);
            bench.gossip(n, crate::driver::Topic::Block, crate::testing::announcement(&far, &[]));
            bench.announcement_checked(far.id(), crate::protocol::AnnounceOutcome::UnknownParent);
        }
        (1..=12).filter(|n| bench.waiting(*n, Protocol::Headers) > 0).count()
    };
    assert_eq!(ask(false), 1);
    assert_eq!(ask(true), MAX_LEGS);
}

#[test]
fn peers_that_announce_and_then_are_silent_keep_nobody_from_the_sync() {
    let far = chain(GENESIS.into(), 9);
    let mut bench = Bench::new();
    for n in 1..=8 {
        bench.meet(n, status(0, 1));
        bench.gossip(n, Topic::Block, announcement(&far[usize::from(n)], &[]));
        bench.announcement_checked(far[usize::from(n)].id(), AnnounceOutcome::UnknownParent);
        assert_eq!(bench.waiting(n, Protocol::Headers), 1);
    }
    bench.meet(9, status(9, 9));
    assert_eq!(bench.waiting(9, Protocol::Headers), 1, "it claims more work");
    // Whoever fails rests, whatever it announces.
    let asked = bench.take(1, Protocol::Headers).expect("asked");
    bench.reply_raw(&asked, Err(RequestFailure::Timeout));
    bench.announcement_checked(far[1].id(), AnnounceOutcome::UnknownParent);
    assert_eq!(bench.waiting(1, Protocol::Headers), 0);
}
