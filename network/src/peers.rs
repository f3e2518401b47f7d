//! Who is connected, how they have behaved, and who is not wanted (network design: Peers).
//!
//! - `score`: what is held against a peer; `bans`: who is not wanted, and what is remembered of others;
//!   `deliveries`: who brings anything by gossip
//! - `dials`: addresses that people gave; `slots`: whom we dial, and as what; `eviction`: who makes room

mod bans;
mod deliveries;
mod dials;
mod eviction;
mod score;
mod slots;

pub use bans::{BanInfo, MAX_BANS};
pub(crate) use deliveries::Finding;
pub use dials::AddPeerError;
pub(crate) use dials::{Dials, Giver, peer_of, without_peer};
pub(crate) use score::Sentence;
pub use score::{BAN, Penalty};
pub use slots::Slot;
pub(crate) use slots::{Scene, Situation, Slots};

use self::bans::Sums;
pub(crate) use self::bans::{Memory, read_bytes, read_count, read_peer, write_bytes, write_count};
use self::deliveries::Brought;
use self::score::{BAN_AT, BEST, DISCONNECT_AT, Fading, WORST};
use crate::addresses::Group;
use crate::wire::Status;
use libp2p::{Multiaddr, PeerId};
use starling_primitives::BlockId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Peers connected at the most.
pub const MAX_PEERS: usize = 88;
/// Reasons kept for each peer.
const MAX_REASONS: usize = 8;
/// Characters of a reason.
const MAX_REASON_CHARS: usize = 160;
/// More than half of the peers late within this time: the fault is ours.
const OUR_FAULT_WITHIN: Duration = Duration::from_secs(30);

/// A connected peer as `net_peers` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerInfo {
    /// Who.
    pub peer_id: PeerId,
    /// Its end of the connection.
    pub address: Multiaddr,
    /// Whether we dialled.
    pub outbound: bool,
    /// Why it holds its place.
    pub slot: Slot,
    /// The network that its address is of.
    pub group: String,
    /// Its software, once it has said so.
    pub agent: Option<String>,
    /// The greatest height it is known to have, once known.
    pub height: Option<u32>,
    /// Id of its tip, once known.
    pub tip: Option<BlockId>,
    /// -100 to 100.
    pub score: f64,
    /// Why the score went down, oldest first.
    pub reasons: Vec<String>,
    /// The last round trip.
    pub latency: Option<Duration>,
    /// How long it has been connected.
    pub connected_for: Duration,
}

/// A connection that has come to stand.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// The peer's end.
    pub(crate) address: Multiaddr,
    /// Whether we dialled.
    pub(crate) outbound: bool,
    pub(crate) slot: Slot,
}

/// A connected peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: Multiaddr,
    pub(crate) group: Group,
    pub(crate) outbound: bool,
    pub(crate) slot: Slot,
    agent: Option<String>,
    latency: Option<Duration>,
    reasons: VecDeque<String>,
    faults: Fading,
    merit: Fading,
    /// When the connection came to stand.
    pub(crate) since: Duration,
    /// What it last said of itself.
    pub(crate) status: Option<Status>,
    /// The greatest height it is known to have a header of.
    pub(crate) height: u32,
    /// When it was the first to tell of a block, or of a transaction.
    last_block: Option<Duration>,
    last_tx: Option<Duration>,
    /// Since when its chain has had less work than ours.
    behind_since: Option<Duration>,
    /// When it last said where it stands, or came.
    status_at: Duration,
    /// When it last left a question without an answer.
    late_at: Option<Duration>,
    brought: Brought,
}

/// The connected, and what is remembered of the others. Iteration is in the order of peer ids, always.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    connected: BTreeMap<PeerId, Peer>,
    memory: Memory,
}

impl Peers {
    /// Takes a peer in; false when it is banned, or there is no room.
    pub(crate) fn connect(&mut self, id: PeerId, arrival: Arrival, now: Duration) -> bool {
        let Arrival { address, outbound, slot } = arrival;
        if self.memory.is_banned(&id) || self.connected.len() >= MAX_PEERS {
            return false;
        }
        let sums = self.memory.recall(&id);
        let peer = Peer {
            group: Group::of(&address),
            address,
            outbound,
            slot,
            agent: None,
            latency: None,
            reasons: VecDeque::new(),
            faults: sums.faults,
            merit: sums.merit,
            since: now,
            status: None,
            height: 0,
            last_block: None,
            last_tx: None,
            behind_since: None,
            status_at: now,
            late_at: None,
            brought: Brought::before(&sums, now),
        };
        self.connected.insert(id, peer);
        true
    }

    /// Lets a peer go; what it did stays.
    pub(crate) fn disconnect(&mut self, id: &PeerId, now: Duration) {
        if let Some(peer) = self.connected.remove(id) {
            self.memory.remember(*id, peer.sums(), now);
        }
    }

    pub(crate) fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.connected.get(id)
    }

    pub(crate) fn contains(&self, id: &PeerId) -> bool {
        self.connected.contains_key(id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connected.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.connected.iter()
    }

    /// Peers with which transactions and addresses are exchanged.
    pub(crate) fn relaying(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.iter().filter(|(_, peer)| !peer.slot.is_quiet())
    }

    /// Whether transactions and addresses are exchanged with this peer.
    pub(crate) fn relays(&self, id: &PeerId) -> bool {
        self.get(id).is_some_and(|peer| !peer.slot.is_quiet())
    }

    /// Peers in this slot.
    pub(crate) fn count(&self, slot: Slot) -> usize {
        self.connected.values().filter(|peer| peer.slot == slot).count()
    }

    /// All peers, those we think best of first.
    pub(crate) fn ranked(&self, now: Duration) -> Vec<PeerId> {
        let mut ranked: Vec<(f64, PeerId)> = self.iter().map(|(id, peer)| (peer.score(now), *id)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.into_iter().map(|(_, id)| id).collect()
    }

    /// Peers that follow the chain and to which gossip does not bring our blocks by itself: those of our own
    /// choice first, for nobody else can take their place, and of both the nearest.
    pub(crate) fn outside_mesh(&self) -> Vec<PeerId> {
        let outside = self.following().filter(|(_, peer)| !peer.brought.in_block_mesh);
        let mut ranked: Vec<(bool, Duration, PeerId)> =
            outside.map(|(id, peer)| (!peer.outbound, peer.distance(), *id)).collect();
        ranked.sort();
        ranked.into_iter().map(|(.., id)| id).collect()
    }

    /// Peers that follow the chain and exchange transactions: the `own` nearest of our own choice, whom
    /// nobody else can crowd out, then all others, the nearest first. Those that are `kept` count as a
    /// quarter nearer, for two that are nearly as near as one another would take turns.
    pub(crate) fn nearest(&self, own: usize, kept: impl Fn(&PeerId) -> bool) -> Vec<PeerId> {
        let relaying = self.following().filter(|(_, peer)| !peer.slot.is_quiet());
        let distance = |id, peer: &Peer| if kept(id) { peer.distance() / 4 * 3 } else { peer.distance() };
        let mut ranked: Vec<(Duration, PeerId, bool)> =
            relaying.map(|(id, peer)| (distance(id, peer), *id, peer.outbound)).collect();
        ranked.sort();
        let own = ranked.iter().filter(|(.., outbound)| *outbound).take(own);
        let own: Vec<PeerId> = own.map(|(_, id, _)| *id).collect();
        let others = ranked.iter().map(|(_, id, _)| *id).filter(|id| !own.contains(id));
        own.iter().copied().chain(others).collect()
    }

    /// Peers that follow the chain.
    fn following(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.iter().filter(|(_, peer)| {
            let stays = !matches!(peer.slot, Slot::Newcomer | Slot::Feeler);
            stays && peer.status.is_some() && peer.behind_since.is_none()
        })
    }

    pub(crate) fn set_slot(&mut self, id: &PeerId, slot: Slot) {
        self.change(id, |peer| peer.slot = slot);
    }

    pub(crate) fn set_agent(&mut self, id: &PeerId, agent: String) {
        self.change(id, |peer| peer.agent = Some(agent));
    }

    pub(crate) fn set_latency(&mut self, id: &PeerId, latency: Duration) {
        self.change(id, |peer| peer.latency = Some(latency));
    }

    /// The peer said where it stands; `ours` is where we do.
    pub(crate) fn set_status(&mut self, id: &PeerId, status: Status, ours: &Status, now: Duration) {
        self.change(id, |peer| {
            peer.height = status.height;
            peer.status_at = now;
            peer.status = Some(status);
            peer.behind_since = if status.work < ours.work { peer.behind_since.or(Some(now)) } else { None };
        });
    }

    /// The peer has shown a header of this height.
    pub(crate) fn raise_height(&mut self, id: &PeerId, height: u32) {
        self.change(id, |peer| peer.height = peer.height.max(height));
    }

    /// The peer was the first to tell of a block.
    pub(crate) fn told_block(&mut self, id: &PeerId, now: Duration) {
        self.change(id, |peer| peer.last_block = Some(now));
        self.reward(id, 1.0, now);
    }

    /// The peer was the first to tell of a good transaction.
    pub(crate) fn told_tx(&mut self, id: &PeerId, now: Duration) {
        self.change(id, |peer| peer.last_tx = Some(now));
        self.reward(id, 0.01, now);
    }

    /// The peer was useful.
    pub(crate) fn reward(&mut self, id: &PeerId, points: f64, now: Duration) {
        self.change(id, |peer| {
            peer.merit.add(points, now);
        });
    }

    fn change(&mut self, id: &PeerId, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.connected.get_mut(id) {
            change(peer);
        }
    }

    /// A question of ours came to nothing in its time.
    pub(crate) fn late(&mut self, id: &PeerId, now: Duration) {
        self.change(id, |peer| peer.late_at = Some(now));
    }

    /// Whether our own link is down, as far as can be told: more than half of all peers were late within half
    /// a minute. Then being late is nobody's fault.
    pub(crate) fn link_is_down(&self, now: Duration) -> bool {
        let is_late = |at: Duration| now.saturating_sub(at) < OUR_FAULT_WITHIN;
        let late = self.connected.values().filter(|peer| peer.late_at.is_some_and(is_late)).count();
        late * 2 > self.connected.len()
    }

    /// Writes a penalty down and says what follows; a ban is in force when this returns. Peers that somebody
    /// asked for by hand stay whatever they do.
    pub(crate) fn penalise(
        &mut self,
        id: &PeerId,
        penalty: Penalty,
        reason: &str,
        now: Duration,
    ) -> Sentence {
        if penalty <= Penalty::Rank && self.link_is_down(now) {
            return Sentence::Nothing;
        }
        let faults = match self.connected.get_mut(id) {
            Some(peer) => peer.penalise(penalty, reason, now),
            None if penalty <= Penalty::Rank => return Sentence::Nothing,
            // Gone already; what it left behind still counts.
            None => self.memory.add_fault(*id, penalty.points(), now),
        };
        if penalty <= Penalty::Rank || self.is_trusted(id) {
            Sentence::Nothing
        } else if faults <= BAN_AT {
            Sentence::Ban { over: self.memory.ban(*id, BAN, reason, now) }
        } else if faults <= DISCONNECT_AT {
            Sentence::Disconnect
        } else {
            Sentence::Nothing
        }
    }

    /// Whether somebody asked for this peer by hand.
    pub(crate) fn is_trusted(&self, id: &PeerId) -> bool {
        self.get(id).is_some_and(|peer| peer.slot == Slot::Manual)
    }

    /// Who is not wanted, and what is remembered.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    pub(crate) fn snapshot(&self, now: Duration) -> Vec<PeerInfo> {
        let info = |(id, peer): (&PeerId, &Peer)| PeerInfo {
            peer_id: *id,
            address: peer.address.clone(),
            outbound: peer.outbound,
            slot: peer.slot,
            group: peer.group.to_string(),
            agent: peer.agent.clone(),
            height: peer.status.map(|_| peer.height),
            tip: peer.status.map(|status| status.tip),
            score: peer.score(now),
            reasons: peer.reasons.iter().cloned().collect(),
            latency: peer.latency,
            connected_for: now.saturating_sub(peer.since),
        };
        self.iter().map(info).collect()
    }

    /// What a later run should know: as if all peers left now.
    pub(crate) fn remembered(&self, now: Duration) -> Memory {
        let mut memory = self.memory.clone();
        for (id, peer) in &self.connected {
            memory.remember(*id, peer.sums(), now);
        }
        memory
    }
}

impl Peer {
    /// The round trip; those never measured are the farthest.
    fn distance(&self) -> Duration {
        self.latency.unwrap_or(Duration::MAX)
    }

    /// What outlives the connection.
    fn sums(&self) -> Sums {
        let (messages, silent) = self.brought.sum();
        Sums { faults: self.faults, merit: self.merit, messages, silent }
    }

    fn score(&self, now: Duration) -> f64 {
        (self.faults.now(now) + self.merit.now(now)).clamp(WORST, BEST)
    }

    /// The faults after this penalty.
    fn penalise(&mut self, penalty: Penalty, reason: &str, now: Duration) -> f64 {
        if penalty == Penalty::None {
            return self.faults.now(now);
        }
        if self.reasons.len() == MAX_REASONS {
            self.reasons.pop_front();
        }
        self.reasons.push_back(reason.chars().take(MAX_REASON_CHARS).collect());
        if penalty == Penalty::Rank {
            self.merit.add(penalty.points(), now);
            return self.faults.now(now);
        }
        self.faults.add(penalty.points(), now)
    }
}

#[cfg(test)]
mod tests;
