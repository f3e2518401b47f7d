//! The peer book: who could be dialled (network design: Peers), in the shape of Bitcoin Core's `addrman.h`.
//!
//! A peer that was only heard of is among the *new*, one that a dial has led to among the *tried*. A keyed
//! hash of networks gives the places out: what one network tells reaches 64 of 1,024 buckets, and what lies
//! in one network 8 of the 256 tried ones, so nobody who speaks from few networks can push the rest out. A
//! tried peer loses its place only after it was tested and found dead.
//!
//! - [`group`]: the network of an address, and whether it can be dialled; [`record`]: the addresses of a peer
//! - [`entry`]: what dialling a peer has come to; [`entries`], [`table`]: who is where
//! - [`collisions`]: test before evict; [`choice`]: whom to dial and whom to tell of; [`encoding`]: the file
//!
//! It never dials, and knows neither who is connected nor who is banned: whoever picks says whom to skip.
//! Times are seconds since 1970. Dice give a number below the one they are asked with.

mod choice;
mod collisions;
mod encoding;
mod entries;
mod entry;
mod group;
mod record;
mod table;
#[cfg(test)]
mod testing;

pub(crate) use choice::{Choice, Kind};
pub(crate) use entry::Source;
pub(crate) use group::Group;
pub(crate) use record::{MAX_SIGNED_BYTES, Record, Rules};

use collisions::Collision;
use entries::Entries;
use entry::{Entry, News, Standing};
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId};
use table::{NEW_BUCKETS, Place, Secret, TRIED_BUCKETS, Table};

/// Buckets of the new that one peer stands in at the most (`ADDRMAN_NEW_BUCKETS_PER_ADDRESS`).
const MAX_REFERENCES: usize = 8;

/// The signed record of a node, as it goes into `peers/1`; the library's own function puts the time of the
/// clock into it. None if an address is longer than a record can say.
#[must_use]
pub fn signed_record(key: &Keypair, addresses: &[Multiaddr], seq: u64) -> Option<Vec<u8>> {
    Record::sign(key, addresses, seq)
}

/// The peers that are known, each once.
#[derive(Debug)]
pub(crate) struct Book {
    secret: Secret,
    rules: Rules,
    entries: Entries,
    new: Table,
    tried: Table,
    collisions: Vec<Collision>,
}

impl Book {
    /// An empty book. The secret is to be random, and known to nobody else.
    pub(crate) fn new(secret: [u8; 32], rules: Rules) -> Self {
        Self {
            secret: Secret(secret),
            rules,
            entries: Entries::default(),
            new: Table::new(NEW_BUCKETS),
            tried: Table::new(TRIED_BUCKETS),
            collisions: Vec::new(),
        }
    }

    /// Puts right what a run with a wrong clock wrote down.
    pub(crate) fn settle(&mut self, now: u64) {
        self.entries.iter_mut().for_each(|entry| entry.settle(now));
    }

    /// Peers in it.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Peers among the new and among the tried.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.len().saturating_sub(self.tried.len()), self.tried.len())
    }

    /// What is known of a peer.
    pub(crate) fn get(&self, peer: &PeerId) -> Option<&Entry> {
        self.entries.get(self.entries.find(&self.secret, peer)?)
    }

    /// Everybody, in an order that the book's history alone decides.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// Somebody told of a peer. True when the book now knows what it did not: the peer, or newer addresses of
    /// it.
    pub(crate) fn add(&mut self, record: Record, source: Source, now: u64) -> bool {
        if !record.fits(self.rules) {
            return false;
        }
        match self.entries.find(&self.secret, &record.peer()) {
            None => self.enter(record, source, now),
            Some(id) => self.hear_again(id, record, source, now),
        }
    }

    /// A dial began: the peer is not picked for a moment.
    pub(crate) fn attempt(&mut self, peer: &PeerId, now: u64) {
        if let Some(entry) = self.find_mut(peer) {
            entry.last_try = now;
        }
    }

    /// A dial came to nothing. It `counts` unless our own link is down.
    pub(crate) fn failed(&mut self, peer: &PeerId, now: u64, counts: bool) {
        if let Some(entry) = self.find_mut(peer).filter(|_| counts) {
            entry.fail(now);
        }
    }

    /// A dial led to the peer: it goes to the tried, or waits until the one in its place is tested.
    pub(crate) fn succeeded(&mut self, peer: &PeerId, now: u64) {
        let Some(id) = self.entries.find(&self.secret, peer) else { return };
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.succeed(now);
        let Some(place) = self.tried_place(id).filter(|_| !self.is_tried(id)) else { return };
        match self.tried.at(place) {
            None => self.move_to_tried(id, place),
            Some(_) => self.note_collision(id, now),
        }
    }

    /// The peer is still connected. Only for connections that we dialled: one that came in proves nothing of
    /// an address.
    pub(crate) fn seen(&mut self, peer: &PeerId, now: u64) {
        if let Some(entry) = self.find_mut(peer) {
            entry.see(now, now);
            if entry.is_tried() {
                entry.last_success = now;
            }
        }
    }

    /// Forgets a peer: it is of another chain.
    pub(crate) fn remove(&mut self, peer: &PeerId) -> bool {
        let found = self.entries.find(&self.secret, peer);
        found.is_some_and(|id| {
            self.unlink(id);
            self.entries.remove(&self.secret, id).is_some()
        })
    }

    fn find_mut(&mut self, peer: &PeerId) -> Option<&mut Entry> {
        self.entries.get_mut(self.entries.find(&self.secret, peer)?)
    }

    fn is_tried(&self, id: u32) -> bool {
        self.entries.get(id).is_some_and(Entry::is_tried)
    }

    /// Where an entry is to stand among the tried.
    fn tried_place(&self, id: u32) -> Option<Place> {
        let record = self.entries.get(id)?.record();
        Some(self.secret.tried_place(record.group(), &record.peer()))
    }

    /// Where a record is to stand among the new.
    fn new_place(&self, record: &Record, source: Group) -> Place {
        let bucket = self.secret.new_bucket(source, record.group(), &record.peer());
        self.secret.new_place(bucket, &record.peer())
    }

    /// A peer nobody told of yet.
    fn enter(&mut self, record: Record, source: Source, now: u64) -> bool {
        let place = self.new_place(&record, source.group);
        if !self.yields(place, true, now) {
            return false;
        }
        self.clear_new(place);
        let id = self.entries.insert(&self.secret, Entry::new(record, source, place.bucket, now));
        self.new.put(place, id);
        true
    }

    /// Whether a place among the new is to be had: free, or its holder is terrible; for the first place of a
    /// peer also when the holder has others.
    fn yields(&self, place: Place, first: bool, now: u64) -> bool {
        let holder = self.new.at(place).and_then(|id| self.entries.get(id));
        holder.is_none_or(|entry| entry.is_terrible(now) || first && entry.buckets().len() > 1)
    }

    /// Frees a place among the new; whose only one it was is forgotten.
    fn clear_new(&mut self, place: Place) {
        let Some(id) = self.new.at(place) else { return };
        self.new.free(place, id);
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let Standing::New(buckets) = &mut entry.standing {
            buckets.retain(|bucket| *bucket != place.bucket);
        }
        if entry.buckets().is_empty() {
            self.forget_collisions(id);
            self.entries.remove(&self.secret, id);
        }
    }

    /// A peer that is known already.
    fn hear_again(&mut self, id: u32, record: Record, source: Source, now: u64) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return false };
        match entry.news(&record, source) {
            News::Older => false,
            News::Newer => self.renew(id, record, source, now),
            News::Same => {
                entry.see(source.seen(now), now);
                self.refer(id, source.group, now);
                false
            }
        }
    }

    /// Another place among the new, if the word of `source` is worth one.
    fn refer(&mut self, id: u32, source: Group, now: u64) {
        let Some(entry) = self.entries.get(id) else { return };
        let (record, references) = (entry.record(), entry.buckets().len());
        let place = self.new_place(record, source);
        let known = entry.is_tried() || entry.buckets().contains(&place.bucket);
        if known || references >= MAX_REFERENCES {
            return;
        }
        let draws = u32::try_from(references).unwrap_or(u32::MAX);
        if self.secret.grants_reference(source, &record.peer(), draws) && self.yields(place, false, now) {
            self.clear_new(place);
            self.stand_in(id, place);
        }
    }

    /// Puts an entry into a free place among the new.
    fn stand_in(&mut self, id: u32, place: Place) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        match &mut entry.standing {
            Standing::New(buckets) => buckets.push(place.bucket),
            tried @ Standing::Tried => *tried = Standing::New(vec![place.bucket]),
        }
        self.new.put(place, id);
    }

    /// Newer addresses of a peer. In another group they are as good as a stranger's: the entry goes to the
    /// new, or stays as it was when there is no room.
    fn renew(&mut self, id: u32, record: Record, source: Source, now: u64) -> bool {
        let place = self.new_place(&record, source.group);
        let Some(entry) = self.entries.get_mut(id) else { return false };
        if entry.record.group() == record.group() {
            entry.record = record;
            entry.see(source.seen(now), now);
            return true;
        }
        if self.new.at(place) != Some(id) && !self.yields(place, true, now) {
            return false;
        }
        self.unlink(id);
        self.clear_new(place);
        self.stand_in(id, place);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.record = record;
            entry.source = source.group;
            entry.see(source.seen(now), now);
            // What they counted was another address.
            (entry.last_success, entry.last_failure, entry.failures) = (0, 0, 0);
        }
        true
    }

    /// Takes an entry out of both tables; it stands nowhere then, and has to be put back or removed.
    fn unlink(&mut self, id: u32) {
        self.forget_collisions(id);
        let tried = self.tried_place(id);
        let Some(entry) = self.entries.get_mut(id) else { return };
        let peer = entry.record().peer();
        match std::mem::replace(&mut entry.standing, Standing::New(Vec::new())) {
            Standing::New(buckets) => {
                for bucket in buckets {
                    self.new.free(self.secret.new_place(bucket, &peer), id);
                }
            }
            Standing::Tried => tried.into_iter().for_each(|place| self.tried.free(place, id)),
        }
    }

    /// Moves an entry to its place among the tried. Whoever had that goes back to the new, at the cost of
    /// whoever stands there.
    fn move_to_tried(&mut self, id: u32, place: Place) {
        self.unlink(id);
        if let Some(holder) = self.tried.at(place) {
            self.unlink(holder);
            if let Some(entry) = self.entries.get(holder) {
                let back = self.new_place(entry.record(), entry.source());
                self.clear_new(back);
                self.stand_in(holder, back);
            }
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.standing = Standing::Tried;
            self.tried.put(place, id);
        }
    }
}

#[cfg(test)]
mod tests;
