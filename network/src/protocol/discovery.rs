//! Finding peers: what feeds the book, who is asked for addresses (`peers/1`), when the seeds are asked.

use super::{Hub, Miss};
use crate::addresses::{Record, Source};
use crate::driver::{NetCommand, Protocol, RequestId};
use crate::peers::{Giver, Penalty};
use crate::wire::{Answer, MAX_PEER_RECORDS, Question};
use libp2p::{Multiaddr, PeerId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Pause between two questions for addresses while peers are wanted.
const HUNGRY: Duration = Duration::from_secs(15);
/// The same while there are enough.
const CONTENT: Duration = Duration::from_secs(600);
/// How long the book and the bootstrap list have, at the start, before the seeds are asked.
const SEEDS_AFTER: Duration = Duration::from_secs(10);
/// Pause between two looks at the seeds.
const SEEDS_PAUSE: Duration = Duration::from_secs(300);
/// Addresses of one seed that are used.
const MAX_SEEDED: usize = 64;
/// Bytes of the records of one answer: below the protocol's cap, with their lengths.
const MAX_ANSWER_BYTES: usize = 30 * 1024;

/// What is asked, and what was.
#[derive(Debug)]
pub(crate) struct Discovery {
    seeds: Vec<String>,
    next_seeds: Duration,
    next: Duration,
    /// Peers that are asked as soon as it may be: those we have just met.
    due: BTreeSet<PeerId>,
    open: BTreeMap<RequestId, PeerId>,
}

impl Discovery {
    /// Nobody is asked yet.
    pub(crate) fn new(seeds: Vec<String>) -> Self {
        Self {
            seeds,
            next_seeds: SEEDS_AFTER,
            next: Duration::ZERO,
            due: BTreeSet::new(),
            open: BTreeMap::new(),
        }
    }

    /// A peer of our choice has said where it stands.
    pub(crate) fn met(&mut self, peer: PeerId) {
        self.due.insert(peer);
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.due.remove(peer);
        self.open.retain(|_, asked| asked != peer);
    }

    /// Asks whoever may be asked; `troubled` when the peers at hand may all be of one mind against us.
    pub(crate) fn step(&mut self, hub: &mut Hub, troubled: bool) {
        if hub.only_named {
            return;
        }
        let hungry = hub.wants_peers();
        self.ask_seeds(hub, hungry, troubled);
        if hub.now >= self.next {
            self.next = hub.now + if hungry || troubled { HUNGRY } else { CONTENT };
            hub.command(NetCommand::Walk);
            let met = hub.peers.relaying().filter(|(_, peer)| peer.status.is_some());
            let askable: Vec<PeerId> =
                met.map(|(id, _)| *id).filter(|id| hub.can_ask(id, Protocol::Peers, 1)).collect();
            self.due.extend(hub.pick(&askable).copied());
        }
        for peer in std::mem::take(&mut self.due) {
            if let Some(id) = hub.ask(&peer, &Question::Peers(MAX_PEER_RECORDS)) {
                self.open.insert(id, peer);
            }
        }
    }

    fn ask_seeds(&mut self, hub: &mut Hub, hungry: bool, troubled: bool) {
        if hub.now < self.next_seeds || !(hungry || troubled) {
            return;
        }
        self.next_seeds = hub.now + SEEDS_PAUSE;
        self.seeds.iter().for_each(|name| hub.command(NetCommand::Resolve(name.clone())));
    }

    /// Records of other nodes, or none.
    pub(crate) fn answered(&mut self, id: RequestId, result: Result<Vec<Vec<u8>>, Miss>, hub: &mut Hub) {
        let Some(peer) = self.open.remove(&id) else { return };
        let Some(source) = hub.peers.get(&peer).map(|peer| Source::other(&peer.address)) else { return };
        for bytes in result.unwrap_or_default() {
            match Record::from_signed(&bytes, hub.rules) {
                Ok(record) => hub.told_of(record, source),
                Err(error) if !error.is_fault() => {}
                Err(error) => {
                    return hub.penalise(&peer, Penalty::Heavy, &format!("told of a false peer: {error}"));
                }
            }
        }
    }

    /// What a peer is told that asks; those we keep quiet with, nothing.
    pub(crate) fn answer(peer: &PeerId, most: u8, hub: &mut Hub) -> Answer {
        if hub.only_named || !hub.peers.relays(peer) {
            return Answer::Peers(Vec::new());
        }
        let mut left = MAX_ANSWER_BYTES;
        let mut records = hub.sample(usize::from(most));
        records.retain(|record: &Arc<[u8]>| {
            let fits = record.len() <= left;
            left -= if fits { record.len() } else { 0 };
            fits
        });
        Answer::Peers(records)
    }
}

impl Hub {
    /// A peer told its own record.
    pub(crate) fn introduced(&mut self, peer: &PeerId, bytes: &[u8]) {
        let Some(known) = self.peers.get(peer) else { return };
        let (source, reached) = (Source::itself(&known.address), known.outbound && known.status.is_some());
        // Identify has verified it already, so what is wrong with it is no lie; it is only of no use.
        if let Ok(record) = Record::from_signed(bytes, self.rules)
            && record.peer() == *peer
        {
            self.told_of(record, source);
            if reached {
                let unix = self.unix();
                self.book.succeeded(peer, unix);
            }
        }
    }

    /// Somebody told of a node.
    fn told_of(&mut self, record: Record, source: Source) {
        if Some(record.peer()) != self.local && !self.only_named {
            let unix = self.unix();
            self.book.add(record, source, unix);
        }
    }

    /// A node was found, by mDNS or Kademlia; nobody vouches for its addresses.
    pub(crate) fn found(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, by: Option<PeerId>) {
        let teller = by.and_then(|by| self.peers.get(&by)).map(|peer| &peer.address);
        let Some(source) = teller.or(addresses.first()).map(Source::other) else { return };
        if let Some(record) = Record::unsigned(peer, &addresses, self.rules) {
            self.told_of(record, source);
        }
    }

    /// A seed named these addresses, with or without the ids of the peers there.
    pub(crate) fn seeded(&mut self, addresses: Vec<Multiaddr>) {
        for address in addresses.into_iter().take(MAX_SEEDED) {
            match crate::peers::peer_of(&address) {
                Some(peer) => self.found(peer, vec![address], None),
                // Without room, there are addresses enough to dial.
                None if !self.rules.allow(&address) => {}
                None => {
                    let _ = self.dials.add(address, Giver::Seed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
