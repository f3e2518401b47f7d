//! Batches against the same hashes one by one.

use super::*;
use crate::{Tag, node};
use proptest::prelude::*;

/// Two full groups of pairs and every remainder between.
const MOST_HASHES: usize = 4 * GROUP + 16;

fn level() -> impl Strategy<Value = Vec<[u8; 32]>> {
    prop::collection::vec(any::<[u8; 32]>(), 0..=MOST_HASHES)
}

/// One level up, one by one.
fn up(level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let join = |pair: &[[u8; 32]]| match pair {
        [left, right] => node(left, right),
        lone => lone[0],
    };
    level.chunks(2).map(join).collect()
}

proptest! {
    #[test]
    fn many_blocks_hash_as_each_does(
        before: [u8; BLOCK_BYTES], blocks in prop::collection::vec(any::<[u8; BLOCK_BYTES]>(), 0..=40),
    ) {
        let start = State::INITIAL.after(&before);
        let expected: Vec<_> = blocks.iter().map(|block| start.after(block).to_bytes()).collect();
        let mut out = vec![[0; 32]; blocks.len()];
        start.after_many(&blocks, &mut out);
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn many_nodes_are_each_a_node(level in level()) {
        let (pairs, _) = level.as_chunks();
        let mut out = vec![[0; 32]; pairs.len()];
        nodes(pairs, &mut out);
        let expected: Vec<_> = pairs.iter().map(|[left, right]| node(left, right)).collect();
        prop_assert_eq!(out, expected);
    }

    #[test]
    fn a_level_goes_up_in_place(level in level()) {
        let mut changed = level.clone();
        let count = nodes_in_place(&mut changed);
        prop_assert_eq!(&changed[..count], up(&level));
        prop_assert_eq!(&changed[count..], &level[count..], "what is left over stays");
    }

    #[test]
    fn chosen_nodes_are_renewed_and_no_other(
        level in level(), chosen in prop::collection::vec(any::<bool>(), MOST_HASHES / 2),
    ) {
        let before = vec![[7; 32]; level.len() / 2];
        let renewed = up(&level);
        let mut parents = before.clone();
        nodes_at(&level, (0..before.len()).filter(|&i| chosen[i]), &mut parents);
        for i in 0..before.len() {
            prop_assert_eq!(parents[i], if chosen[i] { renewed[i] } else { before[i] });
        }
    }

    #[test]
    fn short_messages_hash_as_the_tag_does(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=55), 0..=40),
        cut: prop::sample::Index,
    ) {
        static TAG: Tag = Tag::new("starling/leaf");
        let block = |message: &Vec<u8>| {
            let (front, back) = message.split_at(cut.index(message.len() + 1));
            Tag::block(&[front, back]).unwrap()
        };
        let blocks: Vec<_> = messages.iter().map(block).collect();
        let mut out = vec![[0; 32]; blocks.len()];
        TAG.hash_many(&blocks, &mut out);
        let expected: Vec<_> = messages.iter().map(|message| TAG.hash(&[message])).collect();
        prop_assert_eq!(out, expected);
    }
}

#[test]
fn a_message_that_needs_two_blocks_has_no_block() {
    assert!(Tag::block(&[&[1; 55]]).is_some());
    for parts in [&[&[1; 56][..]][..], &[&[1; 64]], &[&[1; 65]], &[&[1; 32], &[1; 24]], &[&[1; 64], &[1; 1]]]
    {
        assert_eq!(Tag::block(parts), None);
    }
}

#[test]
fn nothing_and_one_go_up_unchanged() {
    assert_eq!(nodes_in_place(&mut []), 0);
    let mut lone = [[5; 32]];
    assert_eq!(nodes_in_place(&mut lone), 1);
    assert_eq!(lone, [[5; 32]]);
    nodes_at(&[], [], &mut []);
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn a_parent_without_children_is_refused() {
    nodes_at(&[[0; 32]; 3], [0, 1], &mut [[0; 32]; 2]);
}
