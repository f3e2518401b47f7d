//! What it knows, what it forgets, and many threads at once.

use super::*;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn wtxid(number: usize) -> Wtxid {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
    Wtxid::new(bytes)
}

#[test]
fn it_knows_what_was_put_in_and_nothing_else() {
    let cache = SignatureCache::new(1 << 20);
    assert!(cache.is_empty());
    cache.insert(wtxid(1));
    cache.insert_many((1..1_000).map(wtxid));
    assert_eq!(cache.len(), 999);
    assert!((1..1_000).all(|number| cache.contains(&wtxid(number))));
    for bit in 0..256 {
        let mut other = *wtxid(1).as_bytes();
        other[bit / 8] ^= 1 << (bit % 8);
        let known = (1..1_000).any(|number| wtxid(number) == Wtxid::new(other));
        assert_eq!(cache.contains(&Wtxid::new(other)), known, "bit {bit}");
    }
}

#[test]
fn the_bound_holds_and_the_newest_are_known() {
    for max_bytes in [30_000, 100_000, 1 << 20] {
        let cache = SignatureCache::new(max_bytes);
        let count = 5 * cache.capacity();
        for number in 0..count {
            cache.insert(wtxid(number));
            assert!(cache.contains(&wtxid(number)));
        }
        assert!(cache.bytes() <= max_bytes && cache.len() <= cache.capacity());
        let known =
            |from: usize, to: usize| (from..to).filter(|number| cache.contains(&wtxid(*number))).count();
        // A generation is half of it; the shards fill unequally.
        let recent = cache.capacity() / 4;
        assert!(10 * known(count - recent, count) >= 9 * recent, "the last {recent} of {max_bytes}");
        assert_eq!(known(0, count / 5), 0, "the first ones of {max_bytes}");
    }
}

#[test]
fn without_room_it_knows_nothing() {
    let cache = SignatureCache::new(1_000);
    cache.insert(wtxid(1));
    assert_eq!((cache.contains(&wtxid(1)), cache.len(), cache.capacity(), cache.bytes()), (false, 0, 0, 0));
}

#[test]
fn readers_and_writers_share_it() {
    let cache = SignatureCache::new(1 << 20);
    let count = cache.capacity() / 3;
    let written = AtomicUsize::new(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    pool.install(|| {
        (0..count).into_par_iter().for_each(|number| {
            cache.insert(wtxid(number));
            written.fetch_add(1, Ordering::Relaxed);
            assert!(cache.contains(&wtxid(number)), "its own");
            assert!(!cache.contains(&wtxid(count + number)), "nobody's");
        });
    });
    assert_eq!((written.into_inner(), cache.len()), (count, count));
    assert!((0..count).into_par_iter().all(|number| cache.contains(&wtxid(number))));
}
