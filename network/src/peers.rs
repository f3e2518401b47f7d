//! Who is connected, how they have behaved, and who is not wanted (network design: Peers).
//!
//! A peer has two sums, both fading with a half-life of ten minutes. *Faults* are what it did wrong: they
//! alone disconnect and ban, and outlive the connection. *Merit* is how useful it is: late and slow peers
//! lose it, and it decides only whom we ask first. The score that people see is the sum of both.

mod dials;

pub use dials::BookFull;
pub(crate) use dials::Dials;

use crate::wire::Status;
use libp2p::{Multiaddr, PeerId};
use starling_primitives::BlockId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Peers connected at the most.
pub const MAX_PEERS: usize = 64;
/// Bans kept at the most; the one that ends first makes room.
pub const MAX_BANS: usize = 1_024;
/// Faults of disconnected peers kept at the most; the least make room.
const MAX_REMEMBERED: usize = 1_024;
/// Reasons kept for each peer.
const MAX_REASONS: usize = 8;
/// Characters of a reason.
const MAX_REASON_CHARS: usize = 160;
/// Time in which half of what a peer did is forgotten.
const HALF_LIFE: Duration = Duration::from_secs(600);
/// How long a ban by penalty lasts.
pub const BAN: Duration = Duration::from_secs(12 * 60 * 60);
/// Faults at which a peer is disconnected.
const DISCONNECT_AT: f64 = -20.0;
/// Faults at which a peer is banned.
const BAN_AT: f64 = -50.0;
/// Bounds of the score, and of merit within it.
const WORST: f64 = -100.0;
const BEST: f64 = 100.0;
/// Faults too small to be remembered.
const FORGOTTEN: f64 = -0.5;

/// How bad something was (consensus design: Who is blamed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Penalty {
    /// Not at all.
    None,
    /// Late or slow: ask others first.
    Rank,
    /// Wrong, but cheap to find out: a handful disconnects.
    Medium,
    /// Cost us a download or more: one disconnects, two in a row ban.
    Heavy,
    /// No honest node does this.
    Ban,
}

impl Penalty {
    const fn points(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Rank => -1.0,
            Self::Medium => -5.0,
            Self::Heavy => -30.0,
            Self::Ban => WORST,
        }
    }
}

/// Why a peer holds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// We chose it.
    Full,
    /// It came to us.
    Inbound,
    /// Someone asked for it by hand.
    Manual,
}

impl Slot {
    /// The name in `net_peers`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Inbound => "inbound",
            Self::Manual => "manual",
        }
    }
}

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

/// A ban as `net_bans` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanInfo {
    /// Who.
    pub peer_id: PeerId,
    /// How much longer.
    pub remaining: Duration,
    /// Why.
    pub reason: String,
}

/// What has to happen to a peer after a penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sentence {
    Nothing,
    Disconnect,
    /// The ban that had to make room for it is over.
    Ban {
        over: Option<PeerId>,
    },
}

/// A sum that fades.
#[derive(Clone, Copy, Debug)]
struct Fading {
    points: f64,
    at: Duration,
}

impl Fading {
    const NONE: Self = Self { points: 0.0, at: Duration::ZERO };

    fn now(self, now: Duration) -> f64 {
        let halvings = now.saturating_sub(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.points * (-halvings).exp2()
    }

    fn add(&mut self, points: f64, now: Duration) -> f64 {
        *self = Self { points: (self.now(now) + points).clamp(WORST, BEST), at: now };
        self.points
    }
}

/// A connected peer.
#[derive(Debug)]
pub(crate) struct Peer {
    address: Multiaddr,
    outbound: bool,
    slot: Slot,
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
}

#[derive(Debug)]
struct BanEntry {
    until: Duration,
    reason: String,
}

/// The connected, the banned, and the faults of those who left. Iteration is in the order of peer ids,
/// always.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    connected: BTreeMap<PeerId, Peer>,
    bans: BTreeMap<PeerId, BanEntry>,
    remembered: BTreeMap<PeerId, Fading>,
}

impl Peers {
    /// Takes a peer in; false when it is banned, or there is no room.
    pub(crate) fn connect(&mut self, id: PeerId, address: Multiaddr, outbound: bool, now: Duration) -> bool {
        if self.bans.contains_key(&id) || self.connected.len() >= MAX_PEERS {
            return false;
        }
        let peer = Peer {
            address,
            outbound,
            slot: if outbound { Slot::Full } else { Slot::Inbound },
            agent: None,
            latency: None,
            reasons: VecDeque::new(),
            faults: self.remembered.remove(&id).unwrap_or(Fading::NONE),
            merit: Fading::NONE,
            since: now,
            status: None,
            height: 0,
        };
        self.connected.insert(id, peer);
        true
    }

    /// Lets a peer go; its faults stay.
    pub(crate) fn disconnect(&mut self, id: &PeerId, now: Duration) {
        let Some(peer) = self.connected.remove(id) else { return };
        if peer.faults.now(now) > FORGOTTEN {
            return;
        }
        self.remember(*id, peer.faults, now);
    }

    fn remember(&mut self, id: PeerId, faults: Fading, now: Duration) {
        self.remembered.insert(id, faults);
        if self.remembered.len() > MAX_REMEMBERED {
            let mildest = self.remembered.iter().max_by(|a, b| a.1.now(now).total_cmp(&b.1.now(now)));
            let mildest = mildest.map(|(id, _)| *id);
            mildest.and_then(|id| self.remembered.remove(&id));
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

    /// All peers, those we think best of first.
    pub(crate) fn ranked(&self, now: Duration) -> Vec<PeerId> {
        let mut ranked: Vec<(f64, PeerId)> = self.iter().map(|(id, peer)| (peer.score(now), *id)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.into_iter().map(|(_, id)| id).collect()
    }

    pub(crate) fn set_manual(&mut self, id: &PeerId) {
        self.change(id, |peer| peer.slot = Slot::Manual);
    }

    pub(crate) fn set_agent(&mut self, id: &PeerId, agent: String) {
        self.change(id, |peer| peer.agent = Some(agent));
    }

    pub(crate) fn set_latency(&mut self, id: &PeerId, latency: Duration) {
        self.change(id, |peer| peer.latency = Some(latency));
    }

    pub(crate) fn set_status(&mut self, id: &PeerId, status: Status) {
        self.change(id, |peer| {
            peer.height = status.height;
            peer.status = Some(status);
        });
    }

    /// The peer has shown a header of this height.
    pub(crate) fn raise_height(&mut self, id: &PeerId, height: u32) {
        self.change(id, |peer| peer.height = peer.height.max(height));
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

    /// Writes a penalty down and says what follows; a ban is in force when this returns.
    pub(crate) fn penalise(
        &mut self,
        id: &PeerId,
        penalty: Penalty,
        reason: &str,
        now: Duration,
    ) -> Sentence {
        let faults = match self.connected.get_mut(id) {
            Some(peer) => peer.penalise(penalty, reason, now),
            None if penalty <= Penalty::Rank => return Sentence::Nothing,
            // Gone already; what it left behind still counts.
            None => {
                let mut faults = self.remembered.get(id).copied().unwrap_or(Fading::NONE);
                let points = faults.add(penalty.points(), now);
                self.remember(*id, faults, now);
                points
            }
        };
        if penalty <= Penalty::Rank {
            Sentence::Nothing
        } else if faults <= BAN_AT {
            Sentence::Ban { over: self.ban(*id, BAN, reason, now) }
        } else if faults <= DISCONNECT_AT {
            Sentence::Disconnect
        } else {
            Sentence::Nothing
        }
    }

    /// Bans a peer for a time from now; the peer whose ban has to make room, if any.
    pub(crate) fn ban(&mut self, id: PeerId, time: Duration, reason: &str, now: Duration) -> Option<PeerId> {
        let reason = reason.chars().take(MAX_REASON_CHARS).collect();
        self.bans.insert(id, BanEntry { until: now.saturating_add(time), reason });
        let over = self.bans.len() > MAX_BANS;
        let first = self.bans.iter().min_by_key(|(_, ban)| ban.until).map(|(id, _)| *id).filter(|_| over)?;
        self.bans.remove(&first);
        Some(first)
    }

    /// Takes a ban back, with the faults that led to it.
    pub(crate) fn unban(&mut self, id: &PeerId) -> bool {
        self.remembered.remove(id);
        self.bans.remove(id).is_some()
    }

    pub(crate) fn is_banned(&self, id: &PeerId) -> bool {
        self.bans.contains_key(id)
    }

    /// Ends the bans whose time is over.
    pub(crate) fn expire_bans(&mut self, now: Duration) -> Vec<PeerId> {
        let over: Vec<PeerId> =
            self.bans.iter().filter(|(_, ban)| ban.until <= now).map(|(id, _)| *id).collect();
        over.iter().for_each(|id| {
            self.unban(id);
        });
        over
    }

    pub(crate) fn snapshot(&self, now: Duration) -> Vec<PeerInfo> {
        let info = |(id, peer): (&PeerId, &Peer)| PeerInfo {
            peer_id: *id,
            address: peer.address.clone(),
            outbound: peer.outbound,
            slot: peer.slot,
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

    pub(crate) fn bans(&self, now: Duration) -> Vec<BanInfo> {
        let info = |(id, ban): (&PeerId, &BanEntry)| BanInfo {
            peer_id: *id,
            remaining: ban.until.saturating_sub(now),
            reason: ban.reason.clone(),
        };
        self.bans.iter().map(info).collect()
    }
}

impl Peer {
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
