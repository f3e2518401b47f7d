//! One's own transactions on their first hop: after a random delay, through one peer of our choice.
//!
//! Whoever listens to many nodes at once and sees which of them tells of a transaction first learns whose it
//! is. So a transaction that was submitted here is handed to one outbound peer, who tells everybody as if it
//! had been submitted there; we tell of it ourselves only when nobody does. Until then it is left out of
//! what we tell of our pool.

use super::Outbox;
use crate::driver::{Protocol, Topic};
use crate::limits::{Bucket, Quota};
use crate::protocol::{ChainView, Hub};
use crate::wire::Question;
use libp2p::PeerId;
use starling_primitives::Wtxid;
use std::collections::VecDeque;
use std::time::Duration;

/// Transactions on their first hop at a time. Whoever submits more, or as many in a few seconds, has no need
/// to hide, and none to wait, until there were none for as long: a peer takes two in a round trip.
const MAX_STEMS: usize = 8;
const FEW: Quota = Quota { each: Duration::from_millis(500), burst: 8 };
/// Bounds of the delay before the first hop, about two seconds in the middle.
const LEAST_DELAY: Duration = Duration::from_millis(500);
const DELAY_RANGE_MS: u64 = 3_000;
/// How long the peer has to tell others, at least, and at most this much more.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_RANGE_MS: u64 = 5_000;
/// How long the peer may have other things to do.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// How long the same peer is used: nobody is to learn our peers by many transactions.
const SAME_PEER_FOR: Duration = Duration::from_secs(600);

/// What is on its first hop.
#[derive(Debug, Default)]
pub(crate) struct Stems {
    /// In the order in which they were submitted, with the moment they leave.
    waiting: VecDeque<(Wtxid, Duration)>,
    /// In the order in which they left: through whom, and the moment at which we tell of them ourselves.
    sent: VecDeque<(Wtxid, PeerId, Duration)>,
    /// Through whom, and until when.
    through: Option<(PeerId, Duration)>,
    budget: Bucket,
    /// There are many of late: they leave one by one as they come, for many at once keep others waiting.
    many: bool,
}

impl Stems {
    /// A transaction was submitted here.
    pub(crate) fn submit(&mut self, id: Wtxid, hub: &mut Hub, outbox: &mut Outbox) {
        let rested = self.budget.is_whole(FEW, hub.now);
        let over =
            self.budget.take(FEW, 1, hub.now).is_err() || self.waiting.len() + self.sent.len() >= MAX_STEMS;
        self.many = over || (self.many && !rested);
        if self.many {
            self.tell_sent(outbox);
            self.waiting.drain(..).for_each(|(id, _)| outbox.tell(id, None));
            return outbox.tell(id, None);
        }
        let delay = LEAST_DELAY + Duration::from_millis(hub.dice.below(DELAY_RANGE_MS));
        let last = self.waiting.back().map_or(Duration::ZERO, |(_, due)| *due);
        self.waiting.push_back((id, last.max(hub.now + delay)));
    }

    /// Whether others are not to hear of it from us yet.
    pub(crate) fn hides(&self, id: &Wtxid) -> bool {
        self.sent.iter().any(|(sent, ..)| sent == id) || self.waiting.iter().any(|(waiting, _)| waiting == id)
    }

    /// Somebody told of it: it is on its way, unless only the one it went through says so.
    pub(crate) fn heard(&mut self, id: &Wtxid, from: &PeerId) {
        self.sent.retain(|(sent, through, _)| sent != id || through == from);
    }

    /// Sends what is due, and tells of what nobody else told of.
    pub(crate) fn step(&mut self, hub: &mut Hub, view: &dyn ChainView, outbox: &mut Outbox) {
        while let Some((id, due)) = self.waiting.front().filter(|(_, due)| *due <= hub.now).copied() {
            let through = self.peer(hub);
            let busy = through.is_some_and(|peer| !hub.can_ask(&peer, Protocol::Push, 1));
            if busy && hub.now < due + BUSY_FOR {
                break;
            }
            self.waiting.pop_front();
            // It may have left the pool meanwhile.
            let Some(tx) = view.pool_tx(&id) else { continue };
            let push = Question::Push { topic: Topic::Tx, data: tx.bytes().to_vec() };
            let Some(through) = through.filter(|peer| hub.ask(peer, &push).is_some()) else {
                self.tell_sent(outbox);
                outbox.tell(id, None);
                continue;
            };
            let patience = PATIENCE + Duration::from_millis(hub.dice.below(PATIENCE_RANGE_MS));
            let last = self.sent.back().map_or(Duration::ZERO, |(.., until)| *until);
            self.sent.push_back((id, through, last.max(hub.now + patience)));
        }
        self.sent.retain(|(id, _, until)| {
            let waits = *until > hub.now;
            if !waits {
                outbox.tell(*id, None);
            }
            waits
        });
    }

    /// Others are to get a sender's transactions in their order: few of them may wait behind a gap.
    fn tell_sent(&mut self, outbox: &mut Outbox) {
        self.sent.drain(..).for_each(|(id, ..)| outbox.tell(id, None));
    }

    /// Through whom: one that we chose, for no stranger chooses to be it.
    fn peer(&mut self, hub: &mut Hub) -> Option<PeerId> {
        let fits = |(_, peer): &(&PeerId, &crate::peers::Peer)| peer.outbound && peer.status.is_some();
        let fit: Vec<PeerId> = hub.peers.relaying().filter(fits).map(|(id, _)| *id).collect();
        let same = self.through.filter(|(peer, until)| hub.now < *until && fit.contains(peer));
        if same.is_none() {
            self.through = hub.pick(&fit).map(|peer| (*peer, hub.now + SAME_PEER_FOR));
        }
        self.through.map(|(peer, _)| peer)
    }
}

#[cfg(test)]
mod tests;
