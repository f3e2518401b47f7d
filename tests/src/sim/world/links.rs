//! Connections: how they come and go.

use super::{DIAL_TIMEOUT, HostId, PING, What, World, pair};
use crate::sim::dice::Dice;
use crate::sim::gossip::Out;
use crate::sim::host::{address as address_of, host_at};
use crate::sim::identity::{host_of, peer_id, record};
use crate::sim::wire::Link;
use starling_network::{DialEnd, Multiaddr, NetEvent, PeerId, RequestFailure, RequestId};
use starling_node::Event;
use std::time::Duration;

impl World {
    pub(super) fn passes(&self, a: HostId, b: HostId) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts[a.index()] == parts[b.index()])
    }

    pub(in crate::sim) fn latency(&self, a: HostId, b: HostId) -> Duration {
        let (low, high) = pair(a, b);
        let seed = self.seed ^ (u64::from(low.0) << 32 | u64::from(high.0) << 8);
        Dice::new(seed).between(self.settings.latency.0, self.settings.latency.1)
    }

    pub(super) fn dial(&mut self, id: HostId, address: Multiaddr, quiet: bool) {
        let Some(to) = host_at(&address).filter(|to| to.index() < self.hosts.len()) else { return };
        let reachable = self.passes(id, to) && self.hosts[to.index()].core.is_some();
        // The handshakes of TCP, noise and yamux.
        let wait = if reachable { 5 * self.latency(id, to) } else { DIAL_TIMEOUT };
        self.after(wait, id, What::DialEnded { address, to, quiet });
    }

    pub(super) fn dial_ended(&mut self, id: HostId, address: Multiaddr, to: HostId, quiet: bool) {
        let refused = to == id
            || self.links.contains_key(&pair(id, to))
            || self.banned.contains(&(to, id))
            || self.banned.contains(&(id, to));
        if refused || !self.passes(id, to) || self.hosts[to.index()].core.is_none() {
            let peer = Some(peer_id(to));
            let end = match (to == id, self.links.contains_key(&pair(id, to))) {
                (true, _) => DialEnd::Ourselves,
                (_, true) => DialEnd::Needless,
                _ => DialEnd::Failed,
            };
            let event = NetEvent::DialFailed { peer, address, end, error: "no answer".to_owned() };
            self.feed(id, Event::Net(event));
            return;
        }
        self.epochs += 1;
        let (epoch, latency) = (self.epochs, self.latency(id, to));
        let link =
            Link { epoch, dialler: id, latency, there: [Duration::ZERO; 2], free: [Duration::ZERO; 2] };
        self.links.insert(pair(id, to), link);
        self.history.note(self.now, id, b"connected");
        for (own, other) in [(id, to), (to, id)] {
            let outbound = own == link.dialler;
            let event = NetEvent::Connected { peer: peer_id(other), address: address_of(other), outbound };
            self.feed(own, Event::Net(event));
            let agent = "simulated".to_owned();
            let record = Some(record(other));
            let event = NetEvent::Identified { peer: peer_id(other), agent, protocols_ok: true, record };
            self.feed(own, Event::Net(event));
            if !quiet {
                let mut out = Out::new();
                self.gossip(own).connected(other, outbound, &mut out);
                self.tell(own, out);
            }
            // The library's first leaves at once.
            self.after(2 * link.latency, own, What::Ping { peer: other, epoch: link.epoch });
        }
    }

    pub(super) fn ping(&mut self, id: HostId, peer: HostId, epoch: u64) {
        let Some(link) = self.links.get(&pair(id, peer)).filter(|link| link.epoch == epoch).copied() else {
            return;
        };
        if self.passes(id, peer) {
            self.after(PING, id, What::Ping { peer, epoch });
            let event = NetEvent::Ping { peer: peer_id(peer), rtt: 2 * link.latency };
            self.feed(id, Event::Net(event));
        } else {
            self.close(id, peer);
        }
    }

    pub(super) fn close_peer(&mut self, id: HostId, peer: &PeerId) {
        if let Some(other) = host_of(peer) {
            self.close(id, other);
        }
    }

    pub(super) fn close(&mut self, id: HostId, other: HostId) {
        let Some(link) = self.links.remove(&pair(id, other)) else { return };
        self.held.retain(|(_, _, epoch, _)| *epoch != link.epoch);
        self.after(Duration::ZERO, id, What::Closed { peer: other });
        let life = self.hosts[other.index()].life;
        self.schedule(link.latency, other, life, What::Closed { peer: id });
    }

    pub(super) fn closed(&mut self, id: HostId, peer: HostId) {
        // They may have met again meanwhile; then the core is told of both.
        let host = &mut self.hosts[id.index()];
        host.gossip.disconnected(peer);
        host.asking.retain(|_, asking| asking.peer != peer);
        let open = host.asked.iter().filter(|(_, asked)| **asked == peer).map(|(request, _)| *request);
        let open: Vec<RequestId> = open.collect();
        for request in open {
            self.ended(id, request, Err(RequestFailure::Closed));
        }
        self.feed(id, Event::Net(NetEvent::Disconnected { peer: peer_id(peer) }));
    }
}
