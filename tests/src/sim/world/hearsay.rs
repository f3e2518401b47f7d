//! Gossip between the nodes.

use super::{HostId, World};
use crate::sim::gossip::{Gossip, Message, MessageId, Out, Rpc};
use crate::sim::identity::peer_id;
use crate::sim::wire::Packet;
use starling_network::{Announcement, MessageRef, NetEvent, Protocol, Question, Topic, Verdict};
use starling_node::Event;
use starling_primitives::{BlockId, Tag};
use std::sync::Arc;

fn name_of(topic: Topic, data: &[u8]) -> MessageId {
    static ID: Tag = Tag::new("starling/sim-gossip");
    *ID.hash(&[topic.name(0).as_bytes(), data]).first_chunk().expect("20 of 32 bytes")
}

impl World {
    pub(super) fn gossip(&mut self, id: HostId) -> &mut Gossip {
        let now = self.now;
        let gossip = &mut self.hosts[id.index()].gossip;
        gossip.at(now);
        gossip
    }

    pub(super) fn tell(&mut self, id: HostId, out: Out) {
        for (to, rpc) in out {
            self.send(id, to, Packet::Gossip(rpc));
        }
    }

    pub(super) fn publish(&mut self, id: HostId, topic: Topic, data: Vec<u8>) {
        let host = &self.hosts[id.index()];
        let block = (topic == Topic::Block).then(|| Announcement::decode(&data).ok()).flatten();
        if host.silent && block.is_some_and(|block| host.made != Some(block.header.id())) {
            return;
        }
        let mut out = Out::new();
        let name = name_of(topic, &data);
        self.gossip(id).publish(Message { topic, id: name, data: Arc::new(data) }, &mut out);
        self.tell(id, out);
    }

    /// Counts a message that came beside gossip.
    pub(super) fn on_push(&mut self, id: HostId, question: &[u8]) {
        let Ok(Question::Push { topic, data }) = Question::decode(Protocol::Push, question) else { return };
        self.hosts[id.index()].note_copy(name_of(topic, &data), data.len(), false);
    }

    /// The block of an announcement beside gossip.
    fn announced(protocol: Protocol, question: &[u8]) -> Option<BlockId> {
        match Question::decode(protocol, question).ok()? {
            Question::Push { topic: Topic::Block, data } => {
                Some(Announcement::decode(&data).ok()?.header.id())
            }
            Question::Compact(compact) => Some(compact.header().id()),
            _ => None,
        }
    }

    /// Whether a node that passes nothing on keeps this back: whatever is not its own.
    pub(super) fn keeps_to_itself(&self, id: HostId, protocol: Protocol, question: &[u8]) -> bool {
        let host = &self.hosts[id.index()];
        host.silent && Self::announced(protocol, question).is_some_and(|block| host.made != Some(block))
    }

    /// Counts an announcement in short.
    pub(super) fn on_short(&mut self, id: HostId, question: &[u8]) {
        self.hosts[id.index()].note_copy(name_of(Topic::Block, question), question.len(), true);
    }

    pub(super) fn verdict(&mut self, id: HostId, message: &MessageRef, verdict: Verdict) {
        let heard = &mut self.hosts[id.index()].heard;
        let Some((from, name)) = heard.remove(message) else { return };
        let mut out = Out::new();
        let gossip = self.gossip(id);
        match verdict {
            Verdict::Later => drop(self.hosts[id.index()].heard.insert(message.clone(), (from, name))),
            Verdict::Accept => gossip.accept(from, &name, &mut out),
            Verdict::Ignore => gossip.drop_message(from, &name, false),
            Verdict::Reject => gossip.drop_message(from, &name, true),
        }
        self.tell(id, out);
    }

    pub(super) fn on_gossip(&mut self, id: HostId, from: HostId, rpc: Rpc) {
        let message = match &rpc {
            Rpc::Publish(message) => Some((message.topic, message.id, message.data.len())),
            _ => None,
        };
        let mut out = Out::new();
        let heard = self.gossip(id).received(from, rpc, &mut out);
        if let Some((topic, name, bytes)) = message {
            let host = &mut self.hosts[id.index()];
            host.note_message(topic, heard.is_some());
            host.note_copy(name, bytes, false);
        }
        self.tell(id, out);
        if let Some(Message { topic, id: name, data }) = heard {
            let message = MessageRef::new(peer_id(from), name);
            self.hosts[id.index()].heard.insert(message.clone(), (from, name));
            let data = data.to_vec();
            self.feed(id, Event::Net(NetEvent::Gossip { peer: peer_id(from), topic, message, data }));
        }
    }
}
