//! Tests of what is dropped before gossip sees it.

use super::*;
use libp2p::gossipsub::TopicHash;

const CHAIN: u32 = 7;

fn message(topic: TopicHash, bytes: usize) -> RawMessage {
    RawMessage {
        source: None,
        data: vec![0; bytes],
        sequence_number: None,
        topic,
        signature: None,
        key: None,
        validated: false,
    }
}

fn of(topic: Topic, count: usize) -> Vec<RawMessage> {
    vec![message(topic.ident(CHAIN).hash(), 200); count]
}

#[test]
fn what_is_over_a_budget_is_dropped_and_counted() {
    let (mut intake, peer, other) = (Intake::new(CHAIN), PeerId::random(), PeerId::random());
    let mut txs = of(Topic::Tx, 5_000);
    intake.sift(peer, &mut txs);
    // Some come back while the test runs.
    assert!((1_000..2_000).contains(&txs.len()), "{}", txs.len());
    let mut blocks = of(Topic::Block, 20);
    intake.sift(peer, &mut blocks);
    assert!((16..20).contains(&blocks.len()), "{}", blocks.len());
    let taken = intake.take(&peer);
    assert_eq!(usize::try_from(taken.txs).unwrap(), txs.len());
    assert_eq!(usize::try_from(taken.blocks).unwrap(), blocks.len());
    assert_eq!(usize::try_from(taken.over).unwrap(), 5_020 - txs.len() - blocks.len());
    assert_eq!(intake.take(&peer), Delivery::default(), "each is told once");
    let mut theirs = of(Topic::Tx, 10);
    intake.sift(other, &mut theirs);
    assert_eq!(theirs.len(), 10, "another peer has a budget of its own");
    intake.gone(&peer);
    let mut again = of(Topic::Tx, 1_000);
    intake.sift(peer, &mut again);
    assert!(again.len() < 1_000, "coming again brings no new one");
}

#[test]
fn who_leaves_takes_nothing_of_the_others_along() {
    let (mut intake, stays, leaves) = (Intake::new(CHAIN), PeerId::random(), PeerId::random());
    intake.sift(stays, &mut of(Topic::Tx, 3));
    intake.sift(leaves, &mut of(Topic::Tx, 2_000));
    // By now the few are paid for.
    std::thread::sleep(Duration::from_millis(50));
    intake.gone(&leaves);
    assert_eq!((intake.take(&leaves), intake.take(&stays).txs), (Delivery::default(), 3));
    assert_eq!(intake.peers.len(), 2, "the budget of who left is still in use");
    std::thread::sleep(Duration::from_millis(50));
    intake.peers.get_mut(&leaves).unwrap().budgets = Default::default();
    intake.gone(&PeerId::random());
    assert_eq!(intake.peers.into_keys().collect::<Vec<_>>(), [stays], "nothing is left of who left long ago");
}

#[test]
fn what_no_node_sends_is_told_once_a_peer() {
    let (mut intake, peer) = (Intake::new(CHAIN), PeerId::random());
    let foreign = message(TopicHash::from_raw("/starling/00000008/tx/1"), 10);
    let long = message(Topic::Tx.ident(CHAIN).hash(), 20_000);
    let mut messages = vec![foreign, long];
    messages.extend(of(Topic::Tx, 1));
    intake.sift(peer, &mut messages);
    assert_eq!(messages.len(), 1);
    let foul = intake.foul();
    assert_eq!(foul.len(), 1);
    assert!(foul[0].0 == peer && foul[0].1.contains("unknown topic"), "{foul:?}");
    assert!(intake.foul().is_empty());
}
