//! What is kept, what is forgotten, and that changes are followed.

use super::*;

fn bucket(index: u32) -> Bucket {
    Bucket { depth: 8, index }
}

fn entry(first: u8, last: u8, value: u8) -> Entry {
    let mut key = [0; 32];
    (key[0], key[31]) = (first, last);
    (StateKey::new(key), [value; 23])
}

fn bucket_of(key: &StateKey) -> Bucket {
    bucket(u32::from(key.as_bytes()[0]))
}

fn held(cache: &AccountCache) -> usize {
    assert_eq!(cache.bytes, cache.buckets.values().map(|cached| bytes(&cached.entries)).sum::<usize>());
    assert_eq!(cache.order.len(), cache.buckets.len());
    cache.bytes
}

#[test]
fn what_was_used_lately_stays() {
    let one = bytes(&[entry(0, 0, 0)]);
    let mut cache = AccountCache::new(10 * one);
    for index in 0..100u8 {
        cache.insert(bucket(u32::from(index)), vec![entry(index, 0, index)]);
        assert!(cache.touch(bucket(0)), "used all the time");
        assert!(held(&cache) <= 10 * one, "{} bytes", held(&cache));
    }
    assert_eq!(cache.get(bucket(99)), Some(&[entry(99, 0, 99)][..]));
    assert_eq!(cache.get(bucket(50)), None);
    assert!(!cache.touch(bucket(50)));
    cache.clear(one);
    assert_eq!((cache.get(bucket(0)), held(&cache)), (None, 0));
    for index in 0..2u8 {
        cache.insert(bucket(u32::from(index)), vec![entry(index, 0, index)]);
    }
    assert_eq!((cache.get(bucket(0)), held(&cache)), (None, one), "the bound is another");
}

#[test]
fn changes_reach_what_is_here_and_leave_the_rest() {
    let mut cache = AccountCache::new(1 << 20);
    cache.insert(bucket(1), vec![entry(1, 1, 1), entry(1, 3, 3)]);
    let change = |first, last, value: Option<u8>| {
        let (key, _) = entry(first, last, 0);
        (key, value.map(|value| [value; 23]))
    };
    let changes = [change(1, 1, None), change(1, 2, Some(2)), change(1, 3, Some(33)), change(2, 0, Some(9))];
    cache.change(&changes, bucket_of);
    assert_eq!(cache.get(bucket(1)), Some(&[entry(1, 2, 2), entry(1, 3, 33)][..]));
    assert_eq!(cache.get(bucket(2)), None, "its other entries are not known here");
    assert_eq!(held(&cache), bytes(&[entry(0, 0, 0); 2]));
}

#[test]
fn a_bucket_that_grows_pushes_others_out() {
    let one = bytes(&[entry(0, 0, 0)]);
    let mut cache = AccountCache::new(4 * one);
    for index in 0..4u8 {
        assert!(cache.has_room(&[entry(index, 0, 0)]));
        cache.insert(bucket(u32::from(index)), vec![entry(index, 0, 0)]);
    }
    assert!(!cache.has_room(&[]));
    let more: Vec<EntryChange> = (1..3).map(|last| (entry(3, last, 0).0, Some([last; 23]))).collect();
    cache.change(&more, bucket_of);
    assert!(held(&cache) <= 4 * one);
    assert_eq!((cache.get(bucket(0)), cache.get(bucket(3)).map(<[_]>::len)), (None, Some(3)));
}
