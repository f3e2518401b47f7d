//! Questions and answers, and the line over which all of it leaves a node.

use super::{HostId, RETRY_AFTER_MS, What, World, pair};
use crate::sim::host::Asking;
use crate::sim::identity::{host_of, peer_id};
use crate::sim::wire::{Packet, Transfer, time_on_line};
use starling_network::{
    Answer, MAX_INBOUND_PER_PROTOCOL, NetEvent, PeerId, Protocol, ReplyToken, RequestFailure, RequestId,
};
use starling_node::Event;
use std::time::Duration;

impl World {
    pub(super) fn ask(
        &mut self,
        id: HostId,
        peer: PeerId,
        (protocol, request): (Protocol, RequestId),
        data: Vec<u8>,
    ) {
        let to = host_of(&peer).filter(|to| self.links.contains_key(&pair(id, *to)));
        let Some(to) = to else {
            let event = NetEvent::Response { peer, request, result: Err(RequestFailure::Closed) };
            return self.feed(id, Event::Net(event));
        };
        self.hosts[id.index()].asked.insert(request, to);
        if self.keeps_to_itself(id, protocol, &data) {
            return self.ended(id, request, Ok(Answer::Done.encode()));
        }
        self.after(protocol.timeout(), id, What::TimedOut(request));
        self.send(id, to, Packet::Question { protocol, request, data });
    }

    pub(super) fn on_question(
        &mut self,
        id: HostId,
        from: HostId,
        (protocol, request): (Protocol, RequestId),
        data: Vec<u8>,
    ) {
        let host = &self.hosts[id.index()];
        let open = host.asking.values().filter(|asking| asking.peer == from && asking.protocol == protocol);
        if open.count() >= usize::from(MAX_INBOUND_PER_PROTOCOL) {
            let result = Ok(Answer::RateLimited { retry_after_ms: RETRY_AFTER_MS }.encode());
            return self.send(id, from, Packet::Answer { request, result });
        }
        match protocol {
            Protocol::Push => self.on_push(id, &data),
            Protocol::Compact => self.on_short(id, &data),
            _ => {}
        }
        let host = &mut self.hosts[id.index()];
        host.tokens += 1;
        let token = ReplyToken::new(host.tokens);
        host.asking.insert(token, Asking { peer: from, request, protocol });
        self.feed(id, Event::Net(NetEvent::Request { peer: peer_id(from), token, protocol, data }));
    }

    pub(super) fn answer(&mut self, id: HostId, token: ReplyToken, result: Result<Vec<u8>, RequestFailure>) {
        let Some(Asking { peer, request, .. }) = self.hosts[id.index()].asking.remove(&token) else { return };
        self.send(id, peer, Packet::Answer { request, result });
    }

    pub(super) fn ended(&mut self, id: HostId, request: RequestId, result: Result<Vec<u8>, RequestFailure>) {
        let Some(peer) = self.hosts[id.index()].asked.remove(&request) else { return };
        self.feed(id, Event::Net(NetEvent::Response { peer: peer_id(peer), request, result }));
    }

    pub(super) fn arrived(&mut self, id: HostId, from: HostId, packet: Packet) {
        self.history.arrived(self.now, id, from, &packet);
        match packet {
            Packet::Gossip(rpc) => self.on_gossip(id, from, rpc),
            Packet::Question { protocol, request, data } => {
                self.on_question(id, from, (protocol, request), data);
            }
            Packet::Answer { request, result } => self.ended(id, request, result),
        }
    }

    pub(super) fn send(&mut self, id: HostId, to: HostId, packet: Packet) {
        let Some(link) = self.links.get_mut(&pair(id, to)) else { return };
        let (epoch, left) = (link.epoch, packet.bytes());
        let host = &mut self.hosts[id.index()];
        host.note_sent(&packet, left);
        let transfer = Transfer { to, epoch, left, packet };
        if self.settings.rate_of_each {
            let free = &mut link.free[usize::from(id > to)];
            *free = self.now.max(*free) + time_on_line(left, self.settings.rate);
            let wait = *free - self.now;
            self.leave(id, transfer, wait);
        } else {
            host.outbox.push_back(transfer);
            if !host.sending {
                host.sending = true;
                self.use_line(id);
            }
        }
    }

    /// Lets the next part of what waits leave.
    pub(super) fn use_line(&mut self, id: HostId) {
        let host = &mut self.hosts[id.index()];
        let Some(mut next) = host.outbox.pop_front() else {
            host.sending = false;
            return;
        };
        let time = time_on_line(next.advance(), self.settings.rate);
        if next.left > 0 {
            host.outbox.push_back(next);
        } else {
            self.leave(id, next, time);
        }
        self.after(time, id, What::Line);
    }

    pub(super) fn leave(&mut self, id: HostId, transfer: Transfer, time: Duration) {
        let Transfer { to, epoch, packet, .. } = transfer;
        let Some(link) = self.links.get(&pair(id, to)).filter(|link| link.epoch == epoch).copied() else {
            return;
        };
        if !self.passes(id, to) {
            self.held.push((id, to, epoch, packet));
            return;
        }
        let delay = time + link.delay(packet.bytes(), self.settings.loss, &mut self.dice);
        let before = &mut self.links.get_mut(&pair(id, to)).expect("it stands").there[usize::from(id > to)];
        let there = (self.now + delay).max(*before);
        *before = there;
        let (wait, life) = (there - self.now, self.hosts[to.index()].life);
        self.schedule(wait, to, life, What::Arrived { from: id, epoch, packet });
    }
}
