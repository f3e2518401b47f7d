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
/// And later: the more of them keep blocks to themselves, the more are asked, then those of our own choice.
const ASKED: RangeInclusive<usize> = 3..=8;
/// Peers of our own choice that are asked in any case.
const OWN_NEAREST: usize = 2;
/// Peers that announcements are handed to at the most: several times as many as a node asks.
const MOST: usize = 24;
/// The nearest get a block of our own in any case: else only strangers may hear of it before gossip does.
const OWN_BLOCK: usize = 5;
/// Where the line is limited, bytes a second of it for each peer that announcements are handed to.
const LINE_OF_EACH: u64 = 64 << 10;
/// But so many at the least.
const FEWEST: usize = 2;
/// How often the choice is made again.
const CHOOSE_EVERY: Duration = Duration::from_secs(2);
/// How long after we have heard of a block its copies are counted.
const PATIENCE: Duration = Duration::from_secs(1);
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
            most: upload_limit.map_or(MOST, of_line).min(MOST),
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

    /// A peer handed us a block. One that was not asked may not know that: it is told again.
    pub(crate) fn told(&mut self, id: BlockId, peer: PeerId, hub: &mut Hub) {
        if !self.asked.contains(&peer) {
            hub.ask(&peer, &Question::SendCompact(false));
        } else if !self.copies.contains(&(id, peer)) {
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
        let least = if own { OWN_BLOCK } else { 0 };
        Compact::of(announcement).is_some_and(|compact| self.hand(compact, (&[], least), hub))
    }

    /// Whoever asked gets it, and so do so many of the nearest at the `least`; whether anybody does.
    fn hand(&self, compact: Compact, (told, least): (&[PeerId], usize), hub: &mut Hub) -> bool {
        let near = hub.peers.nearest(OWN_NEAREST, |_| false);
        let lacking = near.iter().filter(|peer| !told.contains(peer)).enumerate();
        let chosen = lacking.filter(|(place, peer)| *place < least || self.asking.contains(peer));
        let question = Question::Compact(Box::new(compact));
        // Who cannot be asked now takes no place.
        let handed = chosen.filter(|(_, peer)| hub.ask(peer, &question).is_some());
        handed.take(self.most).count() > 0
    }

    /// Counts copies, and chooses again. Whoever was asked and handed us nothing may not know: it is asked
    /// again.
    pub(crate) fn step(&mut self, hub: &mut Hub) {
        let now = hub.now;
        let is_due = |(_, due): &(BlockId, Duration)| *due <= now;
        while let Some((id, _)) = self.heard.front().copied().filter(is_due) {
            self.heard.pop_front();
            let (handed, mute): (Vec<PeerId>, Vec<PeerId>) =
                self.asked.iter().partition(|peer| self.copies.contains(&(id, **peer)));
            let wanted = match handed.len() {
                ..ENOUGH => self.wanted + 1,
                ENOUGH => self.wanted,
                _ => self.wanted - 1,
            };
            for peer in mute {
                hub.ask(&peer, &Question::SendCompact(true));
            }
            self.wanted = wanted.clamp(*ASKED.start(), *ASKED.end());
            self.choose_at = Duration::ZERO;
        }
        if hub.now >= self.choose_at {
            self.choose_at = hub.now + CHOOSE_EVERY;
            self.choose(hub);
        }
    }

    fn choose(&mut self, hub: &mut Hub) {
        let own = OWN_NEAREST + self.wanted.saturating_sub(FIRST);
        let mut chosen = hub.peers.nearest(own, |peer| self.asked.contains(peer));
        chosen.truncate(self.wanted);
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
