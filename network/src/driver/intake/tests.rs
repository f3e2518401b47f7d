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

const NOW: Duration = Duration::ZERO;
/// Until the largest budget is whole again.
const LATER: Duration = Duration::from_secs(60);

#[test]
fn what_is_over_a_budget_is_dropped_and_counted() {
    let (mut intake, peer, other) = (Intake::new(CHAIN), PeerId::random(), PeerId::random());
    let mut txs = of(Topic::Tx, 5_000);
    intake.sift(peer, &mut txs, NOW);
    assert_eq!(txs.len(), 1_000);
    let mut blocks = of(Topic::Block, 20);
    intake.sift(peer, &mut blocks, NOW);
    assert_eq!(blocks.len(), 16);
    let taken = intake.take(&peer);
    assert_eq!((taken.txs, taken.blocks, taken.over), (1_000, 16, 4_004));
    assert_eq!(intake.take(&peer), Delivery::default(), "each is told once");
    let mut theirs = of(Topic::Tx, 10);
    intake.sift(other, &mut theirs, NOW);
    assert_eq!(theirs.len(), 10, "another peer has a budget of its own");
    let mut again = of(Topic::Tx, 1);
    intake.gone(&peer, NOW);
    intake.sift(peer, &mut again, NOW);
    assert!(again.is_empty(), "coming again brings no new one");
    let mut later = of(Topic::Tx, 5_000);
    intake.sift(peer, &mut later, LATER);
    assert_eq!(later.len(), 1_000, "time does");
}

#[test]
fn who_leaves_takes_nothing_of_the_others_along() {
    let (mut intake, stays, leaves) = (Intake::new(CHAIN), PeerId::random(), PeerId::random());
    intake.sift(stays, &mut of(Topic::Tx, 3), NOW);
    intake.sift(leaves, &mut of(Topic::Tx, 2_000), NOW);
    let soon = Duration::from_millis(50);
    intake.gone(&leaves, soon);
    assert_eq!((intake.take(&leaves), intake.take(&stays).txs), (Delivery::default(), 3));
    assert_eq!(intake.peers.len(), 2, "the budget of who left is still in use, that of the other is whole");
    intake.gone(&PeerId::random(), LATER);
    assert_eq!(intake.peers.into_keys().collect::<Vec<_>>(), [stays], "nothing is left of who left long ago");
}

#[test]
fn what_no_node_sends_is_told_once_a_peer() {
    let (mut intake, peer) = (Intake::new(CHAIN), PeerId::random());
    let foreign = message(TopicHash::from_raw("/starling/00000008/tx/1"), 10);
    let long = message(Topic::Tx.ident(CHAIN).hash(), 20_000);
    let mut messages = vec![foreign, long];
    messages.extend(of(Topic::Tx, 1));
    intake.sift(peer, &mut messages, NOW);
    assert_eq!(messages.len(), 1);
    let foul = intake.foul();
    assert_eq!(foul.len(), 1);
    assert!(foul[0].0 == peer && foul[0].1.contains("unknown topic"), "{foul:?}");
    assert!(intake.foul().is_empty());
}
