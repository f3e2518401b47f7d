//! What outlives a run: the book, bans and sums, and the peers that carried blocks alone.

use super::Network;
use crate::addresses::Book;
use crate::driver::NetCommand;
use crate::peers::{Memory, Slot, read_bytes, read_count, read_peer, write_bytes, write_count};
use libp2p::PeerId;
use starling_primitives::{DecodeError, Reader, sha256};
use thiserror::Error;

/// Bytes of the file at the most; a full book takes less than half of it.
pub const MAX_PEERS_BYTES: u64 = 64 << 20;
/// What opens the file, with the number of its layout.
const MAGIC: &[u8; 16] = b"starling peers 2";
/// Block-only peers remembered.
const MAX_ANCHORS: usize = 8;

/// Why nothing was taken from the file of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SavedError {
    /// Another layout, or another file.
    #[error("it is not a list of peers that this version writes")]
    NotPeers,
    /// It was changed, or not written to its end.
    #[error("its checksum is false")]
    Checksum,
    /// It does not keep its own format.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// Its book of addresses cannot be read.
    #[error("{0}")]
    Book(String),
}

impl Network {
    /// What a later run should know of peers: `"starling peers 2" | sha256 of the rest[32] | book | memory |
    /// anchors`, each list behind its length.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut rest = Vec::new();
        write_bytes(&self.hub.book.encode(), &mut rest);
        self.hub.peers.remembered(self.hub.now).write(self.hub.epoch, &mut rest);
        let anchors = self.hub.peers.iter().filter(|(_, peer)| peer.slot == Slot::BlockOnly);
        let anchors: Vec<&PeerId> = anchors.map(|(id, _)| id).take(MAX_ANCHORS).collect();
        write_count(anchors.len(), &mut rest);
        anchors.iter().for_each(|id| write_bytes(&id.to_bytes(), &mut rest));
        [&MAGIC[..], &sha256(&rest), &rest].concat()
    }

    /// Takes over what an earlier run knew; to be called before anything else.
    ///
    /// # Errors
    /// [`SavedError`]; then nothing is taken over.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SavedError> {
        let mut reader = Reader::new(bytes);
        if reader.array().ok().as_ref() != Some(MAGIC) {
            return Err(SavedError::NotPeers);
        }
        let checksum: [u8; 32] = reader.array()?;
        if sha256(&bytes[reader.position()..]) != checksum {
            return Err(SavedError::Checksum);
        }
        let most = usize::try_from(MAX_PEERS_BYTES).unwrap_or(usize::MAX);
        let book = Book::decode(read_bytes(&mut reader, most)?, self.hub.rules);
        let mut book = book.map_err(|error| SavedError::Book(error.to_string()))?;
        book.settle(self.hub.unix());
        let memory = Memory::read(&mut reader, self.hub.epoch)?;
        let count = read_count(&mut reader, MAX_ANCHORS)?;
        let anchors: Vec<PeerId> = (0..count).map(|_| read_peer(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        for ban in memory.bans(self.hub.now) {
            self.hub.command(NetCommand::Ban(ban.peer_id));
        }
        self.hub.book = book;
        *self.hub.peers.memory_mut() = memory;
        self.hub.slots.remember(anchors);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
