//! The places of the book: two tables of buckets of slots, which the keyed hash gives out.
//!
//! Only what is taken needs memory. The secret keeps anybody else from knowing which addresses collide, or
//! they could be made up to push a given one out.

use super::group::{GROUP_BYTES, Group};
use libp2p::PeerId;
use starling_primitives::Tag;
use std::collections::BTreeMap;
use std::fmt;

/// Buckets of the new (Bitcoin Core, `addrman_impl.h`: `ADDRMAN_NEW_BUCKET_COUNT`).
pub(super) const NEW_BUCKETS: u16 = 1_024;
/// Buckets of the tried (`ADDRMAN_TRIED_BUCKET_COUNT`).
pub(super) const TRIED_BUCKETS: u16 = 256;
/// Places of a bucket (`ADDRMAN_BUCKET_SIZE`).
pub(super) const SLOTS: u16 = 64;
/// Buckets of the new that what one group tells can reach (`ADDRMAN_NEW_BUCKETS_PER_SOURCE_GROUP`).
const BUCKETS_PER_SOURCE: u64 = 64;
/// Buckets of the tried that the addresses of one group can reach (`ADDRMAN_TRIED_BUCKETS_PER_GROUP`).
const BUCKETS_PER_GROUP: u64 = 8;
/// Entries of the book at the most: one for each place.
pub(super) const MAX_ENTRIES: usize = (NEW_BUCKETS as usize + TRIED_BUCKETS as usize) * SLOTS as usize;

/// What a hash is for.
#[derive(Clone, Copy)]
enum Use {
    NewStart = 1,
    NewBucket,
    TriedStart,
    TriedBucket,
    NewSlot,
    TriedSlot,
    Reference,
    Index,
}

/// The key of the hash that gives places out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret(pub(super) [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    fn hash(&self, purpose: Use, parts: [&[u8]; 3]) -> u64 {
        static PLACE: Tag = Tag::new("starling/addresses");
        let [first, second, third] = parts;
        let [a, b, c, d, e, f, g, h, ..] = PLACE.hash(&[&self.0, &[purpose as u8], first, second, third]);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The bucket of the new for a peer of `group` that somebody of `source` told of.
    pub(super) fn new_bucket(&self, source: Group, group: Group, peer: &PeerId) -> u16 {
        let source = source.to_bytes();
        let (group, own) = spread(group, peer);
        let start = self.hash(Use::NewStart, [&source, &group, &own]) % BUCKETS_PER_SOURCE;
        below(self.hash(Use::NewBucket, [&source, &start.to_le_bytes(), &[]]), NEW_BUCKETS)
    }

    /// The place among the tried.
    pub(super) fn tried_place(&self, group: Group, peer: &PeerId) -> Place {
        let id = peer.to_bytes();
        let (group, own) = spread(group, peer);
        let start = self.hash(Use::TriedStart, [&id, &[], &[]]) % BUCKETS_PER_GROUP;
        let bucket = below(self.hash(Use::TriedBucket, [&group, &start.to_le_bytes(), &own]), TRIED_BUCKETS);
        let slot = below(self.hash(Use::TriedSlot, [&bucket.to_le_bytes(), &id, &[]]), SLOTS);
        Place { bucket, slot }
    }

    /// The place in a bucket of the new.
    pub(super) fn new_place(&self, bucket: u16, peer: &PeerId) -> Place {
        let slot = below(self.hash(Use::NewSlot, [&bucket.to_le_bytes(), &peer.to_bytes(), &[]]), SLOTS);
        Place { bucket, slot }
    }

    /// Whether a peer with `references` gets another for the word of `source`: one time in 2^references.
    /// Not by dice: asking again would be another throw.
    pub(super) fn grants_reference(&self, source: Group, peer: &PeerId, references: u32) -> bool {
        let draw = self.hash(Use::Reference, [&source.to_bytes(), &peer.to_bytes(), &[]]);
        draw.trailing_zeros() >= references
    }

    /// The key of the index of peers.
    pub(super) fn index(&self, peer: &PeerId) -> u64 {
        self.hash(Use::Index, [&peer.to_bytes(), &[], &[]])
    }
}

/// What of a group chooses buckets. Local addresses have no networks to tell apart, so there each peer counts
/// for itself: a chain of one house would fit into one bucket otherwise.
fn spread(group: Group, peer: &PeerId) -> ([u8; GROUP_BYTES], Vec<u8>) {
    let own = if group == Group::Local { peer.to_bytes() } else { Vec::new() };
    (group.to_bytes(), own)
}

/// The hash as a number below `limit`.
fn below(hash: u64, limit: u16) -> u16 {
    u16::try_from(hash % u64::from(limit.max(1))).unwrap_or(0)
}

/// A bucket and a slot of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) bucket: u16,
    pub(super) slot: u16,
}

/// Who has which place.
#[derive(Debug)]
pub(super) struct Table {
    buckets: u16,
    places: BTreeMap<Place, u32>,
}

impl Table {
    pub(super) fn new(buckets: u16) -> Self {
        Self { buckets, places: BTreeMap::new() }
    }

    /// Places that are taken.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn at(&self, place: Place) -> Option<u32> {
        self.places.get(&place).copied()
    }

    pub(super) fn put(&mut self, place: Place, id: u32) {
        self.places.insert(place, id);
    }

    /// Frees a place, if `id` has it.
    pub(super) fn free(&mut self, place: Place, id: u32) {
        if self.at(place) == Some(id) {
            self.places.remove(&place);
        }
    }

    /// In the order of places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, u32)> {
        self.places.iter().map(|(place, id)| (*place, *id))
    }

    /// A random entry. Any bucket is as likely as another, however full, or whoever has many addresses in few
    /// networks would be picked most; an empty one sends on to the next.
    pub(super) fn random(&self, dice: &mut impl FnMut(u64) -> u64) -> Option<u32> {
        let start = Place { bucket: below(dice(self.buckets.into()), self.buckets), slot: 0 };
        let after = self.places.range(start..).next().or_else(|| self.places.first_key_value());
        let bucket = after.map(|(place, _)| place.bucket)?;
        let whole = Place { bucket, slot: 0 }..=Place { bucket, slot: SLOTS };
        let ids: Vec<u32> = self.places.range(whole).map(|(_, id)| *id).collect();
        let at = usize::try_from(dice(u64::try_from(ids.len()).ok()?)).ok()?;
        ids.get(at).or(ids.last()).copied()
    }
}
