//! What was read ahead is the state, whatever came in between.

use super::MOST_EXPECTED;
use crate::testing::{Fixture, address, pay};
use starling_consensus::CheckedBlock;
use starling_primitives::{StateRoot, Transaction};
use std::sync::Arc;

/// Payments of each of ten senders: enough of them that a block is expected.
const EACH: u64 = 40;

/// Payments to accounts that the block before had brought into being, or not yet.
fn payments(fixture: &Fixture, block: u64) -> Vec<Arc<Transaction>> {
    let all = (0..10).flat_map(|from| (0..EACH).map(move |nth| (from, nth)));
    let to = |from: u8, nth: u64| address(50 + from * 10 + u8::try_from(nth % 10).unwrap());
    all.map(|(from, nth)| pay(&fixture.chain, from, block * EACH + nth, to(from, nth), 1 << 50)).collect()
}

/// A ledger at genesis, with nothing but its accounts in memory, blocks upon it, and the root after
/// each.
fn blocks(count: u64) -> (Fixture, Vec<(CheckedBlock, StateRoot)>) {
    let mut fixture = Fixture::new();
    let mut blocks = Vec::new();
    for number in 0..count {
        let block = fixture.block(payments(&fixture, number), 9, None);
        fixture.ledger.connect(&block, false).unwrap();
        blocks.push((block, fixture.ledger.state_root()));
    }
    for _ in 0..count {
        fixture.ledger.disconnect(false).unwrap();
    }
    fixture.ledger.settle().unwrap();
    (fixture.reopened(), blocks)
}

fn connect(fixture: &mut Fixture, (block, root): &(CheckedBlock, StateRoot)) {
    fixture.ledger.connect(block, false).unwrap();
    assert_eq!(fixture.ledger.state_root(), *root);
}

#[test]
fn blocks_that_were_expected_are_connected_to_the_same_state() {
    let (mut fixture, blocks) = blocks(4);
    for (at, block) in blocks.iter().enumerate() {
        for (next, _) in blocks.iter().skip(at).take(2) {
            fixture.ledger.expect(next);
        }
        connect(&mut fixture, block);
        assert_eq!(fixture.ledger.expected.coming.len(), usize::from(at + 1 < blocks.len()));
    }
}

#[test]
fn what_was_read_before_a_flush_is_read_again() {
    let (mut fixture, blocks) = blocks(2);
    fixture.ledger.expect(&blocks[1].0);
    connect(&mut fixture, &blocks[0]);
    fixture.ledger.flush_state().unwrap();
    fixture.ledger.state.forget_accounts();
    connect(&mut fixture, &blocks[1]);
}

#[test]
fn what_was_read_before_blocks_went_and_came_holds() {
    let (mut fixture, blocks) = blocks(3);
    connect(&mut fixture, &blocks[0]);
    fixture.ledger.expect(&blocks[1].0);
    fixture.ledger.expect(&blocks[2].0);
    fixture.ledger.disconnect(false).unwrap();
    connect(&mut fixture, &blocks[0]);
    fixture.ledger.state.forget_accounts();
    connect(&mut fixture, &blocks[1]);
    fixture.ledger.disconnect(false).unwrap();
    connect(&mut fixture, &blocks[1]);
    connect(&mut fixture, &blocks[2]);
}

#[test]
fn few_blocks_are_expected_at_a_time_and_none_twice() {
    let (mut fixture, blocks) = blocks(u64::try_from(MOST_EXPECTED).unwrap() + 2);
    let expected = |fixture: &Fixture| -> Vec<u32> {
        fixture.ledger.expected.coming.iter().map(|(height, _, _)| *height).collect()
    };
    for (block, _) in &blocks {
        fixture.ledger.expect(block);
        fixture.ledger.expect(block);
    }
    assert_eq!(expected(&fixture), [1, 2, 3]);
    connect(&mut fixture, &blocks[0]);
    assert_eq!(expected(&fixture), [3, 2]);
    fixture.ledger.expect(&blocks[0].0);
    assert_eq!(expected(&fixture), [3, 2], "it is connected");
    connect(&mut fixture, &blocks[1]);
    assert_eq!(expected(&fixture), [3]);
    fixture.ledger.disconnect(false).unwrap();
    assert_eq!(expected(&fixture), Vec::<u32>::new(), "the tip went back");
}

#[test]
fn a_block_further_on_may_be_expected_first() {
    let (mut fixture, blocks) = blocks(3);
    for at in [2, 1, 0] {
        fixture.ledger.expect(&blocks[at].0);
    }
    for (block, left) in blocks.iter().zip([2, 1, 0]) {
        connect(&mut fixture, block);
        assert_eq!(fixture.ledger.expected.coming.len(), left);
    }
}

#[test]
fn a_ledger_that_is_closed_while_it_reads_can_be_opened_at_once() {
    let (mut fixture, blocks) = blocks(MOST_EXPECTED.try_into().unwrap());
    for round in 0..20 {
        blocks.iter().for_each(|(block, _)| fixture.ledger.expect(block));
        if round % 2 == 0 {
            fixture.ledger.expect_nothing();
        }
        fixture = fixture.reopened();
    }
    connect(&mut fixture, &blocks[0]);
}

#[test]
fn small_blocks_are_not_expected() {
    let mut fixture = Fixture::new();
    let block = fixture.block(vec![pay(&fixture.chain, 0, 0, address(50), 1 << 50)], 9, None);
    fixture.ledger.expect(&block);
    assert!(fixture.ledger.expected.coming.is_empty());
}
