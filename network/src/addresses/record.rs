//! What is known of how to reach a peer: its addresses, by its own signature or by word of mouth.
//!
//! A signed record is libp2p's (RFC 0003, in the form that rust-libp2p's identify sends), so it can be passed
//! on and whoever gets it can check it.

use super::group::{Group, is_dialable, is_public, relay_of};
use libp2p::core::peer_record::FromEnvelopeError;
use libp2p::core::signed_envelope::ReadPayloadError;
use libp2p::core::{PeerRecord, SignedEnvelope};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::sync::Arc;
use thiserror::Error;

/// Bytes of a signed record at the most; one of four addresses has about 300.
pub(crate) const MAX_SIGNED_BYTES: usize = 1_024;
/// Addresses that a record may list, usable or not.
pub(crate) const MAX_LISTED: usize = 32;
/// Addresses kept of a peer.
pub(crate) const MAX_ADDRESSES: usize = 4;

/// What a signed record says of itself in the form of rust-libp2p.
const DOMAIN: &str = "libp2p-routing-state";
const PAYLOAD_TYPE: &[u8] = b"/libp2p/routing-state-record";

/// Which addresses count on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Only what anybody can reach. False for chains of one house: dev, lab, custom.
    pub(crate) public: bool,
}

impl Rules {
    /// Whether this may be dialled and told.
    pub(crate) fn allow(self, address: &Multiaddr) -> bool {
        if self.public { is_public(address) } else { is_dialable(address) }
    }

    /// Whether this leads over a relay that may be dialled. Nothing of the chain goes that way: it is for
    /// finding a direct one.
    pub(crate) fn allow_relayed(self, address: &Multiaddr) -> bool {
        relay_of(address).is_some_and(|relay| self.allow(&relay))
    }
}

/// Why bytes give no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum RecordError {
    /// Over [`MAX_SIGNED_BYTES`].
    #[error("a signed record of {0} bytes; {MAX_SIGNED_BYTES} are allowed")]
    TooLarge(usize),
    /// Not a signed record of a peer.
    #[error("not a signed record of a peer")]
    Undecodable,
    /// Not signed, or by somebody else.
    #[error("the record is not signed by the peer that it is about")]
    BadSignature,
    /// Over [`MAX_LISTED`].
    #[error("the record lists {0} addresses; {MAX_LISTED} are allowed")]
    TooMany(usize),
    /// A true record of a peer that cannot be dialled.
    #[error("none of the record's addresses can be dialled")]
    NothingUsable,
}

impl RecordError {
    /// Whether whoever passed it on did wrong: an honest node checks what it tells.
    pub(crate) fn is_fault(self) -> bool {
        self != Self::NothingUsable
    }
}

/// How to reach a peer. It has 1 to [`MAX_ADDRESSES`] addresses, each allowed by the rules it was made under,
/// and at most one group of IPv4 and one of IPv6: nobody stands in two places of the internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    peer: PeerId,
    addresses: Vec<Multiaddr>,
    seq: u64,
    signed: Option<Arc<[u8]>>,
}

impl Record {
    /// Checks a signed record; costs one signature.
    pub(crate) fn from_signed(bytes: &[u8], rules: Rules) -> Result<Self, RecordError> {
        if bytes.len() > MAX_SIGNED_BYTES {
            return Err(RecordError::TooLarge(bytes.len()));
        }
        let envelope = SignedEnvelope::from_protobuf_encoding(bytes).map_err(|_| RecordError::Undecodable)?;
        let record = PeerRecord::from_signed_envelope(envelope).map_err(|error| refusal(&error))?;
        let listed = record.addresses().len();
        if listed > MAX_LISTED {
            return Err(RecordError::TooMany(listed));
        }
        let addresses = usable(record.peer_id(), record.addresses(), rules);
        let (peer, seq) = (record.peer_id(), record.seq());
        // Not the bytes as they came: others may have put something around what was signed.
        let signed = record.into_signed_envelope().into_protobuf_encoding();
        if signed.len() > MAX_SIGNED_BYTES {
            return Err(RecordError::TooLarge(signed.len()));
        }
        Self::new(peer, addresses, seq, Some(signed.into())).ok_or(RecordError::NothingUsable)
    }

    /// What [`Self::from_signed`] reads, signed by this key.
    pub(crate) fn sign(key: &Keypair, addresses: &[Multiaddr], seq: u64) -> Option<Vec<u8>> {
        let field = |number: u8, bytes: &[u8]| {
            let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 0x80)?;
            Some([&[number << 3 | 2, length], bytes].concat())
        };
        let mut payload = field(1, &key.public().to_peer_id().to_bytes())?;
        payload.push(2 << 3);
        let mut rest = seq;
        while rest >= 0x80 {
            payload.push(u8::try_from(rest & 0x7f).ok()? | 0x80);
            rest >>= 7;
        }
        payload.push(u8::try_from(rest).ok()?);
        for address in addresses {
            payload.extend(field(3, &field(1, &address.to_vec())?)?);
        }
        let envelope = SignedEnvelope::new(key, DOMAIN.into(), PAYLOAD_TYPE.to_vec(), payload).ok()?;
        Some(envelope.into_protobuf_encoding())
    }

    /// A record by word of mouth (mDNS, Kademlia, a list of seeds); none when nothing can be dialled. What
    /// follows the first [`MAX_LISTED`] addresses is not looked at.
    pub(crate) fn unsigned(peer: PeerId, addresses: &[Multiaddr], rules: Rules) -> Option<Self> {
        let listed = addresses.get(..MAX_LISTED).unwrap_or(addresses);
        Self::new(peer, usable(peer, listed, rules), 0, None)
    }

    /// A record of our own file, whose signature was checked before it was written.
    pub(super) fn restore(
        peer: PeerId,
        listed: &[Multiaddr],
        seq: u64,
        signed: Option<Arc<[u8]>>,
        rules: Rules,
    ) -> Option<Self> {
        Self::new(peer, usable(peer, listed, rules), seq, signed)
    }

    fn new(peer: PeerId, addresses: Vec<Multiaddr>, seq: u64, signed: Option<Arc<[u8]>>) -> Option<Self> {
        (!addresses.is_empty()).then_some(Self { peer, addresses, seq, signed })
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.peer
    }

    /// Without the peer's id at their end.
    pub(crate) fn addresses(&self) -> &[Multiaddr] {
        &self.addresses
    }

    /// The greater one is the newer record of a peer; 0 when it is unsigned.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// The bytes to pass on.
    pub(crate) fn signed(&self) -> Option<&Arc<[u8]>> {
        self.signed.as_ref()
    }

    /// The group of its first address: the one it counts for.
    pub(crate) fn group(&self) -> Group {
        self.addresses.first().map_or(Group::Local, Group::of)
    }

    /// Whether every address is allowed.
    pub(super) fn fits(&self, rules: Rules) -> bool {
        let fits = |address: &Multiaddr| rules.allow(address) || rules.allow_relayed(address);
        self.addresses.iter().all(fits)
    }

    /// Whether it can only be met by way of a relay.
    pub(crate) fn is_relayed(&self) -> bool {
        self.addresses.iter().all(|address| relay_of(address).is_some())
    }
}

fn refusal(error: &FromEnvelopeError) -> RecordError {
    match error {
        FromEnvelopeError::BadPayload(ReadPayloadError::InvalidSignature)
        | FromEnvelopeError::MismatchedSignature => RecordError::BadSignature,
        _ => RecordError::Undecodable,
    }
}

/// The addresses to keep, in their order, each once and without the peer's id; ways over relays only if there
/// is nothing else.
fn usable(peer: PeerId, listed: &[Multiaddr], rules: Rules) -> Vec<Multiaddr> {
    let direct = kept_of(peer, listed.iter().filter(|address| rules.allow(address)));
    if direct.is_empty() {
        return kept_of(peer, listed.iter().filter(|address| rules.allow_relayed(address)));
    }
    direct
}

fn kept_of<'a>(peer: PeerId, listed: impl Iterator<Item = &'a Multiaddr>) -> Vec<Multiaddr> {
    let (mut v4, mut v6) = (None, None);
    let mut kept: Vec<Multiaddr> = Vec::new();
    for address in listed {
        let Some(bare) = bare(address, peer) else { continue };
        let group = Group::of(&bare);
        // The first of each family decides.
        let fits = match group {
            Group::V4(_) => *v4.get_or_insert(group) == group,
            Group::V6(_) => *v6.get_or_insert(group) == group,
            Group::Local | Group::Name(_) => true,
        };
        if fits && kept.len() < MAX_ADDRESSES && !kept.contains(&bare) {
            kept.push(bare);
        }
    }
    kept.shrink_to_fit();
    kept
}

/// The address without a peer's id at its end; none if it names another peer.
fn bare(address: &Multiaddr, peer: PeerId) -> Option<Multiaddr> {
    let mut parts: Vec<Protocol<'_>> = address.iter().collect();
    if let Some(Protocol::P2p(named)) = parts.last() {
        if *named != peer {
            return None;
        }
        parts.pop();
    }
    // A copy of its own size: a part of the record would keep all of it in memory.
    let bytes: Vec<u8> = parts.into_iter().collect::<Multiaddr>().to_vec();
    Multiaddr::try_from(bytes).ok()
}

#[cfg(test)]
mod tests;
