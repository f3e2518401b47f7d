//! Tests of whom to dial and whom to tell of.

use super::*;
use crate::addresses::testing::*;
use crate::addresses::{Record, Source};
use std::collections::{BTreeMap, BTreeSet};

fn anybody(_: &Record) -> bool {
    false
}

fn filled(peers: u32) -> Book {
    let mut book = book();
    for n in 0..peers {
        book.add(record(n, n), from(n), NOW);
    }
    book
}

#[test]
fn an_empty_book_has_nobody() {
    let book = book();
    assert_eq!(book.pick(Kind::Any, NOW, &mut dice(1), &anybody), None);
    assert_eq!(book.pick(Kind::New, NOW, &mut dice(1), &anybody), None);
    assert_eq!(book.sample(9, NOW, &mut dice(1)), vec![]);
}

#[test]
fn a_small_book_always_gives_the_last_one_that_is_left() {
    let mut book = filled(250);
    for n in 0..250 {
        if n % 2 == 0 {
            book.succeeded(&peer_id(n), NOW - DAY);
        }
        (0..20).for_each(|_| book.failed(&peer_id(n), NOW - DAY, true));
    }
    for entry in book.iter() {
        let wanted = entry.record().peer();
        let skip = |record: &Record| record.peer() != wanted;
        for seed in 0..4 {
            let choice = book.pick(Kind::Any, NOW, &mut dice(seed), &skip);
            assert_eq!(choice.map(|choice| choice.peer), Some(wanted));
        }
    }
    assert_eq!(book.pick(Kind::Any, NOW, &mut dice(1), &|_: &Record| true), None);
}

#[test]
fn who_is_skipped_is_never_picked() {
    for peers in [200, 5_000] {
        let book = filled(peers);
        let unwanted = record(1, 3).group();
        let mut dice = dice(1);
        for _ in 0..500 {
            let skip = |record: &Record| record.peer() == peer_id(7) || record.group() == unwanted;
            let choice = book.pick(Kind::Any, NOW, &mut dice, &skip).unwrap();
            assert!(choice.peer != peer_id(7) && choice.group != unwanted);
            assert_eq!(choice.addresses, book.get(&choice.peer).unwrap().record().addresses());
        }
    }
}

#[test]
fn a_large_book_is_not_looked_through() {
    let book = filled(5_000);
    let looks = std::cell::Cell::new(0);
    let skip = |_: &Record| {
        looks.set(looks.get() + 1);
        true
    };
    assert_eq!(book.pick(Kind::Any, NOW, &mut dice(1), &skip), None);
    assert!(looks.get() <= 2 * PROBES, "{} looks", looks.get());
}

#[test]
fn everybody_has_a_turn() {
    for peers in [200, 1_000] {
        let book = filled(peers);
        let mut dice = dice(1);
        let picked: BTreeSet<PeerId> = (0..100 * peers)
            .filter_map(|_| book.pick(Kind::New, NOW, &mut dice, &anybody))
            .map(|choice| choice.peer)
            .collect();
        assert_eq!(picked.len(), book.len());
    }
}

#[test]
fn new_and_tried_have_even_chances() {
    let mut book = tried(0..20, NOW - DAY);
    for n in 1_000..1_200 {
        book.add(record(n, n), from(n), NOW);
    }
    let mut dice = dice(1);
    let mut tried = 0;
    for _ in 0..1_000 {
        let choice = book.pick(Kind::Any, NOW, &mut dice, &anybody).unwrap();
        tried += u32::from(book.get(&choice.peer).unwrap().is_tried());
        let feeler = book.pick(Kind::New, NOW, &mut dice, &anybody).unwrap();
        assert!(!book.get(&feeler.peer).unwrap().is_tried());
    }
    assert!((430..570).contains(&tried), "{tried} of 1,000");
}

#[test]
fn who_failed_less_is_picked_more() {
    for peers in [100, 1_000] {
        let mut book = filled(peers);
        for n in 0..peers / 2 {
            (0..3).for_each(|_| book.failed(&peer_id(n), NOW - DAY, true));
        }
        let mut dice = dice(1);
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for _ in 0..3_000 {
            let choice = book.pick(Kind::New, NOW, &mut dice, &anybody).unwrap();
            *counts.entry(book.get(&choice.peer).unwrap().failures).or_default() += 1;
        }
        let (good, bad) = (counts[&0], counts[&3]);
        // 0.66^3 is 0.29.
        assert!(good > 2 * bad && good < 5 * bad, "{good} to {bad}");
    }
}

#[test]
fn a_pause_follows_each_try_and_grows_to_a_quarter_of_a_minute() {
    let mut book = filled(1);
    let ready = |book: &Book, now| book.pick(Kind::Any, now, &mut dice(1), &anybody).is_some();
    assert!(ready(&book, NOW));
    for pause in [1, 2, 4, 8, 15, 15, 15] {
        book.attempt(&peer_id(0), NOW);
        assert!(!ready(&book, NOW + pause - 1) && ready(&book, NOW + pause), "{pause} s");
        assert!(ready(&book, NOW - DAY), "a clock set back is no pause");
        book.failed(&peer_id(0), NOW, true);
    }
    (0..100).for_each(|_| book.failed(&peer_id(0), NOW, true));
    assert!(!ready(&book, NOW + 14) && ready(&book, NOW + 15));
}

#[test]
fn only_signed_records_that_are_worth_it_are_told() {
    let mut book = filled(20);
    let told = |n: u8| signed(n, 1, &[address_in(u32::from(n), 1)]);
    let key = |n: u8| keypair(n).public().to_peer_id();
    for n in 1..=30 {
        let record = Record::from_signed(&told(n), PUBLIC).unwrap();
        assert!(book.add(record, Source::other(&address_in(n.into(), 2)), NOW));
    }
    (0..3).for_each(|_| book.failed(&key(1), NOW, true));
    let all = book.sample(100, NOW, &mut dice(1));
    let expected: BTreeSet<Vec<u8>> = (2..=30).map(told).collect();
    assert_eq!(all.iter().map(|bytes| bytes.to_vec()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(all.len(), 29, "each once");
    let few = book.sample(5, NOW, &mut dice(1));
    assert_eq!(few.len(), 5);
    assert_ne!(few, book.sample(5, NOW, &mut dice(2)), "another time, others");
    assert_eq!(book.sample(100, NOW + 31 * DAY, &mut dice(1)), vec![]);
}

#[test]
fn only_addresses_of_the_network_that_counts_are_dialled() {
    let six: Multiaddr = "/ip6/2a00:1450::1/tcp/7333".parse().unwrap();
    let four = address_in(3, 1);
    for listed in [[four.clone(), six.clone()], [six, four]] {
        let mut book = book();
        let both = Record::unsigned(peer_id(1), &listed, PUBLIC).unwrap();
        let group = both.group();
        assert_eq!(both.addresses().len(), 2);
        book.add(both, from(9), NOW);
        let choice = book.pick(Kind::Any, NOW, &mut dice(1), &anybody).unwrap();
        assert_eq!((choice.group, choice.addresses.len()), (group, 1), "the other was looked at by nobody");
        assert_eq!(Group::of(&choice.addresses[0]), group);
    }
}
