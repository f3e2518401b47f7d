//! What we have to say ourselves, no faster than others listen: beyond their budgets it would be ignored.
//! Transactions are gossiped one by one while they are few and small, and else offered by their ids.

use super::{Hands, Offers, push_bounded};
use crate::driver::{MessageRef, NetCommand, RequestId, Topic, Verdict};
use crate::limits::{Bucket, Quota};
use crate::protocol::{ChainView, Hub, Miss};
use crate::wire::{Announcement, Question};
use libp2p::PeerId;
use starling_primitives::{BlockId, Transaction, Wtxid};
use std::collections::VecDeque;
use std::time::Duration;

/// Transactions that wait at the most; more are left to the exchange of pools.
const MAX_WAITING: usize = 16_384;
/// Our transactions by gossip: somewhat below what others take from one peer, for what we pass on counts too.
const TXS: Quota = Quota { each: Duration::from_micros(6_250), burst: 64 };
/// The same burst.
const BURST: usize = 64;
/// Bytes of a transaction that gossip carries: each node gets its copies from several others.
const MAX_GOSSIPED: usize = 1024;
/// Our announcements, likewise.
const BLOCKS: Quota = Quota { each: Duration::from_millis(300), burst: 8 };
/// A peer listens this long after it connected: gossip's subscriptions take a moment.
const SETTLED: Duration = Duration::from_secs(2);
/// Peers outside the mesh that a block of ours is pushed to.
const PUSHED: usize = 3;
/// What copies in full leave to those in short, which would wait behind them on the line.
const HEAD_START: Duration = Duration::from_millis(50);
/// How long gossip takes to reach everybody.
const GOSSIP_WITHIN: Duration = Duration::from_secs(3);
/// What a block that gossip has brought waits, where it was known before: others say meanwhile that they have
/// it, and are not sent it.
const PASSED_ON_AFTER: Duration = Duration::from_millis(300);
/// Blocks that wait for gossip at the most.
const MAX_AHEAD: usize = 16;
/// Blocks known to be on their way already.
const MAX_ANNOUNCED: usize = 64;

/// A block that gossip hears of later.
#[derive(Debug)]
struct Ahead {
    at: Duration,
    announcement: Announcement,
    own: bool,
    /// As gossip has brought it meanwhile: it waits for its verdict.
    message: Option<MessageRef>,
}

impl Ahead {
    /// What gossip has brought is passed on by its verdict; what it has carried otherwise it leaves out.
    fn send(self, hub: &mut Hub) {
        if self.message.is_some() {
            return hub.verdict(self.message, Verdict::Accept);
        }
        let data = self.announcement.encode();
        hub.command(NetCommand::Publish { topic: Topic::Block, data: data.clone() });
        let others = if self.own { hub.peers.outside_mesh() } else { Vec::new() };
        let push = Question::Push { topic: Topic::Block, data };
        // Who cannot be asked now takes no place.
        others.iter().filter(|peer| hub.ask(peer, &push).is_some()).take(PUSHED).for_each(drop);
    }
}

/// What waits to be said, and to whom it is best said.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Transactions, with who gave them to us.
    txs: VecDeque<(Wtxid, Option<PeerId>)>,
    offers: Offers,
    /// There is more to say than gossip takes, until it could take a whole burst again.
    busy: bool,
    /// The last that gossip took, a burst at the most.
    gossiped: VecDeque<(Wtxid, Option<PeerId>)>,
    /// The newest tip, and whether it is our own; an older one is of no use.
    tip: Option<(Announcement, bool)>,
    tx_budget: Bucket,
    block_budget: Bucket,
    /// Blocks that are on their way through the network.
    announced: VecDeque<BlockId>,
    /// Blocks that went ahead of gossip in short.
    ahead: VecDeque<Ahead>,
}

impl Outbox {
    /// Tells others of a transaction of our pool, but for the peer that gave it to us.
    pub(crate) fn tell(&mut self, id: Wtxid, from: Option<PeerId>) {
        if self.txs.len() < MAX_WAITING {
            self.txs.push_back((id, from));
        }
    }

    /// Whether gossip may pass on what it brought; else it is offered by its id. Beyond what others take of
    /// one peer, they would drop it.
    pub(crate) fn passes(&mut self, tx: &Transaction, from: PeerId, now: Duration) -> bool {
        let passes = tx.size() <= MAX_GOSSIPED && !self.is_busy(now);
        if !passes {
            self.offers.push(tx.wtxid(), Some(from));
        }
        passes
    }

    /// Takes one transaction off the budget of gossip; whether there is more to say than it holds.
    fn is_busy(&mut self, now: Duration) -> bool {
        let quiet = self.tx_budget.is_whole(TXS, now);
        let over = self.tx_budget.take(TXS, 1, now).is_err();
        self.busy = over || (self.busy && !quiet);
        if self.busy {
            // Gossip may be slower: nobody is to get a sender's transactions before those they build on.
            self.gossiped.drain(..).for_each(|(id, from)| self.offers.push(id, from));
        }
        self.busy
    }

    /// Offers transactions to each peer by their ids, and leaves gossip out.
    pub(crate) fn offer(&mut self, ids: &[Wtxid]) {
        ids.iter().for_each(|id| self.offers.push(*id, None));
    }

    /// An offer was answered, or not.
    pub(crate) fn answered(&mut self, id: RequestId, result: Result<(), Miss>) {
        self.offers.answered(id, result);
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.offers.gone(peer);
    }

    /// Tells others of our tip, unless it came to us as an announcement.
    pub(crate) fn tip(&mut self, announcement: Announcement, own: bool) {
        if !self.is_announced(&announcement.header.id()) {
            self.tip = Some((announcement, own));
        }
    }

    /// A block was announced to us.
    pub(crate) fn heard(&mut self, id: BlockId) {
        push_bounded(&mut self.announced, id, MAX_ANNOUNCED);
    }

    /// A block was announced to us ahead of gossip, which has its time to bring it.
    pub(crate) fn heard_ahead(&mut self, announcement: Announcement, hub: &mut Hub) {
        let at = hub.now + GOSSIP_WITHIN;
        self.wait(Ahead { at, announcement, own: false, message: None }, hub);
    }

    /// The first of too many does not wait.
    fn wait(&mut self, block: Ahead, hub: &mut Hub) {
        if self.ahead.len() >= MAX_AHEAD {
            self.ahead.pop_front().into_iter().for_each(|first| first.send(hub));
        }
        self.ahead.push_back(block);
    }

    /// Gossip brings a block that is on its way already.
    pub(crate) fn came_again(&mut self, id: &BlockId, message: Option<MessageRef>, hub: &mut Hub) {
        let is_ahead = |block: &&mut Ahead| !block.own && block.announcement.header.id() == *id;
        match self.ahead.iter_mut().find(is_ahead).filter(|block| block.message.is_none()) {
            Some(block) => {
                hub.verdict(message.clone(), Verdict::Later);
                (block.at, block.message) = (hub.now + PASSED_ON_AFTER, message);
            }
            None => hub.verdict(message, Verdict::Accept),
        }
    }

    /// Whether the block is on its way through the network.
    pub(crate) fn is_announced(&self, id: &BlockId) -> bool {
        self.announced.contains(id)
    }

    /// Sends what the budgets allow.
    pub(crate) fn step(&mut self, (hub, hands): (&mut Hub, &mut Hands), view: &dyn ChainView) {
        self.send_ahead(hub);
        self.send_tip((hub, hands), view);
        self.send_txs(hub, view);
        self.offers.step(hub);
    }

    fn send_txs(&mut self, hub: &mut Hub, view: &dyn ChainView) {
        if hub.peers.is_empty() {
            // Whoever connects asks for our pool.
            self.txs.clear();
        }
        if !hub.peers.relaying().any(|(_, peer)| hub.now >= peer.since + SETTLED) {
            return;
        }
        while let Some((id, from)) = self.txs.pop_front() {
            // It may have left the pool meanwhile.
            let Some(tx) = view.pool_tx(&id) else { continue };
            if tx.size() > MAX_GOSSIPED || self.is_busy(hub.now) {
                self.offers.push(id, from);
            } else {
                push_bounded(&mut self.gossiped, (id, from), BURST);
                hub.command(NetCommand::Publish { topic: Topic::Tx, data: tx.bytes().to_vec() });
            }
        }
    }

    fn send_ahead(&mut self, hub: &mut Hub) {
        let is_due = |block: &Ahead| block.at <= hub.now;
        let (due, later) = std::mem::take(&mut self.ahead).into_iter().partition(is_due);
        self.ahead = later;
        due.into_iter().for_each(|block: Ahead| block.send(hub));
    }

    fn send_tip(&mut self, (hub, hands): (&mut Hub, &mut Hands), view: &dyn ChainView) {
        let Some((announcement, own)) = &self.tip else { return };
        if !own && !view.synced() {
            self.tip = None;
            return;
        }
        if self.block_budget.take(BLOCKS, 1, hub.now).is_err() {
            return;
        }
        push_bounded(&mut self.announced, announcement.header.id(), MAX_ANNOUNCED);
        let is_ahead = hands.announce(announcement, *own, hub);
        let at = if is_ahead { hub.now + HEAD_START } else { hub.now };
        if let Some((announcement, own)) = self.tip.take() {
            self.wait(Ahead { at, announcement, own, message: None }, hub);
        }
        self.send_ahead(hub);
    }
}

#[cfg(test)]
mod tests;
