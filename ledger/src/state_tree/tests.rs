//! The tree against the plain root and the plain proof, at depths that make buckets empty, lone and crowded.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use starling_primitives::state::{self, prove};
use std::convert::Infallible;

/// The naive state.
#[derive(Clone, Default)]
struct Plain(BTreeMap<StateKey, Value>);

impl Plain {
    fn entries(&self) -> Vec<Entry> {
        self.0.iter().map(|(key, value)| (*key, *value)).collect()
    }

    fn change(&mut self, changes: &[EntryChange]) {
        for (key, value) in changes {
            match value {
                Some(value) => drop(self.0.insert(*key, *value)),
                None => drop(self.0.remove(key)),
            }
        }
    }

    fn root(&self) -> StateRoot {
        state::root(&self.entries())
    }
}

impl Buckets for Plain {
    type Error = Infallible;

    fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, Infallible> {
        let from = self.0.range(bucket.first()..);
        Ok(from.take_while(|(key, _)| bucket.holds(key)).map(|(key, value)| (*key, *value)).collect())
    }
}

/// Keys that crowd: few first bytes, and now and then two that differ late.
fn key() -> impl Strategy<Value = StateKey> {
    (prop_oneof![any::<u8>(), Just(0u8), Just(255u8)], 0..4u8, 0..6u8).prop_map(|(first, second, last)| {
        let mut bytes = [0; 32];
        (bytes[0], bytes[1], bytes[31]) = (first, second, last);
        StateKey::new(bytes)
    })
}

fn changes(count: usize) -> impl Strategy<Value = Vec<EntryChange>> {
    vec((key(), proptest::option::weighted(0.7, any::<Value>())), 0..count)
        .prop_map(|all| all.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
}

fn update(tree: &mut StateTree, plain: &mut Plain, batch: &[EntryChange]) {
    let Ok(patch) = tree.view().patch(batch, plain);
    plain.change(batch);
    assert_eq!(tree.with(&patch).root(), plain.root(), "before it is applied");
    tree.apply(patch);
    assert_eq!(tree.root(), plain.root());
    assert_eq!(tree.keys(), plain.0.len() as u64);
}

proptest! {
    #[test]
    fn after_any_changes_the_root_is_the_plain_one(depth in 1..12u32, batches in vec(changes(80), 1..8)) {
        let (mut tree, mut plain) = (StateTree::of_depth(depth), Plain::default());
        for batch in &batches {
            update(&mut tree, &mut plain, batch);
        }
        let Ok(built) = StateTree::build(0, plain.entries().into_iter().map(Ok::<_, Infallible>));
        prop_assert_eq!(built.root(), plain.root());
        prop_assert_eq!(built.keys(), tree.keys());
        prop_assert_eq!(restored(&built, &plain).root(), plain.root());
    }

    #[test]
    fn proofs_are_the_plain_ones(depth in 1..12u32, batch in changes(120), asked in vec(key(), 1..40)) {
        let (mut tree, mut plain) = (StateTree::of_depth(depth), Plain::default());
        update(&mut tree, &mut plain, &batch);
        let present = plain.0.keys().copied().take(20);
        for key in asked.into_iter().chain(present.collect::<Vec<_>>()) {
            let Ok(proof) = tree.view().prove(&key, &plain);
            prop_assert_eq!(&proof, &prove(&plain.entries(), &key));
            let value = proof.verify(&key, &tree.root()).unwrap();
            prop_assert_eq!(value, plain.0.get(&key).map(|value| &value[..]));
        }
    }

    #[test]
    fn a_patch_can_be_looked_through(
        depth in 1..12u32,
        old in changes(60),
        one in changes(60),
        two in changes(60),
    ) {
        let (mut tree, mut plain) = (StateTree::of_depth(depth), Plain::default());
        update(&mut tree, &mut plain, &old);
        let Ok(first) = tree.view().patch(&one, &plain);
        let mut later = plain.clone();
        later.change(&one);
        let Ok(second) = tree.with(&first).patch(&two, &later);
        let mut last = later.clone();
        last.change(&two);
        if !two.is_empty() {
            prop_assert_eq!(second.root(), Some(last.root()));
        }
        for key in later.0.keys().take(5) {
            let Ok(proof) = tree.with(&first).prove(key, &later);
            prop_assert_eq!(proof, prove(&later.entries(), key));
        }
        prop_assert_eq!(tree.root(), plain.root(), "the tree itself has not changed");
    }

    #[test]
    fn taking_a_change_back_restores_the_root(depth in 1..12u32, old in changes(60), new in changes(60)) {
        let (mut tree, mut plain) = (StateTree::of_depth(depth), Plain::default());
        update(&mut tree, &mut plain, &old);
        let before = tree.root();
        let undo: Vec<EntryChange> = new.iter().map(|(key, _)| (*key, plain.0.get(key).copied())).collect();
        update(&mut tree, &mut plain, &new);
        update(&mut tree, &mut plain, &undo);
        prop_assert_eq!(tree.root(), before);
    }
}

/// Keys spread over hundreds of buckets, and in one of them a crowd.
fn wide_key() -> impl Strategy<Value = StateKey> {
    prop_oneof![4 => any::<[u8; 32]>(), 1 => any::<u8>().prop_map(|last| {
        let mut bytes = [0x77; 32];
        bytes[31] = last;
        bytes
    })]
    .prop_map(StateKey::new)
}

fn wide_changes() -> impl Strategy<Value = Vec<EntryChange>> {
    vec((wide_key(), any::<Value>()), 1..700).prop_map(|all| {
        all.into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn more_buckets_than_are_hashed_at_once_grow_and_go(
        depth in 8..12u32,
        one in wide_changes(),
        two in wide_changes(),
        kept in 1..20usize,
    ) {
        let (mut tree, mut plain) = (StateTree::of_depth(depth), Plain::default());
        update(&mut tree, &mut plain, &one);
        let Ok(first) = tree.view().patch(&two, &plain);
        let mut later = plain.clone();
        later.change(&two);
        let gone = later.0.keys().enumerate().filter(|(at, _)| at % kept != 0);
        let gone: Vec<EntryChange> = gone.map(|(_, key)| (*key, None)).collect();
        let Ok(second) = tree.with(&first).patch(&gone, &later);
        let mut last = later.clone();
        last.change(&gone);
        prop_assert_eq!(second.root().unwrap_or(later.root()), last.root(), "a large patch upon a large one");
        let before = tree.before(&first);
        let was = tree.root();
        tree.apply(first);
        prop_assert_eq!(tree.root(), later.root());
        prop_assert_eq!(tree.back([before].into_iter()).root(), Some(was));
        update(&mut tree, &mut later, &gone);
    }
}

#[test]
fn thousands_of_ground_keys_in_one_bucket_are_a_crowd() {
    let ground = |n: u32| {
        let mut bytes = [0x5a; 32];
        bytes[28..].copy_from_slice(&n.to_be_bytes());
        StateKey::new(bytes)
    };
    let (mut tree, mut plain) = (StateTree::of_depth(16), Plain::default());
    let all: Vec<EntryChange> = (0..4_096).map(|n| (ground(n), Some([1; 23]))).collect();
    update(&mut tree, &mut plain, &all);
    assert_eq!(tree.crowds.len(), 1);
    update(&mut tree, &mut plain, &[(ground(77), Some([2; 23])), (ground(5_000), Some([3; 23]))]);
    let Ok(proof) = tree.view().prove(&ground(5_000), &plain);
    assert_eq!(proof.verify(&ground(5_000), &tree.root()), Ok(Some(&[3; 23][..])));
    let mut again = restored(&tree, &plain);
    assert_eq!((again.crowds.len(), again.root()), (1, tree.root()));
    let less: Vec<EntryChange> = (0..4_090).map(|n| (ground(n), None)).collect();
    update(&mut again, &mut plain.clone(), &less);
    update(&mut tree, &mut plain, &less);
}

#[test]
fn a_tree_on_disk_is_not_much_deeper_than_its_keys_ask_for() {
    let tree_of = |depth| Outline { depth, keys: 0, crowds: Vec::new() };
    for keys in [0, 1_000, 1_000_000, 10_000_000] {
        let depth = depth_for(keys);
        assert!(tree_of(0).suits(keys) && tree_of(depth + 2).suits(keys));
        assert!(!tree_of(depth + 3).suits(keys) && !tree_of(u32::MAX).suits(keys));
    }
    assert!(tree_of(GREATEST_DEPTH).suits(u64::MAX));
}

/// The tree after it was told as bytes.
fn restored(tree: &StateTree, plain: &Plain) -> StateTree {
    let outline = tree.outline();
    let crowds = outline.buckets().into_iter().map(|bucket| {
        let Ok(entries) = Buckets::entries(plain, bucket);
        entries.into_owned()
    });
    let part = |part| Ok::<_, Infallible>(Some(tree.part(&outline, part)));
    let Ok(restored) = StateTree::restore(&outline, part, crowds.collect());
    restored.expect("nothing is missing")
}

#[test]
fn a_change_reads_the_buckets_that_it_touches_and_no_other() {
    struct Counted(Plain, std::cell::RefCell<Vec<u32>>);
    impl Buckets for Counted {
        type Error = Infallible;
        fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, Infallible> {
            self.1.borrow_mut().push(bucket.index);
            Buckets::entries(&self.0, bucket)
        }
    }
    let at = |first: u8| StateKey::new([first; 32]);
    let (mut tree, mut plain) = (StateTree::of_depth(8), Plain::default());
    let all: Vec<EntryChange> = (0..=255).map(|first| (at(first), Some([1; 23]))).collect();
    update(&mut tree, &mut plain, &all);
    let counted = Counted(plain, std::cell::RefCell::default());
    let Ok(_patch) = tree.view().patch(&[(at(3), None), (at(200), Some([2; 23]))], &counted);
    assert_eq!(*counted.1.borrow(), [3, 200]);
}

#[test]
fn trees_are_as_deep_as_their_keys_ask_for() {
    assert_eq!(depth_for(0), 8);
    assert_eq!(depth_for(512), 8);
    assert_eq!(depth_for(513), 9);
    assert_eq!(depth_for(1_000_000), 19);
    assert_eq!(depth_for(10_000_000), 21);
    assert_eq!(depth_for(u64::MAX), 28);
    let bytes_per_key = |keys: u64| Levels::new(depth_for(keys)).bytes() as u64 / keys;
    assert!(bytes_per_key(1_000_000) <= 72);
    assert!(bytes_per_key(10_000_000) <= 20);
}

#[test]
fn a_tree_that_has_grown_is_full() {
    let (mut tree, mut plain) = (StateTree::new(0), Plain::default());
    let spread = |n: u16| {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.wrapping_mul(40_503).to_be_bytes());
        StateKey::new(bytes)
    };
    let mut batch: Vec<EntryChange> = (0..513).map(|n| (spread(n), Some([1; 23]))).collect();
    batch.sort_unstable();
    update(&mut tree, &mut plain, &batch[..512]);
    assert!(!tree.is_full());
    update(&mut tree, &mut plain, &batch[512..]);
    assert!(tree.is_full());
    let Ok(built) = StateTree::build(tree.keys(), plain.entries().into_iter().map(Ok::<_, Infallible>));
    assert_eq!((built.root(), built.is_full()), (tree.root(), false));
}
