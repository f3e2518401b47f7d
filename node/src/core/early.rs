//! Transactions too far ahead of what their senders have in the pool, or may have. Gossip brings each of them
//! once, and in another order than they were sent where a peer asked for some of them: they are kept until a
//! peer brings what they build on, or a block makes room.

use starling_network::PeerId;
use starling_primitives::{Address, Transaction};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes that all of it may take, and those of one peer: nobody has verified any of it.
const MAX_BYTES: usize = 512 << 10;
const PEER_BYTES: usize = MAX_BYTES / 4;
/// What a transaction takes beside its encoded bytes.
const OVERHEAD_BYTES: usize = 512;

/// The last to come, with who sent them.
#[derive(Debug, Default)]
pub(super) struct Early {
    txs: VecDeque<(PeerId, Arc<Transaction>)>,
    bytes: usize,
}

impl Early {
    /// Keeps a transaction, if its peer has not sent too many; the oldest make room.
    pub(super) fn keep(&mut self, peer: PeerId, tx: Arc<Transaction>) {
        let of_peer = self.txs.iter().filter(|(from, _)| *from == peer).map(|(_, kept)| bytes(kept));
        let is_full = of_peer.sum::<usize>() + bytes(&tx) > PEER_BYTES;
        if is_full || self.txs.iter().any(|(_, kept)| kept.wtxid() == tx.wtxid()) {
            return;
        }
        self.bytes += bytes(&tx);
        self.txs.push_back((peer, tx));
        while self.bytes > MAX_BYTES {
            self.take(0);
        }
    }

    /// The one of a sender that builds on the fewest others.
    pub(super) fn next_of(&mut self, sender: &Address) -> Option<(PeerId, Arc<Transaction>)> {
        let own = self.txs.iter().enumerate().filter(|(_, (_, tx))| tx.sender() == *sender);
        let (first, _) = own.min_by_key(|(_, (_, tx))| tx.unsigned().nonce)?;
        self.take(first)
    }

    /// All of them, by nonces.
    pub(super) fn drain(&mut self) -> Vec<(PeerId, Arc<Transaction>)> {
        let mut all = Vec::from(std::mem::take(&mut self.txs));
        self.bytes = 0;
        all.sort_by_key(|(_, tx)| tx.unsigned().nonce);
        all
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.txs.len()
    }

    fn take(&mut self, place: usize) -> Option<(PeerId, Arc<Transaction>)> {
        let (peer, tx) = self.txs.remove(place)?;
        self.bytes -= bytes(&tx);
        Some((peer, tx))
    }
}

fn bytes(tx: &Transaction) -> usize {
    tx.size() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;
