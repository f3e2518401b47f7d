//! Who hands announcements in short to whom: each node asks its nearest peers for them (BIP 152's
//! high-bandwidth mode), so that nobody is left out for being far from all others, and for as many copies
//! as it needs.

use super::push_bounded;
use crate::protocol::{Hub, Miss};
use crate::wire::{Announcement, Compact, Question};
use libp2p::PeerId;
use starling_primitives::BlockId;
use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Copies of a block in short that are enough.
const ENOUGH: usize = 3;
/// Peers that are asked for them at first.
const FIRST: usize = 5;
/// And later: the more of them keep blocks to themselves, the more are asked.
const ASKED: RangeInclusive<usize> = 3..=8;
/// Peers that a block of our own is handed to at the least: else nobody hears of it before gossip where we
/// are nobody's nearest.
const OWN: usize = 5;
/// Where the line is limited, bytes a second of it for each peer that announcements are handed to.
const LINE_OF_EACH: u64 = 64 << 10;
/// But so many at the least.
const FEWEST: usize = 2;
/// How often the choice is made again.
const CHOOSE_EVERY: Duration = Duration::from_secs(2);
/// How long after we have heard of a block its copies are counted.
const PATIENCE: Duration = Duration::from_secs(2);
/// Blocks whose copies are counted.
const MAX_HEARD: usize = 8;
/// Copies that are remembered.
const MAX_COPIES: usize = 512;

/// Who asked whom.
#[derive(Debug)]
pub(crate) struct Hands {
    /// Peers that announcements are handed to at the most.
    most: usize,
    asked: BTreeSet<PeerId>,
    /// So many are to be asked.
    wanted: usize,
    asking: BTreeSet<PeerId>,
    /// Who handed us what.
    copies: VecDeque<(BlockId, PeerId)>,
    /// Blocks that we heard of, and when their copies are counted.
    heard: VecDeque<(BlockId, Duration)>,
    choose_at: Duration,
}

impl Hands {
    /// Nobody has asked yet; on a line with this limit, in bytes a second, few get what they ask for.
    pub(crate) fn new(upload_limit: Option<u64>) -> Self {
        let of_line = |limit| usize::try_from(limit / LINE_OF_EACH).unwrap_or(usize::MAX).max(FEWEST);
        Self {
            most: upload_limit.map_or(usize::MAX, of_line),
            asked: BTreeSet::new(),
            wanted: FIRST,
            asking: BTreeSet::new(),
            copies: VecDeque::new(),
            heard: VecDeque::new(),
            choose_at: Duration::ZERO,
        }
    }

    /// A peer asks for announcements in short, or for no more of them.
    pub(crate) fn asked_by(&mut self, peer: PeerId, wants: bool) {
        if wants {
            self.asking.insert(peer);
        } else {
            self.asking.remove(&peer);
        }
    }

    /// A peer was told what we want of it, or was not.
    pub(crate) fn answered(&mut self, peer: &PeerId, result: Result<(), Miss>) {
        if result == Err(Miss::RateLimited) {
            // Whoever does not speak it brings no copies, and is not asked again.
            self.asked.remove(peer);
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.asking.remove(peer);
        if self.asked.remove(peer) {
            self.choose_at = Duration::ZERO;
        }
    }

    /// A peer handed us a block.
    pub(crate) fn told(&mut self, id: BlockId, peer: PeerId) {
        if !self.copies.contains(&(id, peer)) {
            push_bounded(&mut self.copies, (id, peer), MAX_COPIES);
        }
    }

    /// Hands on a block that was announced to us, but not to those that `told` us.
    pub(crate) fn pass_on(&mut self, announcement: &Announcement, told: &[PeerId], hub: &mut Hub) {
        let Some(compact) = Compact::of(announcement) else { return };
        let id = announcement.header.id();
        if self.heard.iter().all(|(other, _)| *other != id) {
            push_bounded(&mut self.heard, (id, hub.now + PATIENCE), MAX_HEARD);
        }
        self.hand(compact, (told, 0), hub);
    }

    /// Hands out a tip that nobody announced to us; whether to anybody. If it is our `own`, the nearest get
    /// it unasked.
    pub(crate) fn announce(&mut self, announcement: &Announcement, own: bool, hub: &mut Hub) -> bool {
        let least = if own { OWN } else { 0 };
        Compact::of(announcement).is_some_and(|compact| self.hand(compact, (&[], least), hub))
    }

    /// Whoever asked gets it, and so do the nearest up to the `least` number; whether anybody does.
    fn hand(&self, compact: Compact, (told, least): (&[PeerId], usize), hub: &mut Hub) -> bool {
        let (own, others) = hub.peers.nearest(|_| false);
        let near = own.into_iter().chain(others).filter(|peer| !told.contains(peer));
        let (asking, rest): (Vec<PeerId>, Vec<PeerId>) = near.partition(|peer| self.asking.contains(peer));
        let question = Question::Compact(Box::new(compact));
        let mut handed = 0;
        for (peers, most) in [(asking, self.most), (rest, least.min(self.most))] {
            // Who cannot be asked now takes no place.
            let can = peers.iter().filter(|peer| hub.ask(peer, &question).is_some());
            handed += can.take(most.saturating_sub(handed)).count();
        }
        handed > 0
    }

    /// Counts copies, and chooses again.
    pub(crate) fn step(&mut self, hub: &mut Hub) {
        let is_due = |(_, due): &(BlockId, Duration)| *due <= hub.now;
        while let Some((id, _)) = self.heard.front().copied().filter(is_due) {
            self.heard.pop_front();
            let copies = self.copies.iter().filter(|(copy, from)| *copy == id && self.asked.contains(from));
            let wanted = match copies.count() {
                ..ENOUGH => self.wanted + 1,
                ENOUGH => self.wanted,
                _ => self.wanted - 1,
            };
            self.wanted = wanted.clamp(*ASKED.start(), *ASKED.end());
            self.choose_at = Duration::ZERO;
        }
        if hub.now >= self.choose_at {
            self.choose_at = hub.now + CHOOSE_EVERY;
            self.choose(hub);
        }
    }

    fn choose(&mut self, hub: &mut Hub) {
        let (own, others) = hub.peers.nearest(|peer| self.asked.contains(peer));
        let chosen: Vec<PeerId> = own.into_iter().chain(others).take(self.wanted).collect();
        self.asked
            .retain(|peer| chosen.contains(peer) || hub.ask(peer, &Question::SendCompact(false)).is_none());
        for peer in chosen {
            if !self.asked.contains(&peer) && hub.ask(&peer, &Question::SendCompact(true)).is_some() {
                self.asked.insert(peer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
