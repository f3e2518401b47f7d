//! The hash of all that happened: two runs of one seed have the same.

use super::gossip::Rpc;
use super::wire::Packet;
use super::world::HostId;
use starling_primitives::Tag;
use std::time::Duration;

static EVENT: Tag = Tag::new("starling/sim-event");

/// What happened so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    hash: [u8; 32],
    events: u64,
}

impl History {
    /// Adds something that happened to a node.
    pub(super) fn note(&mut self, now: Duration, host: HostId, what: &[u8]) {
        let at = now.as_nanos().to_le_bytes();
        self.hash = EVENT.hash(&[&self.hash, &at, &host.0.to_le_bytes(), what]);
        self.events += 1;
    }

    /// Adds a message that arrived.
    pub(super) fn arrived(&mut self, now: Duration, host: HostId, from: HostId, packet: &Packet) {
        let mut what = from.0.to_le_bytes().to_vec();
        match packet {
            Packet::Gossip(rpc) => {
                let (kind, ids): (u8, &[_]) = match rpc {
                    Rpc::Subscribe => (0, &[]),
                    Rpc::Publish(message) => (1, std::slice::from_ref(&message.id)),
                    Rpc::Graft(topic) => (16 + *topic as u8, &[]),
                    Rpc::Prune(topic) => (32 + *topic as u8, &[]),
                    Rpc::IHave(ids) => (4, ids),
                    Rpc::IWant(ids) => (5, ids),
                    Rpc::IDontWant(id) => (6, std::slice::from_ref(id)),
                };
                what.push(kind);
                what.extend(ids.iter().flatten());
            }
            Packet::Question { protocol, data, .. } => {
                what.extend(protocol.name(0).bytes());
                what.extend(data);
            }
            Packet::Answer { result, .. } => what.extend(result.iter().flatten()),
        }
        self.note(now, host, &what);
    }

    /// The hash, as text.
    pub(super) fn hash(&self) -> String {
        hex::encode(self.hash)
    }

    /// How much happened.
    pub(super) fn events(&self) -> u64 {
        self.events
    }
}
