//! Runs against a plain map.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Keys in four buckets of depth 2, a few in each.
fn key(number: u8) -> StateKey {
    let mut bytes = [0; 32];
    (bytes[0], bytes[31]) = (number << 6, number);
    StateKey::new(bytes)
}

fn value(number: u8) -> Value {
    [number; size_of::<Value>()]
}

/// Changes that come together.
fn push() -> impl Strategy<Value = BTreeMap<u8, Option<u8>>> {
    prop::collection::btree_map(0u8..64, any::<Option<u8>>(), 0..20)
}

proptest! {
    /// Whatever was pushed in whatever portions: the newest counts, by key, by bucket and all together.
    #[test]
    fn the_newest_change_counts(
        pushes in prop::collection::vec(push(), 0..40),
    ) {
        let (mut overlay, mut expected) = (Overlay::default(), BTreeMap::new());
        for push in pushes {
            let changes: BTreeMap<_, _> = push.iter().map(|(k, v)| (key(*k), v.map(value))).collect();
            overlay.push(Arc::new(changes.clone().into_iter().collect()));
            expected.extend(changes);
        }
        for number in 0..64 {
            prop_assert_eq!(overlay.get(&key(number)), expected.get(&key(number)).copied());
        }
        let all: Vec<EntryChange> = expected.into_iter().collect();
        prop_assert_eq!(&overlay.changes(), &all);
        let on_disk: BTreeMap<_, _> = (0..64).step_by(3).map(|number| (key(number), value(100))).collect();
        let entries: Vec<Entry> = on_disk.clone().into_iter().collect();
        let on_disk_now = entries.iter().copied().map(Ok::<_, ()>);
        let over_all: Vec<Entry> = overlay.over_all(on_disk_now).map(Result::unwrap).collect();
        prop_assert_eq!(over_all, merged_entries(&entries, &all));
        for index in 0..4 {
            let bucket = Bucket { depth: 2, index };
            let ours: Vec<Entry> =
                on_disk.clone().into_iter().filter(|(key, _)| bucket.holds(key)).collect();
            let expected = merged_entries(&ours, within(&all, bucket));
            prop_assert_eq!(overlay.over(bucket, ours), expected);
        }
        prop_assert!(overlay.len() >= all.len());
    }
}

#[test]
fn many_small_changes_become_few_runs() {
    let mut overlay = Overlay::default();
    for number in 0..=u8::MAX {
        for _ in 0..8 {
            overlay.push(Arc::new(vec![(key(number), None)]));
        }
    }
    assert!(overlay.runs.len() <= 9, "{}", overlay.runs.len());
    assert!(overlay.len() <= 2 * 256, "{}", overlay.len());
}
