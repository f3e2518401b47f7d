//! Whether others can reach us, what is done about it when they cannot, and what we do for those who ask.

use super::super::kademlia::Named;
use super::super::message::NetEvent;
use super::super::quietly::suggest;
use super::super::reach::{MAX_RELAYS, Step};
use super::super::vetted::Vetting;
use super::Task;
use crate::peers::without_peer;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Multiaddr, PeerId, autonat, dcutr, identify, relay, upnp};
use std::time::{Duration, Instant};

/// What peers speak that test addresses.
const TESTS: &str = "/libp2p/autonat/2/dial-request";
/// How long a relay that refused is not asked again.
const UNWILLING_FOR: Duration = Duration::from_secs(3_600);
/// Addresses that a relay may name for one place, one after the other.
const MAX_CIRCUIT_ADDRESSES: usize = 8;

/// A place at a relay.
pub(super) struct Circuit {
    relay: PeerId,
    /// Where others find us, once the relay has agreed.
    addresses: Vec<Multiaddr>,
}

impl Task {
    /// What a peer says of itself and of us.
    pub(super) fn learn(&mut self, peer: PeerId, id: ConnectionId, info: &identify::Info) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let Some(link) = known.links.get(&id) else { return };
        known.relays = info.protocols.contains(&relay::HOP_PROTOCOL_NAME);
        known.tests = link.outbound && info.protocols.iter().any(|name| name.as_ref() == TESTS);
        // A stranger who came by itself could say anything, as often as it likes.
        if link.outbound {
            let remote = link.remote.clone();
            let steps = self.reach.seen(peer, &remote, &info.observed_addr);
            self.take_steps(steps);
        }
        let kademlia = &mut self.swarm.behaviour_mut().kademlia;
        if kademlia.has(peer, id) {
            kademlia.inner.meet(peer, &info.protocols, &info.listen_addrs);
        }
    }

    /// Nodes that a peer named.
    pub(super) fn on_named(&mut self, Named { teller, nodes }: Named) {
        let ourselves = *self.swarm.local_peer_id();
        let others = nodes.into_iter().filter(|(peer, _)| *peer != ourselves);
        let event = |(peer, addresses)| NetEvent::Discovered { peer, addresses, by: Some(teller) };
        self.backlog.extend(others.map(event));
    }

    pub(super) fn take_steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Test(address) => {
                    let behaviour = self.swarm.behaviour_mut();
                    suggest(&mut behaviour.probe.inner.0, &address);
                    self.meet_at(&address);
                }
                Step::Tell(address) => {
                    self.meet_at(&address);
                    self.swarm.add_external_address(address);
                }
                Step::Withdraw(address) => self.swarm.remove_external_address(&address),
            }
        }
        self.tell_reach();
    }

    /// Whoever is to meet us halfway may try there.
    fn meet_at(&mut self, address: &Multiaddr) {
        if let Some(punch) = self.swarm.behaviour_mut().punch.as_mut() {
            suggest(&mut punch.inner, address);
        }
    }

    /// Tells the core what is new, and helps others if we can.
    fn tell_reach(&mut self) {
        let answer = self.reach.answer();
        if answer == self.told {
            return;
        }
        let can = answer.reachable == Some(true);
        let behaviour = self.swarm.behaviour_mut();
        behaviour.kademlia.inner.serve(can);
        let helps = if can { relay::Status::Enable } else { relay::Status::Disable };
        behaviour.relay.inner.set_status(Some(helps));
        match (answer.reachable, answer.addresses.first()) {
            (Some(true), Some(address)) => tracing::info!(%address, "others can reach us"),
            (Some(false), Some(address)) => tracing::info!(%address, "others reach us over a relay only"),
            (Some(false), None) => tracing::info!("others cannot reach us: forward the port, or enable UPnP"),
            _ => {}
        }
        self.backlog.push_back(NetEvent::Reachable(answer.clone()));
        self.told = answer;
    }

    /// Tests anew what is due, and has relays hold a place for us when nothing else helps.
    pub(super) fn keep_reach(&mut self) {
        let helped = self.peers.values().any(|known| known.tests);
        let steps = self.reach.tick(self.began.elapsed(), helped);
        self.take_steps(steps);
        self.unwilling.retain(|_, since| since.elapsed() < UNWILLING_FOR);
        // One that is taken is kept as long as the connection: the library cannot give it up while it is
        // asked for anew.
        if self.circuits.len() >= MAX_RELAYS || !self.reach.wants_relay() {
            return;
        }
        let Some((relay, address)) = self.willing_relay() else { return };
        let circuit = address.with(Protocol::P2p(relay)).with(Protocol::P2pCircuit);
        match self.swarm.listen_on(circuit) {
            Ok(id) => {
                self.circuits.insert(id, Circuit { relay, addresses: Vec::new() });
            }
            Err(error) => tracing::debug!(%error, %relay, "the relay cannot be used"),
        }
    }

    pub(super) fn on_circuit(&mut self, id: ListenerId, address: Multiaddr) {
        let Some(circuit) = self.circuits.get_mut(&id) else { return };
        circuit.addresses.push(address.clone());
        if circuit.addresses.len() > MAX_CIRCUIT_ADDRESSES {
            let relay = circuit.relay;
            tracing::debug!(%relay, "a relay names ever more addresses: leaving it");
            self.unwilling.insert(relay, Instant::now());
            return self.disconnect(relay);
        }
        self.reach.relayed(id, address);
        self.tell_reach();
    }

    /// A peer of our choice that offers to relay, at an address that others may dial. One that carries blocks
    /// alone has no Kademlia: the link is not to be told of.
    fn willing_relay(&mut self) -> Option<(PeerId, Multiaddr)> {
        let rules = self.reach.rules();
        let kademlia = &self.swarm.behaviour().kademlia;
        let asked = |peer: &PeerId| self.circuits.values().any(|circuit| circuit.relay == *peer);
        let offers = self
            .peers
            .iter()
            .filter(|(peer, known)| known.relays && !asked(peer) && !self.unwilling.contains_key(peer));
        let usable = offers.filter_map(|(peer, known)| {
            let told = |(id, link): &(&ConnectionId, &super::links::Link)| {
                link.outbound && kademlia.has(*peer, **id) && rules.allow(&link.remote)
            };
            let (_, link) = known.links.iter().find(told)?;
            Some((*peer, without_peer(&link.remote)))
        });
        usable.min()
    }

    /// Whether it was a place at a relay.
    pub(super) fn on_circuit_closed(&mut self, id: ListenerId) -> bool {
        let Some(circuit) = self.circuits.remove(&id) else { return false };
        if circuit.addresses.is_empty() {
            self.unwilling.insert(circuit.relay, Instant::now());
        }
        for address in &circuit.addresses {
            self.swarm.remove_external_address(address);
        }
        self.reach.not_relayed(id);
        self.tell_reach();
        true
    }

    pub(super) fn on_upnp(&mut self, event: upnp::Event) {
        let steps = match event {
            upnp::Event::NewExternalAddr { external_addr, .. } => {
                tracing::info!(address = %external_addr, "the router forwards our port (UPnP)");
                self.reach.mapped(external_addr)
            }
            upnp::Event::ExpiredExternalAddr { external_addr, .. } => self.reach.unmapped(&external_addr),
            other => return tracing::debug!(?other, "no UPnP"),
        };
        self.take_steps(steps);
    }

    /// Somebody dialled an address of ours, or failed to.
    pub(super) fn on_probe(&mut self, event: autonat::v2::client::Event) {
        let autonat::v2::client::Event { tested_addr, server, result, .. } = event;
        tracing::debug!(address = %tested_addr, %server, ?result, "our address was tested");
        let steps = self.reach.tested(&tested_addr, result.is_ok());
        self.take_steps(steps);
    }

    pub(super) fn on_dial_back(&mut self, event: Vetting<autonat::v2::server::Event>) {
        match event {
            Vetting::Dial(options) => {
                if let Some(peer) = options.get_peer_id() {
                    self.tests.insert(options.connection_id(), (peer, Instant::now()));
                }
                self.dial_for_other(*options);
            }
            Vetting::Event(event) => self.end_test(&event.client),
        }
    }

    pub(super) fn on_punch(&mut self, event: Vetting<dcutr::Event>) {
        match event {
            Vetting::Dial(options) => self.dial_for_other(*options),
            Vetting::Event(dcutr::Event { remote_peer_id: peer, result }) => {
                if let Err(error) = result {
                    tracing::debug!(%peer, %error, "no direct connection");
                    self.give_up_relayed(&peer);
                }
            }
        }
    }

    /// What comes of it, the protocol that asked for it is told by the swarm.
    fn dial_for_other(&mut self, options: DialOpts) {
        let id = options.connection_id();
        if let Err(error) = self.swarm.dial(options) {
            self.tests.remove(&id);
            tracing::debug!(%error, "a dial for another");
        }
    }
}
