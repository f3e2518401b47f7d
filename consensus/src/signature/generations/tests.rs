//! Bounds, generations, and many threads at once.

use super::*;
use rayon::prelude::*;

/// Enough entries to fill this map several times over.
fn flood(map: &Generations<u64, u64>) -> u64 {
    u64::try_from(8 * map.capacity()).unwrap()
}

#[test]
fn it_never_takes_more_than_its_bound() {
    for max_bytes in [0, 1, 1_000, 9_000, 20_000, 65_536, 100_000, 1 << 20] {
        let map = Generations::new(max_bytes);
        for number in 0..flood(&map) {
            map.insert(number, number);
            assert!(map.len() <= map.capacity());
        }
        assert!(map.bytes() <= max_bytes, "{} of {max_bytes}", map.bytes());
        assert_eq!(map.keeps_nothing(), max_bytes < 20_000, "{max_bytes}");
        if !map.keeps_nothing() {
            assert!(map.len() >= map.capacity() / 2, "{} of {}", map.len(), map.capacity());
        }
    }
}

#[test]
fn a_bound_is_used_to_a_third_at_least() {
    for max_bytes in (65_536..4 << 20).step_by(77_777) {
        let map: Generations<[u8; 32], ()> = Generations::new(max_bytes);
        assert!(3 * 33 * map.capacity() >= max_bytes, "{} in {max_bytes}", map.capacity());
    }
}

#[test]
fn what_is_never_asked_for_leaves_and_what_is_stays() {
    let map = Generations::new(65_536);
    map.insert(u64::MAX, 1);
    map.insert(u64::MAX - 1, 2);
    for number in 0..flood(&map) {
        map.insert(number, number);
        assert_eq!(map.get(&u64::MAX), Some(1), "asked for after {number}");
    }
    assert_eq!(map.get(&(u64::MAX - 1)), None);
    assert!(!map.contains(&0));
    let last = flood(&map) - 1;
    assert_eq!(map.get(&last), Some(last));
}

#[test]
fn looking_without_asking_makes_nothing_stay() {
    let map = Generations::new(65_536);
    map.insert(u64::MAX, 1);
    assert!(map.contains(&u64::MAX));
    let mut seen = 0;
    for number in 0..flood(&map) {
        map.insert(number, number);
        seen += u64::from(map.contains(&u64::MAX));
    }
    assert!(!map.contains(&u64::MAX));
    // It stayed for a generation at least: the entries that one shard's young half takes.
    assert!(seen >= u64::try_from(map.most_young).unwrap(), "{seen}");
}

#[test]
fn an_entry_is_there_once_whatever_its_generation() {
    let map = Generations::new(65_536);
    let count = u64::try_from(map.capacity() / 4).unwrap();
    for _ in 0..3 {
        for number in 0..count {
            map.insert(number, number);
        }
    }
    assert_eq!(u64::try_from(map.len()).unwrap(), count);
    map.insert(0, 99);
    assert_eq!(map.get(&0), Some(0), "the value stays");
}

#[test]
fn shards_share_the_entries() {
    let map = Generations::new(1 << 20);
    for number in 0..8_000 {
        map.insert(number, number);
    }
    for shard in &map.shards {
        let shard = lock(shard);
        assert!((125..=375).contains(&shard.young.len()), "{}", shard.young.len());
    }
}

#[test]
fn many_threads_find_what_they_put_in_and_never_another_value() {
    let map = Generations::new(1 << 18);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    pool.install(|| {
        (0..flood(&map)).into_par_iter().for_each(|number| {
            // Overlapping entries, in an order of each thread's own.
            let key = number % 5_000;
            map.insert(key, !key);
            if let Some(value) = map.get(&(key / 2)) {
                assert_eq!(value, !(key / 2));
            }
            assert!(map.contains(&key) || map.len() <= map.capacity());
        });
    });
    assert!(map.len() <= map.capacity() && map.bytes() <= 1 << 18);
}
