//! What people ask of the peers.

use super::Core;
use starling_network::{AddPeerError, Multiaddr, PeerId, SavedError};
use std::time::Duration;

impl Core {
    /// Stays connected to an address.
    ///
    /// # Errors
    /// [`AddPeerError`].
    pub fn add_peer(&mut self, address: Multiaddr) -> Result<(), AddPeerError> {
        let mut result = Ok(());
        self.network(|net, view, now| {
            net.add(address, view, now).unwrap_or_else(|error| {
                result = Err(error);
                Vec::new()
            })
        });
        result
    }

    /// Dials an address no more; whether it was.
    pub fn remove_address(&mut self, address: &Multiaddr) -> bool {
        self.net.remove_address(address)
    }

    /// Disconnects a peer, and dials its addresses no more; whether anything was known of it.
    pub fn remove_peer(&mut self, peer: &PeerId) -> bool {
        let (known, outputs) = self.net.remove(peer, self.now.mono);
        self.take_outputs(outputs);
        known
    }

    /// Refuses a peer for a time; whether it was connected.
    pub fn ban_peer(&mut self, peer: PeerId, time: Duration) -> bool {
        let known = self.net.peers().iter().any(|info| info.peer_id == peer);
        let outputs = self.net.ban(peer, time, self.now.mono);
        self.take_outputs(outputs);
        known
    }

    /// Refuses a peer no longer; whether it was refused.
    pub fn unban_peer(&mut self, peer: &PeerId) -> bool {
        let (known, outputs) = self.net.unban(peer, self.now.mono);
        self.take_outputs(outputs);
        known
    }

    /// What an earlier run knew of peers; to be called before the first event.
    ///
    /// # Errors
    /// [`SavedError`]: it is not what a run wrote.
    pub fn restore_peers(&mut self, bytes: &[u8]) -> Result<(), SavedError> {
        self.net.restore(bytes)
    }
}
