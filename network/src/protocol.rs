//! The facade over all machines: events of the driver and words of the core go in, commands and reports come
//! out.
//!
//! [`Network`] is owned by the node's single-threaded core. It has no socket, clock or randomness: time since
//! the start and a seed are passed in, and the same calls give the same outputs.

mod announced;
mod announcements;
mod budgets;
mod dice;
mod discovery;
mod events;
mod greetings;
mod household;
mod hub;
mod interface;
mod saved;

pub(crate) use dice::Dice;
pub(crate) use hub::{Hub, Miss};
pub use interface::{
    AnnounceOutcome, Body, BodyOutcome, ChainView, HeadersOutcome, Output, Report, TxOutcome, TxSource,
};
pub use saved::{MAX_PEERS_BYTES, SavedError};

use crate::driver::{NetCommand, NetEvent, ReplyToken, Verdict};
use crate::peers::{AddPeerError, BanInfo, Giver, PeerInfo, Penalty, peer_of};
use crate::relay::{Blocks, Compacts, Hands, Leftovers, Outbox, Pools, Pulls, Stems};
use crate::sync::{Bodies, Headers};
use crate::wire::{Announcement, Answer};
use announcements::Announcements;
use budgets::Budgets;
use discovery::Discovery;
use greetings::Greetings;
use libp2p::{Multiaddr, PeerId};
use starling_primitives::{BlockId, GenesisId, Transaction, Wtxid};
use std::sync::Arc;
use std::time::Duration;

/// What the machines need to know of the chain and of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The chain.
    pub genesis: GenesisId,
    /// Bytes of a body at the most.
    pub max_body_bytes: u32,
    /// For all that is left to chance; another for each node, and known to no other.
    pub seed: u64,
    /// Unix time at which the time that is passed in was zero, seconds.
    pub epoch: u64,
    /// Whether the chain is for everybody: then only public addresses are dialled and told of, and no two
    /// peers of our choice are of one network.
    pub public: bool,
    /// Who we are, where to begin, and what others may take.
    pub peers: PeerOptions,
}

/// Who we are, where we look for others at first, and what they may take of us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerOptions {
    /// Ourselves; none in a node without a network.
    pub local: Option<PeerId>,
    /// Nodes to begin with, with or without `/p2p/` and their peer id.
    pub bootstrap: Vec<Multiaddr>,
    /// Names whose DNS records have the addresses of nodes.
    pub seeds: Vec<String>,
    /// Nobody else is looked for, told of or believed in: only nodes named here and by hand are dialled.
    pub only_named: bool,
    /// Bytes a second that may be sent; as many as the line takes if none.
    pub upload_limit: Option<u64>,
}

/// How far the sync is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncProgress {
    /// The height claimed by the peer that headers come from or, while there is none, the greatest that any
    /// peer claims; none before the first status.
    pub claimed_height: Option<u32>,
    /// The peer that headers come from.
    pub headers_from: Option<PeerId>,
    /// The height of the last header that it sent.
    pub headers_at: Option<u32>,
    /// Bodies that are wanted within the window.
    pub bodies_missing: usize,
    /// Of those, bodies that were asked for; some of them more than once.
    pub bodies_asked: usize,
    /// The peer that holds up the rest.
    pub stalling: Option<PeerId>,
}

/// Everything this node knows of its peers and of what goes between them.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    hub: Hub,
    greetings: Greetings,
    discovery: Discovery,
    next_seen: Duration,
    budgets: Budgets,
    announcements: Announcements,
    headers: Headers,
    bodies: Bodies,
    blocks: Blocks,
    compacts: Compacts,
    hands: Hands,
    leftovers: Leftovers,
    pools: Pools,
    pulls: Pulls,
    stems: Stems,
    outbox: Outbox,
}

impl Network {
    /// Without any peer.
    #[must_use]
    pub fn new(config: NetworkConfig) -> Self {
        let mut hub = Hub::new(&config);
        for address in &config.peers.bootstrap {
            // More than fit are more than are needed.
            let _ = hub.dials.add(address.clone(), Giver::Bootstrap);
        }
        let hands = Hands::new(config.peers.upload_limit);
        Self {
            hub,
            greetings: Greetings::new(config.genesis),
            next_seen: Duration::ZERO,
            discovery: Discovery::new(config.peers.seeds.clone()),
            budgets: Budgets::new(config.peers.upload_limit),
            config,
            announcements: Announcements::default(),
            headers: Headers::default(),
            bodies: Bodies::new(),
            blocks: Blocks::default(),
            compacts: Compacts::default(),
            hands,
            leftovers: Leftovers::default(),
            pools: Pools::default(),
            pulls: Pulls::default(),
            stems: Stems::default(),
            outbox: Outbox::default(),
        }
    }

    /// An event of the driver.
    pub fn handle(&mut self, event: NetEvent, view: &dyn ChainView, now: Duration) -> Vec<Output> {
        self.at(now);
        self.on_event(event, view);
        self.finish(Some(view))
    }

    /// The time goes on: to be called about every 100 ms.
    pub fn tick(&mut self, view: &dyn ChainView, now: Duration) -> Vec<Output> {
        self.at(now);
        self.budgets.flush(&mut self.hub);
        for peer in self.hub.peers.memory_mut().expire(self.hub.now) {
            self.hub.command(NetCommand::Unban(peer));
        }
        self.keep_house(view);
        self.finish(Some(view))
    }

    /// The core's word on a [`Report::Transaction`].
    pub fn transaction_checked(
        &mut self,
        source: TxSource,
        tx: &Arc<Transaction>,
        outcome: TxOutcome,
        now: Duration,
    ) -> Vec<Output> {
        self.at(now);
        let (id, peer) = (tx.wtxid(), source.peer());
        let (is_kept, message) = match source {
            TxSource::Gossip { message, .. } => (false, Some(message)),
            TxSource::Direct { .. } => (false, None),
            TxSource::Kept { .. } => (true, None),
        };
        match outcome {
            TxOutcome::Accept => {
                let passes = message.is_some() && self.outbox.passes(tx, peer, self.hub.now);
                if is_kept {
                    // Gossip does not carry twice what it brought.
                    self.outbox.offer(&[id]);
                } else if message.is_none() {
                    self.outbox.tell(id, Some(peer));
                }
                self.hub.verdict(message, if passes { Verdict::Accept } else { Verdict::Ignore });
                self.hub.peers.told_tx(&peer, self.hub.now);
            }
            TxOutcome::Ignore => {
                self.leftovers.keep(Arc::clone(tx));
                self.hub.verdict(message, Verdict::Ignore);
            }
            TxOutcome::Reject(penalty) => {
                self.hub.verdict(message, Verdict::Reject);
                self.hub.penalise(&peer, penalty, "sent an invalid transaction");
            }
        }
        self.finish(None)
    }

    /// The core's word on the last [`Report::Headers`] of a peer.
    pub fn headers_checked(
        &mut self,
        peer: PeerId,
        outcome: HeadersOutcome,
        view: &dyn ChainView,
        now: Duration,
    ) -> Vec<Output> {
        self.at(now);
        self.headers.checked(peer, outcome, &mut self.hub);
        self.finish(Some(view))
    }

    /// The bodies that are missing on the way to the best header chain, with their heights, in order;
    /// replaces the former list. The first 1,024 are fetched; list fewer to bound the memory they take.
    /// Blocks without transactions, and bodies the core has, are to be left out. Those that are judged leave
    /// the list by themselves: it needs to be renewed when the best header chain changes, and before it runs
    /// short.
    pub fn want_bodies(
        &mut self,
        list: &[(BlockId, u32)],
        view: &dyn ChainView,
        now: Duration,
    ) -> Vec<Output> {
        self.at(now);
        self.bodies.want(list, self.hub.now);
        self.finish(Some(view))
    }

    /// The core's word on a [`Report::Body`]; until it comes, the body is not fetched again.
    pub fn body_checked(
        &mut self,
        id: &BlockId,
        outcome: BodyOutcome,
        view: &dyn ChainView,
        now: Duration,
    ) -> Vec<Output> {
        self.at(now);
        self.bodies.checked(id, outcome, &mut self.hub);
        self.finish(Some(view))
    }

    /// The core's word on a block whose body was its header's: it broke a rule all the same.
    pub fn block_invalid(&mut self, id: &BlockId, penalty: Penalty, now: Duration) -> Vec<Output> {
        self.at(now);
        self.bodies.is_invalid(id, penalty, &mut self.hub);
        self.finish(None)
    }

    /// The best connected block is another: called once for each change, with the last block. It is announced
    /// when it is our `own`, or when others may not have heard of it.
    pub fn tip_changed(
        &mut self,
        block: Announcement,
        own: bool,
        view: &dyn ChainView,
        now: Duration,
    ) -> Vec<Output> {
        self.at(now);
        self.blocks.stop(&block.header.id());
        self.outbox.tip(block, own);
        self.finish(Some(view))
    }

    /// A transaction that was submitted here is in the pool: others hear of it by way of one of our peers.
    pub fn transaction_submitted(&mut self, id: Wtxid, view: &dyn ChainView, now: Duration) -> Vec<Output> {
        self.at(now);
        self.stems.submit(id, &mut self.hub, &mut self.outbox);
        self.finish(Some(view))
    }

    /// Whether others are not to hear of this transaction of our pool yet.
    #[must_use]
    pub fn hides(&self, id: &Wtxid) -> bool {
        self.stems.hides(id)
    }

    /// A transaction of our pool can be used by others now: tell them.
    pub fn transaction_accepted(&mut self, id: Wtxid, view: &dyn ChainView, now: Duration) -> Vec<Output> {
        self.at(now);
        if !self.stems.hides(&id) {
            self.outbox.tell(id, None);
        }
        self.finish(Some(view))
    }

    /// These left the pool, mined, replaced or evicted, or are of a block just connected: others may still
    /// build on them.
    pub fn keep_leftovers(&mut self, txs: impl IntoIterator<Item = Arc<Transaction>>) {
        txs.into_iter().for_each(|tx| self.leftovers.keep(tx));
    }

    /// Blocks were disconnected, and these of their transactions are in the pool again: others may have lost
    /// them as well, and have what we lost. Gossip keeps back what it has carried before, so they are offered
    /// by their ids.
    pub fn reorganised(&mut self, returned: &[Wtxid], view: &dyn ChainView, now: Duration) -> Vec<Output> {
        self.at(now);
        self.outbox.offer(returned);
        let peers: Vec<PeerId> = self.hub.peers.relaying().map(|(id, _)| *id).collect();
        peers.into_iter().for_each(|peer| self.pools.look(peer));
        self.finish(Some(view))
    }

    /// The core's answer to a [`Report::Serve`].
    #[must_use]
    pub fn answer(&mut self, token: ReplyToken, answer: &Answer) -> Output {
        let data = answer.encode();
        self.budgets.served(data.len(), self.hub.now);
        Output::Command(NetCommand::Reply { token, data })
    }

    /// Holds something against a peer that the core found out.
    pub fn penalise(&mut self, peer: &PeerId, penalty: Penalty, reason: &str, now: Duration) -> Vec<Output> {
        self.at(now);
        self.hub.penalise(peer, penalty, reason);
        self.finish(None)
    }

    /// Stays connected to this address from now on.
    ///
    /// # Errors
    /// [`AddPeerError`].
    pub fn add(
        &mut self,
        address: Multiaddr,
        view: &dyn ChainView,
        now: Duration,
    ) -> Result<Vec<Output>, AddPeerError> {
        let named = peer_of(&address);
        if let Some(ban) = self.bans().into_iter().find(|ban| Some(ban.peer_id) == named) {
            return Err(AddPeerError::Banned { remaining: ban.remaining, reason: ban.reason });
        }
        self.hub.dials.add(address, Giver::Hand)?;
        Ok(self.tick(view, now))
    }

    /// Dials this address no more, whoever is there; false when it was not dialled.
    pub fn remove_address(&mut self, address: &Multiaddr) -> bool {
        self.hub.dials.remove_address(address)
    }

    /// Disconnects a peer and forgets its addresses; false when nothing is known of it.
    pub fn remove(&mut self, peer: &PeerId, now: Duration) -> (bool, Vec<Output>) {
        self.at(now);
        let known = self.hub.dials.remove(peer) | self.hub.book.remove(peer) | self.hub.peers.contains(peer);
        self.hub.command(NetCommand::Disconnect(*peer));
        self.gone(peer);
        (known, self.finish(None))
    }

    /// Bans a peer by hand for a time.
    pub fn ban(&mut self, peer: PeerId, time: Duration, now: Duration) -> Vec<Output> {
        self.at(now);
        if let Some(other) = self.hub.peers.memory_mut().ban(peer, time, "by hand", self.hub.now) {
            self.hub.command(NetCommand::Unban(other));
        }
        self.hub.command(NetCommand::Ban(peer));
        self.gone(&peer);
        self.finish(None)
    }

    /// Takes a ban back; false when there is none.
    pub fn unban(&mut self, peer: &PeerId, now: Duration) -> (bool, Vec<Output>) {
        self.at(now);
        let banned = self.hub.peers.memory_mut().unban(peer);
        self.hub.command(NetCommand::Unban(*peer));
        (banned, self.finish(None))
    }

    /// The connected peers.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.hub.peers.snapshot(self.hub.now)
    }

    /// Whether a connected peer has told its status: it is a node of this chain.
    #[must_use]
    pub fn has_greeted(&self) -> bool {
        self.hub.peers.iter().any(|(_, peer)| peer.status.is_some())
    }

    /// Whether this block was announced to us, or by us, with all its ids.
    #[must_use]
    pub fn has_announcement(&self, id: &BlockId) -> bool {
        self.outbox.is_announced(id)
    }

    /// Peers in the book: those only heard of, and those that a dial has led to.
    #[must_use]
    pub fn known(&self) -> (usize, usize) {
        self.hub.book.counts()
    }

    /// The bans in force.
    #[must_use]
    pub fn bans(&self) -> Vec<BanInfo> {
        self.hub.peers.memory().bans(self.hub.now)
    }

    /// How far the sync is.
    #[must_use]
    pub fn sync_progress(&self) -> SyncProgress {
        let (from, at) = self.headers.from().unzip();
        let claims = self
            .hub
            .peers
            .iter()
            .filter(|(id, peer)| peer.status.is_some() && from.is_none_or(|from| from == **id));
        let (bodies_missing, bodies_asked) = self.bodies.counts();
        SyncProgress {
            claimed_height: claims.map(|(_, peer)| peer.height).max(),
            headers_from: from,
            headers_at: at,
            bodies_missing,
            bodies_asked,
            stalling: self.bodies.stalling(),
        }
    }

    fn at(&mut self, now: Duration) {
        self.hub.now = self.hub.now.max(now);
    }

    /// Lets each machine do what the time and the last event allow, then hands over what came together.
    fn finish(&mut self, view: Option<&dyn ChainView>) -> Vec<Output> {
        self.let_go();
        if let Some(view) = view {
            self.step(view);
            self.let_go();
        }
        self.hub.take_out()
    }

    /// Takes peers out that were dropped on the way.
    fn let_go(&mut self) {
        for peer in self.hub.take_dropped() {
            self.gone(&peer);
        }
    }

    fn step(&mut self, view: &dyn ChainView) {
        let hub = &mut self.hub;
        self.greetings.step(hub, view.status());
        self.announcements.step(hub, view);
        self.headers.step(hub, view);
        self.rebuild(view);
        let hub = &mut self.hub;
        let (blocks, announcements) = (&self.blocks, &self.announcements);
        self.bodies.step(hub, &|id| blocks.contains(id) || announcements.contains(id));
        self.pools.step(hub, view, &self.pulls);
        self.pulls.step(hub, view);
        self.stems.step(hub, view, &mut self.outbox);
        self.hands.step(hub);
        self.outbox.step((hub, &mut self.hands), view);
    }
}

#[cfg(test)]
mod tests;
