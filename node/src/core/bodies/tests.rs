//! What is fetched ahead, and what waits in memory.

use super::*;
use crate::core::tests::{Node, solve};
use starling_primitives::{Content, TxRoot, WorkHeader};

/// Headers that claim bodies of this size, in a row upon a block.
fn claim(node: &mut Node, mut parent: BlockId, count: u16, body_bytes: u32) -> Vec<BlockId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let store = node.core.ledger.store().clone();
        let cursor = node.core.tree.cursor(&parent, &*store).unwrap();
        let content = Content {
            height: cursor.height() + 1,
            miner: starling_primitives::Address::new([1; 20]),
            tx_count: body_bytes / 200,
            body_bytes,
            tx_root: TxRoot::new([(n + 1).to_le_bytes(); 16].concat().try_into().unwrap()),
            state_root: starling_primitives::StateRoot::new([1; 32]),
            history_root: cursor.history_root(),
        };
        let work = WorkHeader {
            version: WorkHeader::BASE_VERSION,
            parent,
            root: [0; 32],
            time: u32::try_from(cursor.least_next_time(&node.core.chain.params)).unwrap(),
            bits: cursor.next_bits(&node.core.chain.params),
            nonce: 0,
        };
        let rootless = Header::new(work, &[1, 2], content).unwrap();
        let rooted = Header::new(WorkHeader { root: rootless.coinbase().root(), ..work }, &[1, 2], content);
        let header = solve(&rooted.unwrap(), &node.core.chain);
        parent = header.id();
        ids.push(parent);
        let checked = CheckedHeader::check(header, &node.core.chain.params).unwrap();
        assert!(node.core.insert(&[checked]).unwrap().1.is_none());
    }
    ids
}

#[test]
fn bodies_that_are_being_checked_count_into_the_window() {
    let mut node = Node::new();
    let genesis = node.core.ledger.tip().id;
    let ids = claim(&mut node, genesis, 30, (4 << 20) / CHECKED_BYTES);
    node.core.want_bodies();
    let wanted = node.core.net.sync_progress().bodies_missing;
    assert_eq!(wanted, 17, "64 MiB once they are checked, and the one that exceeds them");
    node.core.checked.jobs.extend(ids.iter().take(17));
    node.core.want_bodies();
    assert_eq!(
        node.core.net.sync_progress().bodies_missing,
        0,
        "checking is behind: nothing more is fetched"
    );
    node.core.checked.jobs.remove(&ids[0]);
    node.core.tree.set_status(&ids[0], Status::Body);
    node.core.want_bodies();
    assert_eq!(node.core.net.sync_progress().bodies_missing, 1, "one is done, one more is fetched");
}

#[test]
fn of_a_branch_that_leaves_ours_the_window_begins_with_the_first_that_is_missing() {
    let mut node = Node::new();
    let genesis = node.core.ledger.tip().id;
    node.mine(1);
    let ids = claim(&mut node, genesis, 1_500, 200);
    node.core.want_bodies();
    assert_eq!(node.core.net.sync_progress().bodies_missing, 1_024);
    for id in &ids[..1_200] {
        node.core.tree.set_status(id, Status::Body);
    }
    node.core.want_bodies();
    assert_eq!(node.core.net.sync_progress().bodies_missing, 300, "none of it is connected yet");
}

#[test]
fn when_too_much_waits_the_highest_goes() {
    let mut node = Node::new();
    for _ in 0..5 {
        node.mine(1);
    }
    let mut kept = CheckedBlocks::default();
    for block in node.blocks().into_iter().rev() {
        kept.keep_within(block, 3 * BLOCK_OVERHEAD_BYTES);
    }
    assert_eq!(kept.waiting.keys().map(|(height, _)| *height).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(kept.bytes, 3 * BLOCK_OVERHEAD_BYTES);
    kept.keep_within(node.blocks().remove(0), 1);
    assert_eq!(kept.waiting.keys().map(|(height, _)| *height).collect::<Vec<_>>(), [1], "one always stays");
}

#[test]
fn blocks_whose_time_is_over_are_forgotten() {
    let mut node = Node::new();
    for _ in 0..20 {
        node.mine(1);
    }
    let mut kept = CheckedBlocks::default();
    let blocks = node.blocks();
    let invalid = blocks[18].header().header().id();
    blocks.into_iter().for_each(|block| kept.keep_within(block, u64::MAX));
    kept.forget(20, |id| *id == invalid);
    assert_eq!(
        kept.waiting.keys().map(|(height, _)| *height).collect::<Vec<_>>(),
        [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20]
    );
    assert_eq!(kept.bytes, 16 * BLOCK_OVERHEAD_BYTES);
}

#[test]
fn a_body_that_is_longer_than_its_header_says_does_not_wait_behind_others() {
    let mut node = Node::new();
    let genesis = node.core.ledger.tip().id;
    let ids = claim(&mut node, genesis, 3, 4_000);
    for (id, bytes) in ids.iter().zip([3_999, 4_000, 4_001]) {
        node.core.on_body(*id, Body::Bytes(vec![0; bytes])).unwrap();
    }
    let turn = |effect: &Effect| match effect {
        Effect::Work(Job::Check(job)) => Some(job.turn()),
        _ => None,
    };
    let turns: Vec<u32> = node.core.effects.iter().filter_map(turn).collect();
    assert_eq!(turns, [1, 2, 0]);
}
