//! Who the nodes are: a key for each number, always the same, and the records that these keys sign.

use super::host::address;
use super::world::HostId;
use starling_network::{Keypair, PeerId, signed_record};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The hosts whose ids were asked for.
static KNOWN: LazyLock<Mutex<HashMap<PeerId, HostId>>> = LazyLock::new(Mutex::default);

fn key(host: HostId) -> Keypair {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&host.0.to_be_bytes());
    Keypair::ed25519_from_bytes(seed).expect("any 32 bytes are a key")
}

/// The peer with this number.
pub(super) fn peer_id(host: HostId) -> PeerId {
    static IDS: LazyLock<Mutex<HashMap<HostId, PeerId>>> = LazyLock::new(Mutex::default);
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    *ids.entry(host).or_insert_with(|| {
        let id = key(host).public().to_peer_id();
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(id, host);
        id
    })
}

/// The host of a peer's id, if it is one of the world's.
pub(super) fn host_of(peer: &PeerId) -> Option<HostId> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(peer).copied()
}

/// The record of a host, signed.
///
/// # Panics
/// Never: an address fits.
pub(super) fn record(host: HostId) -> Vec<u8> {
    signed_record(&key(host), &[address(host)], 1).expect("an address is short")
}
