//! Subtrees of many buckets at once against the plain subtree of each.

use super::*;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Keys that differ anywhere: early, late, or in the middle of what many share.
fn key() -> impl Strategy<Value = StateKey> {
    let near = (0..256usize, 0..256usize).prop_map(|(one, other)| {
        let mut bytes = [0; 32];
        bytes[one / 8] |= 0x80 >> (one % 8);
        bytes[other / 8] |= 0x80 >> (other % 8);
        bytes
    });
    prop_oneof![any::<[u8; 32]>(), near].prop_map(StateKey::new)
}

proptest! {
    #[test]
    fn each_subtree_is_the_plain_one(all in vec(btree_map(key(), any::<[u8; 23]>(), 0..100), 0..12)) {
        let mut subtrees = Subtrees::default();
        for (index, entries) in (0..).zip(&all) {
            subtrees.begin(index);
            subtrees.entries.extend(entries.iter().map(|(key, value)| (*key, *value)));
        }
        let crowds = subtrees.crowds(0).map(|(index, crowd)| (index, crowd.top()));
        let crowds: Vec<(u32, Node)> = crowds.collect();
        for _ in 0..2 {
            let mut tops = Vec::new();
            subtrees.hash(0, |index, node| tops.push((index, node)));
            let plain = (0..).zip(&all).map(|(index, entries)| {
                let hash = *state::root(&entries.clone().into_iter().collect::<Vec<_>>()).as_bytes();
                (index, Node { hash, is_leaf: entries.len() == 1 })
            });
            let plain: Vec<(u32, Node)> = plain.collect();
            prop_assert_eq!(&tops, &plain);
            let crowded = plain.iter().filter(|(index, _)| all[*index as usize].len() > CROWD_KEYS);
            prop_assert_eq!(&crowds, &crowded.copied().collect::<Vec<_>>());
            // What it hashed before leaves no trace.
            for (index, entries) in (0..).zip(&all) {
                subtrees.begin(index);
                subtrees.entries.extend(entries.iter().map(|(key, value)| (*key, *value)));
            }
        }
    }

    #[test]
    fn keys_split_at_their_first_different_bit(one in key(), other in key()) {
        let first = (0..256).find(|bit| one.bit(*bit) != other.bit(*bit));
        prop_assert_eq!(split(&one, &other), first.unwrap_or(256));
    }
}
