//! Who comes, who goes, and whom we dial.

use super::{ChainView, Network};
use crate::addresses::Group;
use crate::driver::{Delivery, DialEnd, NetCommand};
use crate::peers::{Arrival, Finding, Giver, Penalty, Scene, Situation, Slot};
use crate::wire::Status;
use libp2p::{Multiaddr, PeerId};
use std::time::Duration;

/// How often the book is told of those that are connected.
const SEEN_EVERY: Duration = Duration::from_secs(60);

impl Network {
    pub(super) fn on_connected(&mut self, peer: PeerId, address: Multiaddr, outbound: bool) {
        let now = self.hub.now;
        let chosen = self.hub.slots.connected(&peer);
        let given = self.hub.dials.connected(&peer, &address);
        let slot = match (given, chosen) {
            (Some(Giver::Hand), _) => Slot::Manual,
            _ if !outbound => Slot::Inbound,
            (Some(Giver::Seed), None) => Slot::Feeler,
            (_, chosen) => chosen.unwrap_or(Slot::Full),
        };
        if outbound && given == Some(Giver::Seed) {
            // Its own record may name nothing that we could dial.
            self.hub.found(peer, vec![address.clone()], None);
        }
        let group = Group::of(&address);
        let is_chosen = |slot: Slot| matches!(slot, Slot::Full | Slot::BlockOnly | Slot::Extra);
        let same = |other: &crate::peers::Peer| is_chosen(other.slot) && other.group == group;
        if self.config.public && is_chosen(slot) && self.hub.peers.iter().any(|(_, other)| same(other)) {
            // Whom a relay leads to may be anywhere.
            return self.hub.command(NetCommand::Disconnect(peer));
        }
        if !self.hub.peers.connect(peer, Arrival { address, outbound, slot }, now) {
            return self.hub.command(NetCommand::Disconnect(peer));
        }
        self.greetings.meet(peer, now);
        if !slot.is_quiet() {
            self.pools.look(peer);
        }
        if slot == Slot::Inbound {
            self.make_room(Some(peer));
        }
    }

    pub(super) fn on_dial_failed(
        &mut self,
        peer: Option<PeerId>,
        address: &Multiaddr,
        (end, error): (DialEnd, &str),
    ) {
        if self.hub.dials.failed(address, end, self.hub.now) {
            if end == DialEnd::Ourselves {
                tracing::info!(%address, "this address leads to this node: it is not dialled any more");
            } else {
                tracing::warn!(%address, error, "no connection to this address; it is tried on and on");
            }
        }
        // What is needless is under way: it ends by itself.
        let Some(peer) = peer.filter(|_| end != DialEnd::Needless) else { return };
        let was_chosen = self.hub.slots.failed(&peer) && !self.hub.peers.contains(&peer);
        if was_chosen && end == DialEnd::Failed {
            let (unix, counts) = (self.hub.unix(), self.hub.link_is_up());
            self.hub.book.failed(&peer, unix, counts);
        }
    }

    /// A peer is of another chain, or speaks none of our protocols.
    pub(super) fn on_foreigner(&mut self, peer: PeerId) {
        self.hub.book.remove(&peer);
        if self.hub.peers.contains(&peer) {
            self.hub.drop_peer(peer, "speaks other protocols: another chain or version", false);
        }
        if let Some(address) = self.hub.dials.foreign(&peer, self.hub.now) {
            let advice = "compare `starling chain show` on both sides";
            tracing::warn!(%address, "the node at this address is on another chain or version; {advice}");
        }
    }

    /// A peer said where it stands.
    pub(super) fn on_status(&mut self, peer: PeerId, status: Status, ours: &Status) {
        let is_first = self.hub.peers.get(&peer).is_some_and(|peer| peer.status.is_none());
        self.greetings.heard(peer, status, ours, &mut self.hub);
        let Some(known) = self.hub.peers.get(&peer).filter(|known| known.status.is_some()) else { return };
        if known.slot.is_inbound() {
            self.hub.peers.place_guest(&peer, ours.height);
            // Whoever has just come is the youngest, and would always be the one to go.
            self.make_room(is_first.then_some(peer));
        } else if is_first && known.outbound {
            self.hub.dials.greeted(&peer);
            let quiet = known.slot.is_quiet();
            let unix = self.hub.unix();
            self.hub.book.succeeded(&peer, unix);
            if !quiet {
                self.discovery.met(peer);
            }
        }
    }

    /// What peers brought by gossip lately.
    pub(super) fn on_delivered(&mut self, list: &[(PeerId, Delivery)]) {
        let now = self.hub.now;
        for finding in self.hub.peers.delivered(list, now) {
            match finding {
                Finding::Appraise(peer, score) => self.hub.command(NetCommand::Appraise { peer, score }),
                Finding::Over(peer) => {
                    self.hub.penalise(&peer, Penalty::Rank, "over the budget of gossip");
                    // What was dropped may have been a block.
                    self.greetings.soon(&peer, now);
                }
                Finding::Floods(peer) if self.hub.peers.is_trusted(&peer) => {}
                Finding::Floods(peer) => self.hub.drop_peer(peer, "floods gossip", false),
            }
        }
    }

    /// Lets guests go until there is room.
    fn make_room(&mut self, just_came: Option<PeerId>) {
        while let Some(peer) = self.hub.peers.crowded_out(self.config.seed, just_came, self.hub.now) {
            self.dismiss(peer, "others need the place");
        }
    }

    /// Lets a peer go that has done nothing wrong.
    fn dismiss(&mut self, peer: PeerId, why: &str) {
        tracing::debug!(%peer, why, "disconnecting");
        self.hub.command(NetCommand::Disconnect(peer));
        self.gone(&peer);
    }

    /// Ends what is over, and dials whom we want.
    pub(super) fn keep_house(&mut self, view: &dyn ChainView) {
        let at = self.situation(view);
        for (peer, why) in self.hub.slots.over(&self.hub.peers, &at) {
            let silent = self.hub.peers.get(&peer).is_some_and(|peer| peer.status.is_none());
            if silent {
                let counts = self.hub.link_is_up();
                self.hub.book.failed(&peer, at.unix, counts);
            }
            self.dismiss(peer, why);
        }
        self.make_room(None);
        if at.now >= self.next_seen {
            self.next_seen = at.now + SEEN_EVERY;
            let reached = self.hub.peers.iter().filter(|(_, peer)| peer.outbound && peer.status.is_some());
            let reached: Vec<PeerId> = reached.map(|(id, _)| *id).collect();
            reached.iter().for_each(|peer| self.hub.book.seen(peer, at.unix));
        }
        self.hub.book.resolve_collisions(at.unix);
        self.dial(&at);
        self.discovery.step(&mut self.hub, at.stale && at.claims);
    }

    fn dial(&mut self, at: &Situation) {
        let hub = &mut self.hub;
        let peers = &hub.peers;
        let leave = |peer: &PeerId| peers.contains(peer) || peers.memory().is_banned(peer);
        let wants_peers = hub.only_named || hub.slots.wants_peers(peers) || (at.stale && at.claims);
        for (address, giver) in hub.dials.due(at.now, wants_peers, leave) {
            let peer = crate::peers::peer_of(&address);
            let quiet = giver == Giver::Seed;
            hub.command(NetCommand::Dial { peer, addresses: vec![address], quiet });
        }
        if hub.only_named {
            return;
        }
        let scene = Scene { peers: &hub.peers, book: &hub.book, dice: &mut hub.dice, at };
        let Some(chosen) = hub.slots.choose(scene) else { return };
        hub.book.attempt(&chosen.peer, at.unix);
        let (peer, addresses, quiet) = (Some(chosen.peer), chosen.addresses, chosen.slot.is_quiet());
        hub.command(NetCommand::Dial { peer, addresses, quiet });
    }

    fn situation(&self, view: &dyn ChainView) -> Situation {
        let ours = view.best_header_work();
        let claims = |peer: &crate::peers::Peer| peer.status.is_some_and(|status| status.work > ours);
        Situation {
            now: self.hub.now,
            unix: self.hub.unix(),
            local: self.hub.local,
            public: self.config.public,
            stale: view.is_stale(),
            claims: self.hub.peers.iter().any(|(_, peer)| claims(peer)),
        }
    }
}
