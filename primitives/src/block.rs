//! Blocks: a header and the transactions it commits to (formats: Body and its root, Block).

mod proof;

pub use proof::TxProof;

use crate::codec::{DecodeError, Reader, at_most};
use crate::hash::{TxRoot, Wtxid};
use crate::header::Header;
use crate::limits::{MAX_TX_BYTES, MIN_TX_BYTES, TX_LEN_BYTES};
use crate::transaction::Transaction;
use starling_sha256::nodes_in_place;
use std::sync::Arc;

/// A well-formed block: each part decodes; whether they belong together is for `consensus` to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The transactions, in order.
    pub txs: Vec<Arc<Transaction>>,
}

impl Block {
    /// The encoding: header, then body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.encode();
        out.extend_from_slice(&encode_body(&self.txs));
        out
    }

    /// Reads a block that fills `bytes`; the body is at most `max_body_bytes` and holds what the header
    /// counts.
    ///
    /// # Errors
    /// The first violation of the format, left to right.
    pub fn decode(bytes: &[u8], max_body_bytes: u32) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let body = reader.take(reader.remaining())?;
        let limit = usize::try_from(max_body_bytes).unwrap_or(usize::MAX);
        at_most(body.len(), limit)?;
        let txs = decode_body(body, header.content().tx_count)?;
        Ok(Self { header, txs })
    }
}

/// The body's encoding: each transaction behind its length.
#[must_use]
pub fn encode_body(txs: &[Arc<Transaction>]) -> Vec<u8> {
    let size = txs.iter().map(|tx| TX_LEN_BYTES + tx.size()).sum();
    let mut out = Vec::with_capacity(size);
    for tx in txs {
        let len = u16::try_from(tx.size()).expect("a transaction has at most 16,384 bytes");
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(tx.bytes());
    }
    out
}

/// Reads a body of exactly `tx_count` transactions.
///
/// # Errors
/// The first violation of the format, left to right; nothing is allocated for a count that `bytes` cannot
/// hold.
pub fn decode_body(bytes: &[u8], tx_count: u32) -> Result<Vec<Arc<Transaction>>, DecodeError> {
    let count = usize::try_from(tx_count).unwrap_or(usize::MAX);
    let least = count.saturating_mul(TX_LEN_BYTES + MIN_TX_BYTES);
    if least > bytes.len() {
        return Err(DecodeError::Truncated { at: bytes.len(), missing: least - bytes.len() });
    }
    let mut reader = Reader::new(bytes);
    let mut txs = Vec::with_capacity(count);
    for _ in 0..count {
        let len = usize::from(reader.u16()?);
        at_most(len, MAX_TX_BYTES)?;
        txs.push(Arc::new(Transaction::decode(reader.take(len)?)?));
    }
    reader.finish()?;
    Ok(txs)
}

/// The Merkle root over `wtxid`s: an odd last element is promoted unchanged, nothing is 32 zero bytes.
#[must_use]
pub fn tx_root(wtxids: impl IntoIterator<Item = Wtxid>) -> TxRoot {
    let mut level: Vec<[u8; 32]> = wtxids.into_iter().map(|id| *id.as_bytes()).collect();
    let mut count = level.len();
    while count > 1 {
        count = nodes_in_place(&mut level[..count]);
    }
    TxRoot::new(level.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
