//! What tests of the book build: peers, addresses, signed records, dice.

use super::{Book, Record, Rules, Source};
use libp2p::core::SignedEnvelope;
use libp2p::identity::Keypair;
use libp2p::multihash::Multihash;
use libp2p::{Multiaddr, PeerId};

pub(super) const PUBLIC: Rules = Rules { public: true };
pub(super) const OPEN: Rules = Rules { public: false };
/// A time long after 1970.
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// The `n`-th peer, always the same.
pub(super) fn peer_id(n: u32) -> PeerId {
    let bytes = [&n.to_le_bytes()[..], &[7; 32]].concat();
    PeerId::from_multihash(Multihash::wrap(0, &bytes).unwrap()).unwrap()
}

pub(super) fn address(ip: &str) -> Multiaddr {
    format!("/ip4/{ip}/tcp/7333").parse().unwrap()
}

/// An address of the `group`-th of some 20,000 public /16.
pub(super) fn address_in(group: u32, host: u32) -> Multiaddr {
    let (a, b) = (11 + group / 256 % 80, group % 256);
    address(&format!("{a}.{b}.{}.{}", host / 250 % 250, host % 250))
}

/// An unsigned record of the `n`-th peer in a group.
pub(super) fn record(n: u32, group: u32) -> Record {
    Record::unsigned(peer_id(n), &[address_in(group, n)], PUBLIC).unwrap()
}

/// Somebody in a group told.
pub(super) fn from(group: u32) -> Source {
    Source::other(&address_in(group, 1))
}

pub(super) fn keypair(n: u8) -> Keypair {
    Keypair::ed25519_from_bytes([n; 32]).unwrap()
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 128 {
        out.push(u8::try_from(value % 128).unwrap() + 128);
        value /= 128;
    }
    out.push(u8::try_from(value).unwrap());
}

fn field(key: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(key);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The protobuf of a record (libp2p RFC 0003).
pub(super) fn record_bytes(peer: &PeerId, seq: u64, addresses: &[Multiaddr]) -> Vec<u8> {
    let mut out = Vec::new();
    field(0x0a, &peer.to_bytes(), &mut out);
    if seq > 0 {
        out.push(0x10);
        varint(seq, &mut out);
    }
    for address in addresses {
        let mut info = Vec::new();
        field(0x0a, address.as_ref(), &mut info);
        field(0x1a, &info, &mut out);
    }
    out
}

/// An envelope by the `n`-th key.
pub(super) fn sealed(n: u8, domain: &str, kind: &[u8], payload: &[u8]) -> Vec<u8> {
    let envelope = SignedEnvelope::new(&keypair(n), domain.to_owned(), kind.to_vec(), payload.to_vec());
    envelope.unwrap().into_protobuf_encoding()
}

/// A true record by the `n`-th key.
pub(super) fn signed(n: u8, seq: u64, addresses: &[Multiaddr]) -> Vec<u8> {
    let payload = record_bytes(&keypair(n).public().to_peer_id(), seq, addresses);
    sealed(n, "libp2p-routing-state", b"/libp2p/routing-state-record", &payload)
}

/// Dice that always fall the same way.
pub(super) fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |bound| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

pub(super) fn book() -> Book {
    Book::new([5; 32], PUBLIC)
}

/// A book with these peers among the tried, each in a group of its own number.
pub(super) fn tried(peers: std::ops::Range<u32>, now: u64) -> Book {
    let mut book = book();
    for n in peers {
        book.add(record(n, n), from(n), now);
        book.succeeded(&peer_id(n), now);
    }
    book
}

impl Book {
    /// What holds whatever happened.
    pub(super) fn check(&self) {
        let mut places = 0;
        for (id, entry) in self.entries.iter() {
            let peer = entry.record().peer();
            assert_eq!(self.entries.find(&self.secret, &peer), Some(id), "the index finds everybody");
            assert!(entry.is_tried() != (1..=8).contains(&entry.buckets().len()));
            for bucket in entry.buckets() {
                assert_eq!(self.new.at(self.secret.new_place(*bucket, &peer)), Some(id));
                places += 1;
            }
            if entry.is_tried() {
                let place = self.secret.tried_place(entry.record().group(), &peer);
                assert_eq!(self.tried.at(place), Some(id));
            }
        }
        assert_eq!(places, self.new.len(), "each place of the new is of an entry that knows it");
        assert_eq!(self.counts().1, self.iter().filter(|entry| entry.is_tried()).count());
        assert_eq!(self.len(), self.iter().count());
        assert!(self.new.iter().all(|(place, _)| place.bucket < 1_024 && place.slot < 64));
        assert!(self.tried.iter().all(|(place, _)| place.bucket < 256 && place.slot < 64));
        assert!(self.collisions.len() <= 10);
    }
}
