//! Tests of the book's file.

use super::*;
use crate::addresses::testing::*;
use crate::addresses::{Kind, Source};
use proptest::prelude::*;
use std::sync::LazyLock;

/// A book with something of everything: signed and not, new in several places, tried, failed.
fn mixed() -> Book {
    let mut book = tried(0..40, NOW - DAY);
    for n in 20..200 {
        for source in 0..3 {
            book.add(record(n, n), from(n + source), NOW);
        }
    }
    for n in 1..=20_u8 {
        let ips = [address_in(u32::from(n), 1), address_in(u32::from(n), 2)];
        let record = Record::from_signed(&signed(n, u64::from(n), &ips), PUBLIC).unwrap();
        let peer = record.peer();
        book.add(record, Source::itself(&ips[0]), NOW);
        if n % 2 == 0 {
            book.succeeded(&peer, NOW - u64::from(n));
        }
    }
    for n in 100..120 {
        book.attempt(&peer_id(n), NOW - 5);
        (100..n).for_each(|_| book.failed(&peer_id(n), NOW - 1, true));
    }
    book.remove(&peer_id(150));
    book.check();
    book
}

/// An entry as text, and the whole book in the order of peers.
fn told(book: &Book) -> Vec<String> {
    let mut told: Vec<_> = book.iter().map(|entry| format!("{entry:?}")).collect();
    told.sort();
    told
}

fn sorted(mut book: Book) -> Book {
    for id in 0..book.entries.bound() {
        if let Some(Entry { standing: Standing::New(buckets), .. }) = book.entries.get_mut(id) {
            buckets.sort_unstable();
        }
    }
    book
}

#[test]
fn everything_survives_the_file() {
    let book = mixed();
    let bytes = book.encode();
    let again = Book::decode(&bytes, PUBLIC).unwrap();
    again.check();
    assert_eq!(again.encode().len(), bytes.len());
    assert_eq!((again.len(), again.counts()), (book.len(), book.counts()));
    assert_eq!(again.secret, book.secret);
    assert!(again.new.iter().map(|(place, _)| place).eq(book.new.iter().map(|(place, _)| place)));
    assert_eq!(told(&again), told(&sorted(book)));
    let empty = self::book();
    assert!(Book::decode(&empty.encode(), PUBLIC).unwrap().len() == 0);
}

#[test]
fn the_secret_does_not_print() {
    assert!(format!("{:?}", book()).contains("secret: Secret,"));
}

#[test]
fn other_files_are_refused() {
    let good = mixed().encode();
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        Book::decode(&bytes, PUBLIC).unwrap_err()
    };
    assert_eq!(refused(&|bytes| bytes[0] ^= 1), BookError::NotABook);
    assert_eq!(refused(&|bytes| bytes.clear()), BookError::NotABook);
    assert_eq!(refused(&|bytes| bytes[8] = 2), BookError::Version(2));
    let trailing = refused(&|bytes| bytes.push(0));
    assert_eq!(trailing, BookError::Bytes(DecodeError::TrailingBytes(1)));
    let count = |count: u32| refused(&move |bytes| bytes[42..46].copy_from_slice(&count.to_le_bytes()));
    assert!(matches!(count(u32::MAX), BookError::Bytes(DecodeError::BadField { what: "count", .. })));
    assert!(matches!(count(81_920), BookError::Bytes(DecodeError::Truncated { .. })));
}

#[test]
fn every_cut_is_refused() {
    let bytes = mixed().encode();
    // Each byte of the first entries, which are of every kind of field; then here and there.
    for at in (0..bytes.len()).filter(|at| *at < 2_000 || at % 37 == 0) {
        assert!(Book::decode(&bytes[..at], PUBLIC).is_err(), "cut at {at}");
    }
}

#[test]
fn what_is_there_twice_is_kept_once() {
    let mut book = book();
    book.add(record(1, 1), from(1), NOW);
    let mut bytes = book.encode();
    let entry = bytes[46..].to_vec();
    bytes.extend(entry);
    bytes[42] = 2;
    let again = Book::decode(&bytes, PUBLIC).unwrap();
    again.check();
    assert_eq!(again.len(), 1);
}

#[test]
fn stricter_rules_leave_out_what_they_forbid() {
    let mut book = Book::new([1; 32], OPEN);
    for (n, ip) in [(1, "10.0.0.1"), (2, "8.8.1.1")] {
        let record = Record::unsigned(peer_id(n), &[address(ip)], OPEN).unwrap();
        assert!(book.add(record, from(n), NOW));
    }
    let bytes = book.encode();
    assert_eq!(Book::decode(&bytes, OPEN).unwrap().len(), 2);
    let public = Book::decode(&bytes, PUBLIC).unwrap();
    public.check();
    assert_eq!((public.len(), public.get(&peer_id(1)).is_some()), (1, false));
}

/// What a book has to bear whatever its file was.
fn use_it(mut book: Book) {
    book.check();
    let peers: Vec<_> = book.iter().map(|entry| entry.record().peer()).collect();
    for (n, peer) in peers.iter().enumerate() {
        book.succeeded(peer, NOW + n as u64);
        book.failed(peer, u64::MAX, n % 3 == 0);
    }
    for now in [0, NOW, u64::MAX] {
        book.resolve_collisions(now);
        book.collision(&mut dice(now));
        book.pick(Kind::Any, now, &mut dice(now), &|_| false);
        book.sample(10, now, &mut dice(now));
        book.add(record(999, 999), from(3), now);
    }
    book.check();
    Book::decode(&book.encode(), PUBLIC).unwrap().check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn flipped_bytes_are_refused_or_harmless(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..8),
    ) {
        static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| mixed().encode());
        let mut bytes = GOOD.clone();
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        if let Ok(book) = Book::decode(&bytes, PUBLIC) {
            use_it(book);
        }
    }

    #[test]
    fn noise_is_refused_or_harmless(noise in prop::collection::vec(any::<u8>(), 0..400), count in 0..4_u8) {
        let mut bytes = book().encode();
        bytes[42] = count;
        bytes.extend(noise);
        if let Ok(book) = Book::decode(&bytes, OPEN) {
            book.check();
        }
    }

    #[test]
    fn any_history_keeps_the_book_whole(
        steps in prop::collection::vec((0..12_u8, 0..40_u32, 0..6_u32, 0..100_000_u64), 0..400),
    ) {
        let mut book = book();
        let mut now = NOW;
        for (step, n, group, wait) in steps {
            now += wait / 100;
            let peer = peer_id(n);
            match step {
                0..=3 => { book.add(record(n, group), from(group * 7 + n % 3), now); }
                4 => { book.add(record(n, group), Source::itself(&address_in(group, n)), now); }
                5 | 6 => book.succeeded(&peer, now),
                7 => book.attempt(&peer, now),
                8 => book.failed(&peer, now, true),
                9 => book.resolve_collisions(now),
                10 => book.seen(&peer, now),
                _ => { book.remove(&peer); }
            }
            book.check();
        }
        let again = Book::decode(&book.encode(), PUBLIC).unwrap();
        prop_assert_eq!(again.counts(), book.counts());
    }
}
