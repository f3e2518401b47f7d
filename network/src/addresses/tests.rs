//! Tests of the book: who enters, who stays, who moves.

use super::testing::*;
use super::*;
use std::collections::BTreeSet;

/// A record by the `n`-th key at an IP.
fn sealed_at(n: u8, seq: u64, ip: &str) -> Record {
    Record::from_signed(&signed(n, seq, &[address(ip)]), PUBLIC).unwrap()
}

fn new_buckets(book: &Book) -> BTreeSet<u16> {
    book.new.iter().map(|(place, _)| place.bucket).collect()
}

#[test]
fn one_source_reaches_64_buckets_however_much_it_tells() {
    let mut book = book();
    for n in 0..100_000 {
        book.add(record(n, n % 20_000), from(7), NOW);
    }
    assert!(new_buckets(&book).len() <= 64);
    assert!((3_000..=64 * 64).contains(&book.len()), "{} entries", book.len());
    book.check();
}

#[test]
fn many_sources_fill_all_buckets() {
    let mut book = book();
    for n in 0..20_000 {
        book.add(record(n, n), from(n), NOW);
    }
    assert!(new_buckets(&book).len() > 1_000);
    assert!(book.len() > 15_000, "{} entries", book.len());
    book.check();
}

#[test]
fn one_source_displaces_little_of_what_nobody_else_speaks_of_any_more() {
    let (mut fresh, mut stale) = (book(), book());
    for n in 0..20_000 {
        fresh.add(record(n, n), from(n), NOW);
        stale.add(record(n, n), from(n), NOW - 31 * DAY);
    }
    let before = fresh.len();
    for n in 0..100_000 {
        fresh.add(record(1_000_000 + n, n % 20_000), from(7), NOW);
        stale.add(record(1_000_000 + n, n % 20_000), from(7), NOW);
    }
    let honest = |book: &Book| (0..20_000).filter(|n| book.get(&peer_id(*n)).is_some()).count();
    assert_eq!(honest(&fresh), before, "none that is worth its place loses it");
    assert!(honest(&stale) * 100 > before * 92, "64 of 1,024 buckets are lost at the most");
    fresh.check();
}

#[test]
fn the_tried_survive_a_flood_of_identities() {
    let mut book = tried(0..200, NOW);
    let before: Vec<_> = book.iter().filter(|entry| entry.is_tried()).map(|e| e.record().peer()).collect();
    assert!(before.len() > 180, "{} tried", before.len());
    for n in 0..100_000 {
        book.add(record(1_000_000 + n, 300 + n % 10), from(300 + n % 10), NOW + HOUR);
    }
    // A thousand of them even answer, from two networks.
    for n in 0..1_000 {
        let peer = peer_id(2_000_000 + n);
        book.add(record(2_000_000 + n, 400 + n % 2), from(400 + n / 100), NOW + HOUR);
        book.succeeded(&peer, NOW + HOUR);
        book.resolve_collisions(NOW + HOUR);
    }
    for peer in &before {
        assert!(book.get(peer).is_some_and(Entry::is_tried), "alive an hour ago, so nobody is pushed out");
    }
    assert!(book.counts().1 <= before.len() + 2 * 8 * 64, "two networks reach 16 buckets");
    book.check();
}

#[test]
fn many_peers_of_one_house_fit_into_the_book() {
    let mut book = Book::new([5; 32], OPEN);
    for n in 0..1_000 {
        let ip = format!("10.0.{}.{}", n / 250, 1 + n % 250);
        let record = Record::unsigned(peer_id(n), &[address(&ip)], OPEN).unwrap();
        book.add(record, Source::other(&address("10.0.0.1")), NOW);
        book.succeeded(&peer_id(n), NOW);
    }
    assert!(book.len() > 850 && book.counts().1 > 850, "{:?}", book.counts());
    book.check();
}

#[test]
fn a_public_book_takes_no_private_address() {
    let private = Record::unsigned(peer_id(1), &[address("10.0.0.1")], OPEN).unwrap();
    assert!(!book().add(private.clone(), from(1), NOW));
    assert!(Book::new([5; 32], OPEN).add(private, from(1), NOW));
}

#[test]
fn a_success_moves_a_peer_to_the_tried() {
    let mut book = book();
    assert!(book.len() == 0);
    assert!(book.add(record(1, 1), from(2), NOW));
    assert_eq!((book.len(), book.counts()), (1, (1, 0)));
    book.attempt(&peer_id(1), NOW + 5);
    book.succeeded(&peer_id(1), NOW + 6);
    assert_eq!(book.counts(), (0, 1));
    let entry = book.get(&peer_id(1)).unwrap();
    assert_eq!((entry.first_seen, entry.last_seen, entry.last_success), (NOW, NOW + 6, NOW + 6));
    assert_eq!(entry.source().to_string(), "11.2/16");
    book.succeeded(&peer_id(2), NOW);
    book.attempt(&peer_id(2), NOW);
    book.failed(&peer_id(2), NOW, true);
    assert_eq!(book.len(), 1, "what is unknown stays unknown");
    assert!(book.remove(&peer_id(1)) && !book.remove(&peer_id(1)));
    assert_eq!((book.len(), book.counts()), (0, (0, 0)));
    book.check();
}

#[test]
fn failures_count_unless_the_link_is_down_and_end_with_a_success() {
    let mut book = book();
    book.add(record(1, 1), from(2), NOW);
    let failures = |book: &Book| book.get(&peer_id(1)).unwrap().failures;
    book.failed(&peer_id(1), NOW, false);
    assert_eq!(failures(&book), 0);
    book.failed(&peer_id(1), NOW, true);
    book.failed(&peer_id(1), NOW, true);
    assert_eq!(failures(&book), 2);
    book.succeeded(&peer_id(1), NOW);
    assert_eq!(failures(&book), 0);
}

#[test]
fn what_becomes_terrible() {
    let with = |change: &dyn Fn(&mut Book)| {
        let mut book = book();
        book.add(record(1, 1), Source::itself(&address_in(1, 1)), NOW);
        change(&mut book);
        move |now: u64| book.get(&peer_id(1)).unwrap().is_terrible(now)
    };
    let fail =
        |times: u32| move |book: &mut Book| (0..times).for_each(|_| book.failed(&peer_id(1), NOW, true));
    let silent = with(&|_| {});
    assert!(!silent(NOW + 30 * DAY) && silent(NOW + 30 * DAY + 1));
    assert!(silent(NOW - HOUR), "seen ahead of the clock");
    assert!(!with(&fail(2))(NOW) && with(&fail(3))(NOW));
    let lost = |times| {
        with(&move |book| {
            book.succeeded(&peer_id(1), NOW);
            fail(times)(book);
        })
    };
    assert!(!lost(9)(NOW + 8 * DAY) && lost(10)(NOW + 8 * DAY));
    assert!(!lost(10)(NOW + 6 * DAY), "its success is not a week ago");
    let trying = with(&|book| {
        fail(3)(book);
        book.attempt(&peer_id(1), NOW);
    });
    assert!(!trying(NOW + 60) && trying(NOW + 61), "who is being tried is given a minute");
}

#[test]
fn what_a_run_with_a_wrong_clock_wrote_down_is_put_right() {
    let mut book = book();
    book.add(record(1, 1), Source::itself(&address_in(1, 1)), NOW + 365 * DAY);
    book.attempt(&peer_id(1), NOW + 365 * DAY);
    let terrible = |book: &Book| book.get(&peer_id(1)).unwrap().is_terrible(NOW);
    assert!(terrible(&book));
    book.settle(NOW);
    assert!(!terrible(&book));
    assert_eq!(book.get(&peer_id(1)).unwrap().last_seen, NOW);
}

#[test]
fn hearsay_is_two_hours_old_and_the_peers_own_word_is_not() {
    let mut book = book();
    let seen = |book: &Book| book.get(&peer_id(1)).unwrap().last_seen;
    book.add(record(1, 1), from(2), NOW);
    assert_eq!(seen(&book), NOW - 2 * HOUR);
    assert!(!book.add(record(1, 1), from(3), NOW + DAY), "nothing new");
    assert_eq!(seen(&book), NOW + DAY - 2 * HOUR);
    book.add(record(1, 1), Source::itself(&address_in(1, 1)), NOW + DAY);
    assert_eq!(seen(&book), NOW + DAY);
    book.add(record(1, 1), from(3), NOW + DAY);
    assert_eq!(seen(&book), NOW + DAY, "and never goes back");
    book.seen(&peer_id(1), NOW + 2 * DAY);
    assert_eq!(seen(&book), NOW + 2 * DAY);
    assert_eq!(book.get(&peer_id(1)).unwrap().last_success, 0, "no dial has led to it");
    book.add(record(1, 1), from(3), NOW);
    assert_eq!(seen(&book), NOW - 2 * HOUR, "unless the clock was wrong");
}

#[test]
fn further_sources_give_further_places_up_to_eight() {
    let mut book = book();
    for source in 0..10_000 {
        book.add(record(1, 1), from(source), NOW);
    }
    let places = book.get(&peer_id(1)).unwrap().buckets().len();
    assert_eq!((book.len(), places), (1, 8));
    let mut once = self::book();
    for _ in 0..10_000 {
        once.add(record(1, 1), from(1), NOW);
    }
    assert_eq!(once.get(&peer_id(1)).unwrap().buckets().len(), 1, "saying it again is no further word");
    book.check();
}

#[test]
fn the_newer_record_of_a_peer_counts() {
    let mut book = book();
    let id = keypair(1).public().to_peer_id();
    let ip = |book: &Book| book.get(&id).unwrap().record().addresses()[0].clone();
    assert!(book.add(sealed_at(1, 5, "8.8.1.1"), from(1), NOW));
    assert!(!book.add(sealed_at(1, 4, "9.9.1.1"), from(2), NOW + DAY), "an older one is ignored");
    assert!(!book.add(sealed_at(1, 5, "9.9.1.1"), from(2), NOW), "a second one of the same number as well");
    assert_eq!(ip(&book), address("8.8.1.1"));
    assert!(book.add(sealed_at(1, 6, "9.9.1.1"), from(2), NOW));
    assert_eq!((ip(&book), book.len()), (address("9.9.1.1"), 1));
    assert_eq!(book.get(&id).unwrap().record().group().to_string(), "9.9/16");
    book.check();
}

#[test]
fn a_tried_peer_keeps_its_place_within_its_network_alone() {
    let mut book = book();
    let id = keypair(1).public().to_peer_id();
    book.add(sealed_at(1, 1, "8.8.1.1"), from(1), NOW);
    book.succeeded(&id, NOW);
    assert!(book.add(sealed_at(1, 2, "8.8.2.2"), from(1), NOW));
    assert_eq!(book.counts(), (0, 1));
    assert!(book.add(sealed_at(1, 3, "9.9.1.1"), from(1), NOW));
    assert_eq!(book.counts(), (1, 0), "no dial has led there");
    assert_eq!(book.get(&id).unwrap().last_success, 0);
    book.check();
}

#[test]
fn a_signature_beats_hearsay() {
    let mut book = book();
    let id = keypair(1).public().to_peer_id();
    let ip = |book: &Book| book.get(&id).unwrap().record().addresses()[0].clone();
    let told = |ip: &str| Record::unsigned(id, &[address(ip)], PUBLIC).unwrap();
    assert!(book.add(told("8.8.1.1"), from(1), NOW));
    assert!(!book.add(told("8.9.1.1"), from(2), NOW), "anybody can say that");
    assert!(book.add(told("8.9.1.1"), Source::itself(&address("8.9.1.1")), NOW));
    book.failed(&id, NOW, true);
    assert!(book.add(told("9.8.1.1"), from(2), NOW), "what failed is given up");
    assert!(book.add(sealed_at(1, 0, "9.9.1.1"), from(3), NOW));
    book.failed(&id, NOW, true);
    assert!(!book.add(told("8.8.1.1"), Source::itself(&address("8.8.1.1")), NOW));
    assert_eq!(ip(&book), address("9.9.1.1"));
    book.check();
}
