//! Whom we dial, and as what (network design: Peers).
//!
//! Whoever tells of addresses only feeds the book; here it is decided which of them are dialled. A node that
//! somebody wants to cut off from the network must be kept from all of its slots: most are filled from the
//! book at random, each from another network, two carry blocks alone and are remembered for the next start,
//! and feelers find out which addresses are worth keeping.

use super::Peers;
use super::deliveries::SILENT_FOR;
use crate::addresses::{Book, Choice, Group, Kind, Record};
use crate::protocol::Dice;
use libp2p::{Multiaddr, PeerId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Peers of our choice that everything is exchanged with.
pub(super) const FULL: usize = 8;
/// Peers of our choice that only carry blocks: nobody can tell from transactions or addresses that we are
/// linked.
const BLOCK_ONLY: usize = 2;
/// Further ones while the tip is stale; one of them only while peers claim more work.
const EXTRA: usize = 2;
/// Pause between two dials while slots are free.
const DIAL_PAUSE: Duration = Duration::from_millis(250);
/// Pause before the book is looked through again when there was nobody to dial.
const NOBODY_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two feelers: at least this, at most three times as long.
const FEELER_PAUSE: Duration = Duration::from_secs(60);
/// A dial without any outcome is forgotten after this; the driver has its own, shorter patience.
const DIAL_WITHIN: Duration = Duration::from_secs(90);
/// How long a feeler may take to say where it stands.
const FEELER_WITHIN: Duration = Duration::from_secs(20);
/// How long an extra peer has to bring news before another takes its place.
const EXTRA_FOR: Duration = Duration::from_secs(300);
/// How long a peer of our choice may go without a status: it is asked every ten seconds.
const STATUS_WITHIN: Duration = Duration::from_secs(180);
/// How long a peer of our choice may have less work than we.
const BEHIND_FOR: Duration = Duration::from_secs(20 * 60);

/// Why a peer holds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// We chose it, and exchange everything with it.
    Full,
    /// We chose it, for blocks alone.
    BlockOnly,
    /// We look whether it is there.
    Feeler,
    /// We chose it because no block has come for long.
    Extra,
    /// It came to us.
    Inbound,
    /// It came to us, and is far behind.
    Newcomer,
    /// Someone asked for it by hand: whatever it does, it stays.
    Manual,
}

impl Slot {
    /// The name in `net_peers`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::BlockOnly => "block-only",
            Self::Feeler => "feeler",
            Self::Extra => "extra",
            Self::Inbound => "inbound",
            Self::Newcomer => "newcomer",
            Self::Manual => "manual",
        }
    }

    /// Whether neither transactions nor addresses are exchanged.
    pub(crate) const fn is_quiet(self) -> bool {
        matches!(self, Self::BlockOnly | Self::Feeler)
    }

    /// Whether it came to us.
    pub(crate) const fn is_inbound(self) -> bool {
        matches!(self, Self::Inbound | Self::Newcomer)
    }
}

/// What a choice depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) now: Duration,
    /// Unix seconds.
    pub(crate) unix: u64,
    /// Ourselves, whom others may tell us of.
    pub(crate) local: Option<PeerId>,
    /// Whether networks matter: not where all nodes may be in one house.
    pub(crate) public: bool,
    /// No block has come for long.
    pub(crate) stale: bool,
    /// Some peer claims more work than we have.
    pub(crate) claims: bool,
}

/// A peer to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) peer: PeerId,
    pub(crate) addresses: Vec<Multiaddr>,
    pub(crate) slot: Slot,
}

/// What is looked at to choose whom to dial.
pub(crate) struct Scene<'a> {
    pub(crate) peers: &'a Peers,
    pub(crate) book: &'a Book,
    pub(crate) dice: &'a mut Dice,
    pub(crate) at: &'a Situation,
}

impl Scene<'_> {
    /// A peer of the book that is not to be skipped.
    fn pick(&mut self, kind: Kind, skip: &dyn Fn(&Record) -> bool) -> Option<Choice> {
        self.book.pick(kind, self.at.unix, &mut |n| self.dice.below(n), skip)
    }
}

#[derive(Debug)]
struct Pending {
    slot: Slot,
    group: Group,
    since: Duration,
}

/// The slots of those we dial.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Peers being dialled.
    pending: BTreeMap<PeerId, Pending>,
    /// Block-only peers of the last run, dialled first.
    anchors: Vec<PeerId>,
    next_dial: Duration,
    next_feeler: Duration,
}

impl Slots {
    /// Dial these first, for blocks alone.
    pub(crate) fn remember(&mut self, anchors: Vec<PeerId>) {
        self.anchors = anchors;
        self.anchors.truncate(BLOCK_ONLY);
    }

    /// A dial has ended in a connection: in which slot, if it was one of ours.
    pub(crate) fn connected(&mut self, peer: &PeerId) -> Option<Slot> {
        self.pending.remove(peer).map(|pending| pending.slot)
    }

    /// A dial has come to nothing; whether it was one of ours.
    pub(crate) fn failed(&mut self, peer: &PeerId) -> bool {
        self.pending.remove(peer).is_some()
    }

    /// Places of this kind that nobody holds or is being dialled for.
    fn free(&self, peers: &Peers, slot: Slot, most: usize) -> usize {
        let pending = self.pending.values().filter(|pending| pending.slot == slot).count();
        most.saturating_sub(peers.count(slot) + pending)
    }

    /// Places for peers with which everything is exchanged.
    pub(crate) fn wants_peers(&self, peers: &Peers) -> bool {
        self.free(peers, Slot::Full, FULL) > 0
    }

    /// The next peer to dial, if it is time for one.
    pub(crate) fn choose(&mut self, mut scene: Scene<'_>) -> Option<Chosen> {
        let at = scene.at;
        self.pending.retain(|_, pending| at.now.saturating_sub(pending.since) < DIAL_WITHIN);
        if at.now < self.next_dial {
            return None;
        }
        let chosen = self.for_slots(&mut scene).or_else(|| self.feeler(&mut scene));
        self.next_dial = at.now + if chosen.is_some() { DIAL_PAUSE } else { NOBODY_PAUSE };
        let (slot, Choice { peer, addresses, group }) = chosen?;
        self.pending.insert(peer, Pending { slot, group, since: at.now });
        Some(Chosen { peer, addresses, slot })
    }

    fn for_slots(&mut self, scene: &mut Scene<'_>) -> Option<(Slot, Choice)> {
        let (peers, at) = (scene.peers, scene.at);
        let block_only = self.free(peers, Slot::BlockOnly, BLOCK_ONLY) > 0;
        while let Some(peer) = self.anchors.pop().filter(|_| block_only) {
            let known = scene.book.get(&peer).filter(|entry| !entry.record().is_relayed()).map(Choice::of);
            if let Some(choice) = known.filter(|known| self.may_dial(peers, at, peer, &known.group)) {
                return Some((Slot::BlockOnly, choice));
            }
        }
        let extra = usize::from(at.stale) * (EXTRA - usize::from(!at.claims));
        let slot = if self.free(peers, Slot::Full, FULL) > 0 {
            Slot::Full
        } else if block_only {
            Slot::BlockOnly
        } else if self.free(peers, Slot::Extra, extra) > 0 {
            Slot::Extra
        } else {
            return None;
        };
        // The relay would know of a link that is to be known to nobody.
        let secret = slot.is_quiet();
        let skip = |record: &Record| {
            !self.may_dial(peers, at, record.peer(), &record.group()) || (secret && record.is_relayed())
        };
        Some((slot, scene.pick(Kind::Any, &skip)?))
    }

    fn feeler(&mut self, scene: &mut Scene<'_>) -> Option<(Slot, Choice)> {
        let (peers, at) = (scene.peers, scene.at);
        if at.now < self.next_feeler || self.free(peers, Slot::Feeler, 1) == 0 {
            return None;
        }
        let pause = u64::try_from(FEELER_PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.next_feeler = at.now + FEELER_PAUSE + Duration::from_millis(scene.dice.below(2 * pause));
        // Somebody's place is claimed by another: look whether it is still there.
        let tested = scene.book.collision(&mut |n| scene.dice.below(n));
        let book = scene.book;
        let is_direct = |it: &Choice| book.get(&it.peer).is_some_and(|entry| !entry.record().is_relayed());
        let tested = tested.filter(|it| self.is_free(peers, at, it.peer) && is_direct(it));
        let skip = |record: &Record| !self.is_free(peers, at, record.peer()) || record.is_relayed();
        let found = tested.or_else(|| scene.pick(Kind::New, &skip));
        found.map(|choice| (Slot::Feeler, choice))
    }

    /// Whether this peer is neither here, nor on its way, nor unwanted.
    fn is_free(&self, peers: &Peers, at: &Situation, peer: PeerId) -> bool {
        Some(peer) != at.local
            && !peers.contains(&peer)
            && !self.pending.contains_key(&peer)
            && !peers.memory().is_banned(&peer)
    }

    /// The same, and no other peer of our choice is of its network.
    fn may_dial(&self, peers: &Peers, at: &Situation, peer: PeerId, group: &Group) -> bool {
        let chosen = |slot: Slot| !slot.is_inbound() && slot != Slot::Feeler;
        let among_peers = || peers.iter().any(|(_, peer)| chosen(peer.slot) && peer.group == *group);
        let among_pending = || self.pending.values().any(|peer| chosen(peer.slot) && peer.group == *group);
        self.is_free(peers, at, peer) && !(at.public && (among_peers() || among_pending()))
    }

    /// Peers of our choice whose time is over, and why.
    pub(crate) fn over(&self, peers: &Peers, at: &Situation) -> Vec<(PeerId, &'static str)> {
        let link_is_down = peers.link_is_down(at.now);
        let silent_for = |peer: &super::Peer| {
            let since = if link_is_down { at.now } else { peer.status_at };
            at.now.saturating_sub(since)
        };
        let why = |peer: &super::Peer| {
            let here_for = at.now.saturating_sub(peer.since);
            let behind_for = peer.behind_since.map_or(Duration::ZERO, |since| at.now.saturating_sub(since));
            match peer.slot {
                Slot::Feeler if peer.status.is_some() => Some("a feeler has seen it"),
                Slot::Feeler if here_for > FEELER_WITHIN => Some("a feeler heard nothing"),
                Slot::Extra if !at.stale => Some("blocks come again"),
                Slot::Extra if here_for > EXTRA_FOR && peer.last_block.is_none() => Some("brought no block"),
                Slot::Full | Slot::BlockOnly | Slot::Extra if silent_for(peer) > STATUS_WITHIN => {
                    Some("does not say where it stands")
                }
                // Where there is nobody else, even such a peer is one.
                Slot::Full | Slot::BlockOnly if self.wants_peers(peers) => None,
                Slot::Full | Slot::BlockOnly if behind_for > BEHIND_FOR => Some("stays behind"),
                Slot::Full if Peers::silent_for(peer, at.now) > SILENT_FOR => Some("brings nothing"),
                _ => None,
            }
        };
        peers.iter().filter_map(|(id, peer)| why(peer).map(|why| (*id, why))).collect()
    }
}

#[cfg(test)]
mod tests;
