//! Tests of the offers by `announce/1`.

use super::*;
use crate::peers::Slot;
use crate::testing::{Bench, arrival, ids, peer, status, tx};
use crate::wire::Answer;

/// Different ids, those of numbers from `from` on.
fn numbered(from: u64, count: u64) -> Vec<Wtxid> {
    let id = |number: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Wtxid::new(bytes)
    };
    (from..from + count).map(id).collect()
}

fn offer(bench: &mut Bench, ids: &[Wtxid]) {
    let outputs = bench.net.reorganised(ids, &bench.view, bench.now);
    bench.sort(outputs);
}

/// What the next question tells a peer; it is answered.
fn told(bench: &mut Bench, n: u8) -> Option<Vec<Wtxid>> {
    let asked = bench.take(n, Protocol::Announce)?;
    bench.reply(&asked, &Answer::Done);
    match asked.question {
        Question::Announce(ids) => Some(ids),
        other => panic!("not an offer: {other:?}"),
    }
}

#[test]
fn every_peer_is_told_of_everything_once_and_in_order() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let ids = numbered(0, 1_000);
    offer(&mut bench, &ids);
    let mut all = [Vec::new(), Vec::new()];
    for _ in 0..2 {
        for (n, all) in (1..).zip(&mut all) {
            while let Some(some) = told(&mut bench, n) {
                assert!(some.len() <= 256);
                all.extend(some);
            }
        }
        bench.pass(300);
    }
    assert_eq!(all, [ids.clone(), ids]);
    bench.pass(1_000);
    assert_eq!((told(&mut bench, 1), told(&mut bench, 2)), (None, None));
}

#[test]
fn few_wait_for_more_and_many_do_not() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    offer(&mut bench, &numbered(0, 1));
    assert_eq!(told(&mut bench, 1).map(|ids| ids.len()), Some(1), "nothing was said lately");
    offer(&mut bench, &numbered(1, 10));
    offer(&mut bench, &numbered(11, 10));
    assert_eq!(told(&mut bench, 1), None);
    bench.pass(300);
    assert_eq!(told(&mut bench, 1), Some(numbered(1, 20)));
    offer(&mut bench, &numbered(21, 256));
    assert_eq!(told(&mut bench, 1), Some(numbered(21, 256)));
}

#[test]
fn nobody_is_told_of_what_came_from_it() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let mut offers = Offers::default();
    let mut hub = Hub::new(&Bench::config());
    for n in [1, 2] {
        let address = "/ip4/10.0.0.1/tcp/1".parse().expect("an address");
        hub.peers.connect(peer(n), arrival(address, true, Slot::Full), Duration::ZERO);
    }
    offers.step(&mut hub);
    let all = ids(&[tx(1), tx(2), tx(3)]);
    offers.push(all[0], Some(peer(1)));
    offers.push(all[1], None);
    offers.push(all[2], Some(peer(2)));
    offers.step(&mut hub);
    bench.sort(hub.take_out());
    assert_eq!(told(&mut bench, 1), Some(vec![all[1], all[2]]));
    assert_eq!(told(&mut bench, 2), Some(vec![all[0], all[1]]));
}

#[test]
fn who_is_new_is_told_only_of_what_comes_later() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    offer(&mut bench, &numbered(0, 5));
    bench.meet(2, status(0, 1));
    bench.pass(300);
    assert_eq!(told(&mut bench, 2), None, "it has seen our pool");
    offer(&mut bench, &numbered(5, 5));
    bench.pass(300);
    assert_eq!(told(&mut bench, 2), Some(numbered(5, 5)));
}

#[test]
fn who_had_enough_is_told_again_later() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    offer(&mut bench, &numbered(0, 5));
    let asked = bench.take(1, Protocol::Announce).expect("told");
    bench.reply(&asked, &Answer::RateLimited { retry_after_ms: 1_000 });
    bench.pass(900);
    assert_eq!(told(&mut bench, 1), None);
    bench.pass(400);
    assert_eq!(told(&mut bench, 1), Some(numbered(0, 5)));
}

#[test]
fn what_is_kept_for_slow_peers_is_bounded_and_all_of_it_goes_when_they_do() {
    let mut bench = Bench::new();
    let mut hub = Hub::new(&Bench::config());
    let address = "/ip4/10.0.0.1/tcp/1".parse().expect("an address");
    hub.peers.connect(peer(1), arrival(address, true, Slot::Full), Duration::ZERO);
    let mut offers = Offers::default();
    offers.step(&mut hub);
    for id in numbered(0, 20_000) {
        offers.push(id, None);
    }
    assert_eq!(offers.list.len(), MAX_KEPT);
    offers.step(&mut hub);
    bench.sort(hub.take_out());
    let first = bench.take(1, Protocol::Announce).map(|asked| asked.question);
    assert_eq!(first, Some(Question::Announce(numbered(20_000 - 16_384, 256))));
    assert_eq!(bench.take(1, Protocol::Announce).map(|asked| asked.question), None, "one at a time");
    assert_eq!(offers.list.len(), MAX_KEPT, "until it is known to have arrived");
    hub.forget(&peer(1));
    offers.gone(&peer(1));
    offers.step(&mut hub);
    assert!(offers.list.is_empty() && offers.told.is_empty());
}
