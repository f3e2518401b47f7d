//! Tests of test before evict.

use super::*;
use crate::addresses::testing::*;

/// Peers of group 1 that all have the same place among the tried, at least `count`.
fn rivals(count: usize) -> Vec<u32> {
    let book = book();
    let place = |n: u32| book.secret.tried_place(record(n, 1).group(), &peer_id(n));
    let rivals: Vec<u32> = (0..20_000).filter(|n| place(*n) == place(0)).take(count).collect();
    assert_eq!(rivals.len(), count);
    rivals
}

/// A book in which the second rival waits for the place of the first, which was reached at `NOW - DAY`.
fn waiting() -> (Book, u32, u32) {
    let [old, young] = rivals(2)[..] else { panic!("two") };
    let mut book = book();
    for (n, at) in [(old, NOW - DAY), (young, NOW)] {
        assert!(book.add(record(n, 1), from(n), at));
        book.succeeded(&peer_id(n), at);
    }
    book.check();
    assert_eq!(book.counts(), (1, 1));
    (book, old, young)
}

fn is_tried(book: &Book, n: u32) -> bool {
    book.check();
    book.get(&peer_id(n)).is_some_and(Entry::is_tried)
}

#[test]
fn the_one_in_the_place_is_to_be_tested() {
    let (mut book, old, young) = waiting();
    let test = book.collision(&mut dice(1)).unwrap();
    assert_eq!(test.peer, peer_id(old));
    assert_eq!((test.addresses, test.group.to_string()), (vec![address_in(1, old)], "11.1/16".to_owned()));
    book.resolve_collisions(NOW);
    assert!(is_tried(&book, old) && !is_tried(&book, young), "nothing is decided yet");
    assert!(book.collision(&mut dice(1)).is_some());
}

#[test]
fn who_is_alive_stays() {
    let (mut book, old, young) = waiting();
    book.attempt(&peer_id(old), NOW);
    book.succeeded(&peer_id(old), NOW + 1);
    book.resolve_collisions(NOW + HOUR);
    assert!(is_tried(&book, old) && !is_tried(&book, young));
    assert_eq!(book.collision(&mut dice(1)), None);
    assert!(book.get(&peer_id(young)).is_some(), "the other stays new");
}

#[test]
fn who_is_connected_is_alive() {
    let (mut book, old, young) = waiting();
    book.seen(&peer_id(old), NOW);
    book.resolve_collisions(NOW + HOUR);
    assert!(is_tried(&book, old) && !is_tried(&book, young));
}

#[test]
fn who_is_dead_goes_back_to_the_new() {
    let (mut book, old, young) = waiting();
    book.attempt(&peer_id(old), NOW);
    book.failed(&peer_id(old), NOW + 5, true);
    book.resolve_collisions(NOW + 60);
    assert!(is_tried(&book, old), "a minute is its");
    book.resolve_collisions(NOW + 61);
    assert!(!is_tried(&book, old) && is_tried(&book, young));
    assert!(book.get(&peer_id(old)).is_some());
    assert_eq!(book.collision(&mut dice(1)), None);
}

#[test]
fn a_failure_of_our_own_link_evicts_nobody() {
    let (mut book, old, _) = waiting();
    book.attempt(&peer_id(old), NOW);
    book.failed(&peer_id(old), NOW + 5, false);
    book.resolve_collisions(NOW + 30 * MINUTE);
    assert!(is_tried(&book, old));
}

#[test]
fn who_cannot_be_tested_goes_after_forty_minutes() {
    let (mut book, old, young) = waiting();
    book.resolve_collisions(NOW + 40 * MINUTE);
    assert!(is_tried(&book, old));
    book.resolve_collisions(NOW + 40 * MINUTE + 1);
    assert!(!is_tried(&book, old) && is_tried(&book, young));
}

#[test]
fn a_place_that_becomes_free_is_taken() {
    let (mut book, old, young) = waiting();
    book.remove(&peer_id(old));
    assert_eq!(book.collision(&mut dice(1)), None);
    book.resolve_collisions(NOW);
    assert!(is_tried(&book, young));
}

#[test]
fn who_waits_can_go() {
    let (mut book, old, young) = waiting();
    book.remove(&peer_id(young));
    assert_eq!(book.collision(&mut dice(1)), None);
    book.resolve_collisions(NOW + DAY);
    assert!(is_tried(&book, old));
}

#[test]
fn ten_wait_at_the_most_and_one_wins() {
    let rivals = rivals(14);
    let mut book = book();
    for n in &rivals {
        assert!(book.add(record(*n, 1), from(*n), NOW));
        book.succeeded(&peer_id(*n), NOW);
        book.succeeded(&peer_id(*n), NOW);
    }
    assert_eq!(book.collisions.len(), MAX_COLLISIONS);
    // Nobody was reached for long: the first takes the place, and is fresh enough to keep it.
    for n in &rivals {
        let entry = book.find_mut(&peer_id(*n)).unwrap();
        entry.last_success = if *n == rivals[1] { NOW + 4 * HOUR } else { NOW };
    }
    book.resolve_collisions(NOW + 5 * HOUR);
    assert_eq!((book.counts().1, book.collisions.len()), (1, 0));
    assert!(is_tried(&book, rivals[1]));
}
