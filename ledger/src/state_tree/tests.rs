//! The tree against the plain root of the formats.

use super::*;
use proptest::prelude::*;
use starling_primitives::state::{self, leaf};
use std::collections::BTreeMap;

fn key(bytes: [u8; 2]) -> StateKey {
    // Two bytes at either end make both early and late branching points.
    let mut key = [0; 32];
    key[0] = bytes[0] & 0xc0;
    key[31] = bytes[1];
    StateKey::new(key)
}

fn plain(model: &BTreeMap<StateKey, Vec<u8>>) -> StateRoot {
    let entries: Vec<_> = model.iter().map(|(key, value)| (*key, value.clone())).collect();
    state::root(&entries)
}

proptest! {
    #[test]
    fn any_updates_lead_to_the_root_of_the_set(
        batches in prop::collection::vec(
            prop::collection::btree_map(any::<[u8; 2]>(), prop::option::of(1u8..5), 0..40), 1..8),
    ) {
        let (mut tree, mut model) = (StateTree::default(), BTreeMap::new());
        for batch in batches {
            let batch: BTreeMap<StateKey, Option<u8>> = batch.into_iter().map(|(k, v)| (key(k), v)).collect();
            let before = (tree.clone(), plain(&model));
            let changes: Vec<LeafChange> =
                batch.iter().map(|(key, value)| (*key, value.map(|v| leaf(key, &[v])))).collect();
            for (key, value) in batch {
                match value {
                    Some(value) => model.insert(key, vec![value]),
                    None => model.remove(&key),
                };
            }
            tree = tree.updated(&changes);
            prop_assert_eq!(tree.root(), plain(&model));
            prop_assert_eq!(before.0.root(), before.1, "the old version stays whole");
        }
    }
}
