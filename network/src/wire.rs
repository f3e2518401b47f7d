//! The messages between nodes as types, with their one encoding each (formats: On the wire).
//!
//! Bytes of a peer become a [`Question`], a [`Reply`] or an [`Announcement`] here or are refused: limits come
//! before allocation, and nothing may follow the last field. Whether a message is welcome is for others to
//! say.

mod announcement;
mod answer;
mod compact;
mod question;

pub(crate) use announcement::commits_to;
pub use announcement::{Announcement, MAX_ANNOUNCED_TXS};
pub use answer::Answer;
pub(crate) use answer::{
    Reply, block_ids, block_txs, bodies, headers, nothing, peers, pool, read_answer, status, txs,
};
pub use compact::Compact;
pub use question::Question;

use starling_primitives::{BlockId, DecodeError, GenesisId, Reader, Work};

/// Headers of one answer at the most.
pub const MAX_HEADERS: u16 = 2_000;
/// Ids of one locator at the most.
pub const MAX_LOCATOR_IDS: u8 = 64;
/// Bodies of one question at the most.
pub const MAX_BODIES: u8 = 16;
/// Ids of one `txs/1` or `announce/1` question at the most.
pub const MAX_TX_IDS: u16 = 256;
/// Ids of one page of a pool at the most.
pub const MAX_POOL_IDS: u16 = 2_000;
/// Signed peer records of one answer at the most.
pub const MAX_PEER_RECORDS: u8 = 64;
/// Bytes of bodies after which an answer of `bodies/1` takes no further one.
pub const BODIES_STOP_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a status.
const STATUS_BYTES: usize = 32 + 32 + 4 + 32 + 4 + 8;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its chain.
    pub genesis: GenesisId,
    /// Its best connected block.
    pub tip: BlockId,
    /// Height of the tip.
    pub height: u32,
    /// Cumulative work of the tip.
    pub work: Work,
    /// Height of the oldest body it can serve.
    pub oldest_body: u32,
    /// Motes per byte below which it takes no transaction.
    pub fee_floor: u64,
}

impl Status {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(STATUS_BYTES);
        out.extend_from_slice(self.genesis.as_bytes());
        out.extend_from_slice(self.tip.as_bytes());
        out.extend_from_slice(&self.height.to_le_bytes());
        out.extend_from_slice(&self.work.to_be_bytes());
        out.extend_from_slice(&self.oldest_body.to_le_bytes());
        out.extend_from_slice(&self.fee_floor.to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            genesis: GenesisId::new(reader.array()?),
            tip: BlockId::new(reader.array()?),
            height: reader.u32()?,
            work: Work::from_be_bytes(reader.array()?),
            oldest_body: reader.u32()?,
            fee_floor: reader.u64()?,
        })
    }
}

/// `count` hashes; refused before anything is allocated unless their bytes are there.
fn read_hashes<T>(
    reader: &mut Reader<'_>,
    count: usize,
    make: impl Fn([u8; HASH_BYTES]) -> T,
) -> Result<Vec<T>, DecodeError> {
    need(reader, count, HASH_BYTES)?;
    (0..count).map(|_| reader.array().map(&make)).collect()
}

/// Refuses a list of `count` items of at least `each` bytes that the rest of the message cannot hold.
fn need(reader: &Reader<'_>, count: usize, each: usize) -> Result<(), DecodeError> {
    let least = count.saturating_mul(each);
    let left = reader.remaining();
    if least > left {
        return Err(DecodeError::Truncated { at: reader.position(), missing: least - left });
    }
    Ok(())
}

/// A count of at most `limit`.
fn counted(what: &'static str, count: impl Into<u64>, limit: impl Into<u64>) -> Result<usize, DecodeError> {
    let value = count.into();
    let refuse = DecodeError::BadField { what, value };
    if value > limit.into() { Err(refuse) } else { usize::try_from(value).map_err(|_| refuse) }
}

/// The length of a list we made ourselves, in the width of its field.
fn length<T: TryFrom<usize>>(list_len: usize) -> T {
    T::try_from(list_len).ok().expect("lists are cut to their limits before they are encoded")
}

#[cfg(test)]
mod tests;
