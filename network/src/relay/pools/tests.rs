//! Tests of the exchange of pools.

use super::*;
use crate::driver::NetEvent;
use crate::testing::{Asked, Bench, ids, peer, status, tx};
use crate::wire::Answer;

fn cursor(asked: &Asked) -> Wtxid {
    match &asked.question {
        Question::Pool { cursor, .. } => *cursor,
        other => panic!("not about a pool: {other:?}"),
    }
}

/// Connects a peer whose pool is asked for, and leaves that question open.
fn greet(bench: &mut Bench, n: u8, outbound: bool) {
    let address = "/ip4/10.0.0.9/tcp/1".parse().unwrap();
    bench.event(NetEvent::Connected { peer: peer(n), address, outbound });
    let asked = bench.take(n, Protocol::Status).unwrap();
    bench.reply(&asked, &Answer::Status(status(0, 1)));
}

#[test]
fn a_new_peer_of_either_direction_is_asked_page_by_page_and_what_is_new_is_fetched() {
    for outbound in [true, false] {
        let mut bench = Bench::new();
        greet(&mut bench, 1, outbound);
        let first = bench.take(1, Protocol::Pool).expect("asked once it has said who it is");
        assert_eq!(cursor(&first), Wtxid::ZERO);
        let page = ids(&[tx(1), tx(2)]);
        bench.reply(&first, &Answer::Pool { next: page[1], ids: page.clone() });
        let second = bench.take(1, Protocol::Pool).expect("the next page");
        assert_eq!(cursor(&second), page[1]);
        bench.reply(&second, &Answer::Pool { next: Wtxid::ZERO, ids: vec![] });
        assert_eq!(bench.waiting(1, Protocol::Pool), 0);
        let pulled = bench.take(1, Protocol::Txs).expect("fetched");
        assert_eq!(pulled.question, Question::Txs(page));
    }
}

#[test]
fn nobody_is_asked_before_we_can_judge_transactions() {
    let mut bench = Bench::new();
    bench.view.synced = false;
    greet(&mut bench, 1, true);
    bench.pass(30_000);
    assert_eq!(bench.waiting(1, Protocol::Pool), 0);
    bench.view.synced = true;
    bench.pass(100);
    assert_eq!(bench.waiting(1, Protocol::Pool), 1);
}

#[test]
fn all_are_asked_again_after_a_reorganisation() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    assert_eq!(bench.waiting(1, Protocol::Pool), 0);
    let outputs = bench.net.reorganised(&[], &bench.view, bench.now);
    bench.sort(outputs);
    assert_eq!((bench.waiting(1, Protocol::Pool), bench.waiting(2, Protocol::Pool)), (1, 1));
}

#[test]
fn now_and_then_some_pool_is_looked_through_for_gossip_may_lose_a_message() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.pass(9_000);
    assert_eq!(bench.waiting(1, Protocol::Pool), 0);
    bench.pass(2_000);
    assert_eq!(bench.waiting(1, Protocol::Pool), 1);
    bench.pass(60_000);
    assert_eq!(bench.waiting(1, Protocol::Pool), 1, "not while it is being looked through");
}

#[test]
fn who_keeps_us_waiting_keeps_us_from_no_other_pool() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let outputs = bench.net.reorganised(&[], &bench.view, bench.now);
    bench.sort(outputs);
    let limited = Answer::RateLimited { retry_after_ms: 1_000 };
    let mut looks = 0;
    for _ in 0..100 {
        if let Some(asked) = bench.take(1, Protocol::Pool) {
            bench.reply(&asked, &limited);
        }
        if let Some(asked) = bench.take(2, Protocol::Pool) {
            bench.reply(&asked, &Answer::Pool { next: Wtxid::ZERO, ids: vec![] });
            looks += 1;
        }
        bench.pass(1_000);
    }
    assert!(looks >= 4, "{looks}");
}

#[test]
fn a_look_that_does_not_get_on_is_given_up() {
    let (bench, mut pools) = (Bench::new(), Pools::default());
    let begun = Duration::from_secs(7);
    pools.walks.insert(peer(1), Walk { cursor: Wtxid::ZERO, pages: 3, request: None, moved: begun });
    let mut hub = Hub::new(&Bench::config());
    for (now, left) in [(begun + STUCK - Duration::from_millis(1), 1), (begun + STUCK, 0)] {
        hub.now = now;
        pools.step(&mut hub, &bench.view, &Pulls::default());
        assert_eq!(pools.walks.len(), left);
    }
}

#[test]
fn what_a_reorganisation_gave_back_is_offered_to_all() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let returned = ids(&[tx(1), tx(2)]);
    let outputs = bench.net.reorganised(&returned, &bench.view, bench.now);
    bench.sort(outputs);
    for n in [1, 2] {
        let told = bench.take(n, Protocol::Announce).expect("gossip would keep them back");
        assert_eq!(told.question, Question::Announce(returned.clone()));
    }
}

#[test]
fn the_pages_of_one_pool_are_bounded() {
    let mut pools = Pools::default();
    let mut bench = Bench::new();
    greet(&mut bench, 1, true);
    let open = bench.take(1, Protocol::Pool).unwrap();
    let mut walk = Walk { cursor: Wtxid::ZERO, pages: 0, request: None, moved: bench.now };
    let mut pages = 0;
    loop {
        walk.request = Some(open.id);
        pools.walks.insert(peer(1), walk);
        pools.answered(open.id, Ok((tx(1).wtxid(), ids(&[tx(1)]))), bench.now);
        pages += 1;
        match pools.walks.remove(&peer(1)) {
            Some(further) => walk = further,
            None => break,
        }
    }
    assert_eq!(pages, MAX_PAGES);
}
