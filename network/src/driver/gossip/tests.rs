//! The message id is the contract's, and the gate lets through what the contract allows.

use super::*;

fn id(topic: &str, data: &[u8]) -> MessageId {
    message_id(&TopicHash::from_raw(topic), data)
}

#[test]
fn the_id_covers_topic_and_data() {
    let name = Topic::Tx.name(0x0a1b_2c3d);
    assert_eq!(name, "/starling/0a1b2c3d/tx/1");
    let preimage = [&[23u8][..], name.as_bytes(), b"data"].concat();
    let hash = starling_primitives::tagged("starling/gossip", &[&preimage]);
    assert_eq!(id(&name, b"data").0, hash[..20]);
    assert_ne!(id(&name, b"date"), id(&name, b"data"));
    assert_ne!(id(&Topic::Block.name(1), b""), id(&Topic::Tx.name(1), b""));
}

#[test]
fn the_gate_keeps_topics_and_caps() {
    let gate = Gate::new(1);
    let raw = |topic: &str, bytes: usize| RawMessage {
        source: None,
        data: vec![0; bytes],
        sequence_number: None,
        topic: TopicHash::from_raw(topic),
        signature: None,
        key: None,
        validated: false,
    };
    for (topic, max) in [(Topic::Block, 2 + 400 + 32 * 8_192), (Topic::Tx, 16_384)] {
        assert!(gate.inbound_transform(raw(&topic.name(1), max)).is_ok());
        assert!(gate.inbound_transform(raw(&topic.name(1), max + 1)).is_err());
        assert!(gate.outbound_transform(&topic.ident(1).hash(), vec![0; max + 1]).is_err());
        assert!(gate.inbound_transform(raw(&topic.name(2), 1)).is_err(), "another chain's topic");
    }
    assert!(gate.inbound_transform(raw("/starling/00000001/peers/1", 1)).is_err());
}

#[test]
fn the_settings_are_accepted() {
    for limit in [None, Some(32 << 10), Some(300 << 10), Some(1 << 20)] {
        assert!(gossip(7, limit, &mut Registry::default()).is_ok(), "{limit:?}");
    }
    assert!(Mesh::of(Some(32 << 10)).usual < Mesh::of(Some(300 << 10)).usual);
    assert!(Mesh::of(Some(300 << 10)).usual < Mesh::of(Some(1 << 20)).usual);
    assert_eq!(Mesh::of(Some(1 << 20)), Mesh::of(None));
    // What was measured, and what the simulator has too (docs/adr/0018).
    let usual = Mesh { least: 5, usual: 6, most: 12, outbound: 2, lazy: 6 };
    assert_eq!(Mesh::of(None), usual);
}
