//! A model of rust-libp2p's gossipsub 0.50 with the settings of `network/src/driver/gossip.rs`: meshes and
//! their upkeep, the cache of messages, IHAVE and IWANT, IDONTWANT, and the cache of ids. The scores of peers
//! are left out but for one: who sent what was rejected is not listened to.
//!
//! The library runs on real timers and cannot be simulated itself.

use super::dice::Dice;
use super::world::HostId;
use starling_network::{Delivery, Topic};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at the meshes.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(700);
const HISTORY_HEARTBEATS: usize = 12;
const HISTORY_GOSSIP: usize = 3;
const DUPLICATE_CACHE: Duration = Duration::from_secs(60);
const MESH: usize = 6;
const MESH_LOW: usize = 5;
const MESH_HIGH: usize = 12;
const MESH_OUTBOUND: usize = 2;
const GOSSIP_LAZY: usize = 6;
const GOSSIP_FACTOR_DIVISOR: usize = 4;
const MAX_CONTROL_IDS: usize = 600;
const MAX_IHAVE_A_HEARTBEAT: usize = 10;
const MAX_RETRANSMISSIONS: u32 = 3;
const IDONTWANT_BYTES: usize = 1_000;
const IWANT_FOLLOWUP: Duration = Duration::from_secs(3);
const PRUNE_BACKOFF: Duration = Duration::from_secs(60);
/// Rejected messages after which a peer is below every threshold.
const MAX_REJECTED: u32 = 3;

/// Bytes of a message's frame: the topic's name, and lengths.
const FRAME_BYTES: usize = 44;
/// Bytes of an id in a list.
const ID_BYTES: usize = 22;

/// Names a message (formats: On the wire).
pub(super) type MessageId = [u8; 20];

/// A message as it travels.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its topic.
    pub(super) topic: Topic,
    /// Its name.
    pub(super) id: MessageId,
    /// What is in it.
    pub(super) data: Arc<Vec<u8>>,
}

/// What two nodes say to each other.
#[derive(Clone, Debug)]
pub(super) enum Rpc {
    /// Both topics are wanted.
    Subscribe,
    /// A message.
    Publish(Message),
    /// You are in my mesh.
    Graft(Topic),
    /// You are not any more.
    Prune(Topic),
    /// I have these.
    IHave(Vec<MessageId>),
    /// Send me these.
    IWant(Vec<MessageId>),
    /// Do not send me this.
    IDontWant(MessageId),
}

impl Rpc {
    /// Bytes on the wire.
    pub(super) fn bytes(&self) -> usize {
        FRAME_BYTES
            + match self {
                Self::Publish(message) => message.data.len(),
                Self::IHave(ids) | Self::IWant(ids) => ids.len() * ID_BYTES,
                Self::IDontWant(_) => ID_BYTES,
                Self::Subscribe => FRAME_BYTES,
                Self::Graft(_) | Self::Prune(_) => 0,
            }
    }
}

/// What is to be sent, and to whom.
pub(super) type Out = Vec<(HostId, Rpc)>;

#[derive(Default)]
struct Peer {
    outbound: bool,
    subscribed: bool,
    /// Ids that it does not want.
    unwanted: BTreeSet<MessageId>,
    rejected: u32,
    ihaves: usize,
    asked: usize,
    brought: Delivery,
    /// What the delivery ledger of its host says: below 0, it is not for the mesh.
    appraised: i8,
}

struct Cached {
    message: Message,
    validated: bool,
    /// Who sent it as well, before the verdict.
    also_from: BTreeSet<HostId>,
    asked_by: BTreeMap<HostId, u32>,
}

/// Gossip of one node.
pub(super) struct Gossip {
    dice: Dice,
    now: Duration,
    peers: BTreeMap<HostId, Peer>,
    mesh: [BTreeSet<HostId>; 2],
    backoffs: BTreeMap<(usize, HostId), Duration>,
    seen: BTreeMap<MessageId, Duration>,
    seen_order: VecDeque<(Duration, MessageId)>,
    cache: BTreeMap<MessageId, Cached>,
    /// Ids by the heartbeat in which they came, the present one in front.
    history: VecDeque<Vec<MessageId>>,
    /// Ids that were asked for, and until when.
    promised: BTreeMap<MessageId, Duration>,
    /// Whether it passes nothing on.
    silent: bool,
}

fn slot(topic: Topic) -> usize {
    match topic {
        Topic::Block => 0,
        Topic::Tx => 1,
    }
}

impl Gossip {
    /// Without any peer. A `silent` one takes messages and passes none on.
    pub(super) fn new(dice: Dice, silent: bool) -> Self {
        Self {
            dice,
            now: Duration::ZERO,
            peers: BTreeMap::new(),
            mesh: [BTreeSet::new(), BTreeSet::new()],
            backoffs: BTreeMap::new(),
            seen: BTreeMap::new(),
            seen_order: VecDeque::new(),
            cache: BTreeMap::new(),
            history: VecDeque::from([Vec::new()]),
            promised: BTreeMap::new(),
            silent,
        }
    }

    /// The time goes on.
    pub(super) fn at(&mut self, now: Duration) {
        self.now = now;
    }

    /// A connection stands.
    pub(super) fn connected(&mut self, peer: HostId, outbound: bool, out: &mut Out) {
        self.peers.insert(peer, Peer { outbound, ..Peer::default() });
        out.push((peer, Rpc::Subscribe));
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self, peer: HostId) {
        self.peers.remove(&peer);
        for mesh in &mut self.mesh {
            mesh.remove(&peer);
        }
    }

    /// A message of our own; known already: nothing happens.
    pub(super) fn publish(&mut self, message: Message, out: &mut Out) {
        if self.seen.contains_key(&message.id) {
            return;
        }
        let mesh = &self.mesh[slot(message.topic)];
        let mut to: Vec<HostId> = mesh.iter().copied().filter(|peer| self.listens(*peer)).collect();
        let others: Vec<HostId> =
            self.peers.keys().copied().filter(|peer| self.listens(*peer) && !mesh.contains(peer)).collect();
        to.extend(self.dice.some(others, MESH.saturating_sub(to.len())));
        if to.is_empty() {
            return;
        }
        self.dice.shuffle(&mut to);
        self.remember(message.id);
        self.keep(message.clone(), true);
        for peer in to {
            if message.data.len() > IDONTWANT_BYTES {
                out.push((peer, Rpc::IDontWant(message.id)));
            }
            out.push((peer, Rpc::Publish(message.clone())));
        }
    }

    /// What a peer said; a message that is heard for the first time comes back.
    pub(super) fn received(&mut self, from: HostId, rpc: Rpc, out: &mut Out) -> Option<Message> {
        let peer = self.peers.get_mut(&from)?;
        if peer.rejected >= MAX_REJECTED {
            return None;
        }
        match rpc {
            Rpc::Subscribe => {
                peer.subscribed = true;
                for topic in Topic::ALL {
                    let backed_off = self.is_backed_off(topic, from);
                    let mesh = &mut self.mesh[slot(topic)];
                    if !backed_off && mesh.len() < MESH_LOW && mesh.insert(from) {
                        out.push((from, Rpc::Graft(topic)));
                    }
                }
            }
            Rpc::Publish(message) => {
                match message.topic {
                    Topic::Block => peer.brought.blocks += 1,
                    Topic::Tx => peer.brought.txs += 1,
                }
                return self.heard(from, message, out);
            }
            Rpc::Graft(topic) => self.on_graft(from, topic, out),
            Rpc::Prune(topic) => {
                self.mesh[slot(topic)].remove(&from);
                self.backoffs.insert((slot(topic), from), self.now + PRUNE_BACKOFF);
            }
            Rpc::IHave(ids) => self.on_ihave(from, ids, out),
            Rpc::IWant(ids) => self.on_iwant(from, &ids, out),
            Rpc::IDontWant(id) => {
                peer.unwanted.insert(id);
            }
        }
        None
    }

    fn heard(&mut self, from: HostId, message: Message, out: &mut Out) -> Option<Message> {
        let known = self.seen.contains_key(&message.id);
        if !known && message.data.len() > IDONTWANT_BYTES {
            let mesh = self.mesh[slot(message.topic)].iter().filter(|peer| **peer != from);
            out.extend(mesh.map(|peer| (*peer, Rpc::IDontWant(message.id))));
        }
        if known {
            if let Some(cached) = self.cache.get_mut(&message.id)
                && !cached.validated
            {
                cached.also_from.insert(from);
            }
            return None;
        }
        self.remember(message.id);
        self.promised.remove(&message.id);
        self.keep(message.clone(), false);
        Some(message)
    }

    /// What the peers brought since the last time.
    pub(super) fn deliveries(&mut self) -> Vec<(HostId, Delivery)> {
        let mesh = &self.mesh;
        let of = |(id, peer): (&HostId, &mut Peer)| {
            let in_mesh = Topic::ALL.map(|topic| mesh[slot(topic)].contains(id));
            (*id, Delivery { in_mesh, ..std::mem::take(&mut peer.brought) })
        };
        self.peers.iter_mut().map(of).collect()
    }

    /// What the delivery ledger says of a peer.
    pub(super) fn appraise(&mut self, peer: HostId, score: i8) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.appraised = score;
        }
    }

    /// The core's word: it is passed on, or forgotten.
    pub(super) fn accept(&mut self, from: HostId, id: &MessageId, out: &mut Out) {
        let Some(cached) = self.cache.get_mut(id) else { return };
        cached.validated = true;
        let also_from = std::mem::take(&mut cached.also_from);
        let message = cached.message.clone();
        if self.silent {
            return;
        }
        let mesh: Vec<HostId> = self.mesh[slot(message.topic)].iter().copied().collect();
        // The library goes through a set whose order is another one each time.
        for peer in self.dice.some(mesh, usize::MAX) {
            let unwanted = self.peers.get(&peer).is_none_or(|peer| peer.unwanted.contains(id));
            if peer != from && !also_from.contains(&peer) && !unwanted {
                out.push((peer, Rpc::Publish(message.clone())));
            }
        }
    }

    /// The core's word: it is not passed on; with `rejected`, its senders lose standing.
    pub(super) fn drop_message(&mut self, from: HostId, id: &MessageId, rejected: bool) {
        let Some(cached) = self.cache.remove(id) else { return };
        if rejected {
            for peer in cached.also_from.into_iter().chain([from]) {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.rejected += 1;
                }
            }
        }
    }

    fn on_graft(&mut self, from: HostId, topic: Topic, out: &mut Out) {
        let full = self.mesh[slot(topic)].len() >= MESH_HIGH;
        let outbound = self.peers.get(&from).is_some_and(|peer| peer.outbound);
        if self.mesh[slot(topic)].contains(&from) {
            return;
        }
        if self.is_bad(from) || self.is_backed_off(topic, from) || (full && !outbound) {
            self.backoffs.insert((slot(topic), from), self.now + PRUNE_BACKOFF);
            out.push((from, Rpc::Prune(topic)));
            return;
        }
        self.mesh[slot(topic)].insert(from);
    }

    fn on_ihave(&mut self, from: HostId, ids: Vec<MessageId>, out: &mut Out) {
        let (seen, promised) = (&self.seen, &self.promised);
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.ihaves += 1;
        if peer.ihaves > MAX_IHAVE_A_HEARTBEAT || peer.asked >= MAX_CONTROL_IDS {
            return;
        }
        let new: Vec<MessageId> =
            ids.into_iter().filter(|id| !seen.contains_key(id) && !promised.contains_key(id)).collect();
        let wanted = self.dice.some(new, MAX_CONTROL_IDS - peer.asked);
        if wanted.is_empty() {
            return;
        }
        peer.asked += wanted.len();
        self.promised.extend(wanted.iter().map(|id| (*id, self.now + IWANT_FOLLOWUP)));
        out.push((from, Rpc::IWant(wanted)));
    }

    fn on_iwant(&mut self, from: HostId, ids: &[MessageId], out: &mut Out) {
        if self.silent {
            return;
        }
        for id in ids {
            let Some(cached) = self.cache.get_mut(id).filter(|cached| cached.validated) else { continue };
            let count = cached.asked_by.entry(from).or_default();
            *count += 1;
            let unwanted = self.peers.get(&from).is_none_or(|peer| peer.unwanted.contains(id));
            if *count <= MAX_RETRANSMISSIONS && !unwanted {
                out.push((from, Rpc::Publish(cached.message.clone())));
            }
        }
    }

    /// Looks after the meshes, and tells others what came lately.
    pub(super) fn heartbeat(&mut self, out: &mut Out) {
        let now = self.now;
        self.promised.retain(|_, until| *until > now);
        self.backoffs.retain(|_, until| *until > now);
        for peer in self.peers.values_mut() {
            (peer.ihaves, peer.asked) = (0, 0);
        }
        for topic in Topic::ALL {
            self.tend(topic, out);
        }
        for topic in Topic::ALL {
            self.tell(topic, out);
        }
        self.history.push_front(Vec::new());
        if self.history.len() > HISTORY_HEARTBEATS {
            for id in self.history.pop_back().into_iter().flatten() {
                self.cache.remove(&id);
                for peer in self.peers.values_mut() {
                    peer.unwanted.remove(&id);
                }
            }
        }
        while let Some((until, id)) = self.seen_order.front().copied() {
            if until > now {
                break;
            }
            self.seen_order.pop_front();
            self.seen.remove(&id);
        }
    }

    fn tend(&mut self, topic: Topic, out: &mut Out) {
        let at = slot(topic);
        let bad: Vec<HostId> = self.mesh[at].iter().copied().filter(|peer| self.is_bad(*peer)).collect();
        for peer in bad {
            self.prune(topic, peer, out);
        }
        if self.mesh[at].len() < MESH_LOW {
            let free = self.free(topic, |_| true);
            for peer in self.dice.some(free, MESH - self.mesh[at].len()) {
                self.mesh[at].insert(peer);
                out.push((peer, Rpc::Graft(topic)));
            }
        }
        if self.mesh[at].len() >= MESH_HIGH {
            let mut members: Vec<HostId> = self.mesh[at].iter().copied().collect();
            self.dice.shuffle(&mut members);
            let mut outbound = members.iter().filter(|peer| self.is_outbound(**peer)).count();
            let mut excess = members.len() - MESH;
            for peer in members {
                if excess == 0 {
                    break;
                }
                if self.is_outbound(peer) {
                    if outbound <= MESH_OUTBOUND {
                        continue;
                    }
                    outbound -= 1;
                }
                self.prune(topic, peer, out);
                excess -= 1;
            }
        }
        let outbound = self.mesh[at].iter().filter(|peer| self.is_outbound(**peer)).count();
        if self.mesh[at].len() >= MESH_LOW && outbound < MESH_OUTBOUND {
            let free = self.free(topic, |peer| peer.outbound);
            for peer in self.dice.some(free, MESH_OUTBOUND - outbound) {
                self.mesh[at].insert(peer);
                out.push((peer, Rpc::Graft(topic)));
            }
        }
    }

    fn tell(&mut self, topic: Topic, out: &mut Out) {
        let recent = self.history.iter().take(HISTORY_GOSSIP).flatten();
        let known = |id: &&MessageId| {
            let cached = self.cache.get(*id);
            cached.is_some_and(|cached| cached.validated && cached.message.topic == topic)
        };
        let ids: Vec<MessageId> = recent.filter(known).copied().collect();
        if ids.is_empty() {
            return;
        }
        let outside: Vec<HostId> = self.peers.keys().copied().filter(|peer| self.listens(*peer)).collect();
        let outside: Vec<HostId> =
            outside.into_iter().filter(|peer| !self.mesh[slot(topic)].contains(peer)).collect();
        let count = GOSSIP_LAZY.max(outside.len() / GOSSIP_FACTOR_DIVISOR);
        for peer in self.dice.some(outside, count) {
            let some = self.dice.some(ids.clone(), MAX_CONTROL_IDS);
            out.push((peer, Rpc::IHave(some)));
        }
    }

    fn prune(&mut self, topic: Topic, peer: HostId, out: &mut Out) {
        self.mesh[slot(topic)].remove(&peer);
        self.backoffs.insert((slot(topic), peer), self.now + PRUNE_BACKOFF);
        out.push((peer, Rpc::Prune(topic)));
    }

    fn free(&self, topic: Topic, fits: impl Fn(&Peer) -> bool) -> Vec<HostId> {
        let is_free = |id: HostId, peer: &Peer| {
            fits(peer)
                && self.listens(id)
                && !self.is_bad(id)
                && !self.mesh[slot(topic)].contains(&id)
                && !self.is_backed_off(topic, id)
        };
        self.peers.iter().filter(|(id, peer)| is_free(**id, peer)).map(|(id, _)| *id).collect()
    }

    fn listens(&self, peer: HostId) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.subscribed && peer.rejected < MAX_REJECTED)
    }

    fn is_bad(&self, peer: HostId) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.rejected >= MAX_REJECTED || peer.appraised < 0)
    }

    fn is_outbound(&self, peer: HostId) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.outbound)
    }

    fn is_backed_off(&self, topic: Topic, peer: HostId) -> bool {
        self.backoffs.get(&(slot(topic), peer)).is_some_and(|until| *until > self.now)
    }

    fn remember(&mut self, id: MessageId) {
        let until = self.now + DUPLICATE_CACHE;
        self.seen.insert(id, until);
        self.seen_order.push_back((until, id));
    }

    fn keep(&mut self, message: Message, validated: bool) {
        if let Some(newest) = self.history.front_mut() {
            newest.push(message.id);
        }
        let cached = Cached { validated, also_from: BTreeSet::new(), asked_by: BTreeMap::new(), message };
        self.cache.insert(cached.message.id, cached);
    }
}
