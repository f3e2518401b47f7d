//! The pool across restarts.
//!
//! The file: `magic[8] = "STRLPOOL" | version:u32 = 1 | genesis id[32] | count:u32 | (added:u64 | len:u16 |
//! tx) * count | checksum[32]`, integers little-endian, `added` in Unix seconds, checksum
//! `tagged("starling/pool-file", all before it)`. Each sender's transactions stand in the order of their
//! nonces.

use super::error::AddError;
use super::events::{DropReason, EventKind as What};
use super::sender::Source;
use super::{MAX_AGE_SECS, MAX_POOL_BYTES, Mempool, Settled};
use starling_consensus::{Accounts, KnownKeys};
use starling_primitives::limits::MIN_TX_BYTES;
use starling_primitives::{DecodeError, GenesisId, Reader, Tag, Transaction};
use std::sync::Arc;
use thiserror::Error;

const MAGIC: [u8; 8] = *b"STRLPOOL";
const VERSION: u32 = 1;
const CHECKSUM_BYTES: usize = 32;
/// Bytes before each transaction: its time and its length.
const PREFIX_BYTES: usize = 10;
/// Transactions whose signatures are verified together.
const BATCH: usize = 1_024;

static CHECKSUM: Tag = Tag::new("starling/pool-file");

/// Why a pool file is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// More bytes than a pool can have.
    #[error(
        "the pool file has {0} bytes, more than any pool; delete mempool.dat, its content comes from peers"
    )]
    TooLarge(usize),
    /// Another kind of file.
    #[error("this is not a pool file; delete mempool.dat, its content comes from peers")]
    Magic,
    /// Written by a newer program.
    #[error("the pool file has version {0}, this program reads 1; update, or delete mempool.dat")]
    Version(u32),
    /// Of another chain.
    #[error("the pool file is of chain {0}, not of this one; delete mempool.dat")]
    OtherChain(GenesisId),
    /// Cut short or changed.
    #[error(
        "the pool file is damaged: its checksum is wrong; delete mempool.dat, its content comes from peers"
    )]
    Checksum,
    /// Written wrongly.
    #[error("the pool file cannot be read: {0}; delete mempool.dat, its content comes from peers")]
    Content(#[from] DecodeError),
}

/// Why loading failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadError<E> {
    /// The file is refused; nothing was loaded.
    #[error(transparent)]
    File(#[from] FileError),
    /// The accounts cannot be read; what was loaded before stays.
    #[error("reading accounts: {0}")]
    Read(E),
}

/// What loading did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Transactions that are pending again.
    pub added: usize,
    /// Those that no longer keep the rules; their trails say why.
    pub refused: usize,
}

/// The pool's content at one moment: cheap to take, encoded where the time for it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub(crate) genesis: GenesisId,
    /// With the Unix seconds of their arrival.
    pub(crate) txs: Vec<(u64, Arc<Transaction>)>,
}

impl Snapshot {
    /// Of these transactions, each with the Unix seconds of its arrival; those of one sender in the order of
    /// their nonces.
    #[must_use]
    pub fn new(genesis: GenesisId, txs: Vec<(u64, Arc<Transaction>)>) -> Self {
        Self { genesis, txs }
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let txs = self.txs.iter().map(|(_, tx)| PREFIX_BYTES + tx.size()).sum::<usize>();
        let mut out = Vec::with_capacity(MAGIC.len() + 4 + 32 + 4 + txs + CHECKSUM_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(self.genesis.as_bytes());
        let count = u32::try_from(self.txs.len()).expect("300 MB hold fewer than 2^32 transactions");
        out.extend_from_slice(&count.to_le_bytes());
        for (added, tx) in &self.txs {
            out.extend_from_slice(&added.to_le_bytes());
            let len = u16::try_from(tx.size()).expect("a transaction has at most 16,384 bytes");
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(tx.bytes());
        }
        let checksum = CHECKSUM.hash(&[&out]);
        out.extend_from_slice(&checksum);
        out
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn decode(bytes: &[u8], genesis: &GenesisId) -> Result<Self, FileError> {
        if bytes.len() > MAX_POOL_BYTES {
            return Err(FileError::TooLarge(bytes.len()));
        }
        let rest = bytes.strip_prefix(&MAGIC).ok_or(FileError::Magic)?;
        let version = Reader::new(rest).u32().map_err(|_| FileError::Checksum)?;
        if version != VERSION {
            return Err(FileError::Version(version));
        }
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(FileError::Checksum)?;
        if CHECKSUM.hash(&[content]) != *checksum {
            return Err(FileError::Checksum);
        }
        let mut reader = Reader::new(content);
        reader.take(MAGIC.len() + size_of_val(&VERSION))?;
        let found = GenesisId::new(reader.array()?);
        if found != *genesis {
            return Err(FileError::OtherChain(found));
        }
        let count = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
        let least = count.saturating_mul(PREFIX_BYTES + MIN_TX_BYTES);
        if let Some(missing) = least.checked_sub(reader.remaining()).filter(|missing| *missing > 0) {
            return Err(DecodeError::Truncated { at: reader.position(), missing }.into());
        }
        let mut txs = Vec::with_capacity(count);
        for _ in 0..count {
            let added = reader.u64()?;
            let len = usize::from(reader.u16()?);
            txs.push((added, Arc::new(Transaction::decode(reader.take(len)?)?)));
        }
        reader.finish()?;
        Ok(Self { genesis: found, txs })
    }
}

impl Mempool {
    /// The pool's content now, to be written to a file.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let entries = self.senders.values().flat_map(|chain| chain.entries());
        let txs = entries.map(|entry| (entry.added, Arc::clone(&entry.tx))).collect();
        Snapshot { genesis: self.genesis, txs }
    }

    /// The file's bytes now.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.snapshot().encode()
    }

    /// Takes in a file's transactions, each as [`Mempool::add`] does; they keep the time at which they first
    /// came.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load<A: Accounts>(
        &mut self,
        bytes: &[u8],
        settled: &Settled<'_, A>,
    ) -> Result<Loaded, LoadError<A::Error>> {
        let snapshot = Snapshot::decode(bytes, &self.genesis)?;
        let mut loaded = Loaded::default();
        self.now = settled.now;
        for batch in snapshot.txs.chunks(BATCH) {
            self.verify_together(batch.iter().map(|(_, tx)| tx), &KnownKeys::none());
            for (added, tx) in batch {
                match self.load_one(tx, (*added).min(settled.now), settled).map_err(LoadError::Read)? {
                    true => loaded.added += 1,
                    false => loaded.refused += 1,
                }
            }
        }
        Ok(loaded)
    }

    /// Takes everything out, to be judged anew: each with the Unix seconds of its arrival, those of one
    /// sender in the order of their nonces. What is known of blocks, trails and signatures stays.
    pub fn take_all(&mut self) -> Vec<(u64, Arc<Transaction>)> {
        let fresh = Self::new(Arc::clone(&self.params), self.genesis, self.limits);
        let mut old = std::mem::replace(self, fresh);
        std::mem::swap(&mut self.recent, &mut old.recent);
        std::mem::swap(&mut self.events, &mut old.events);
        (self.signatures, self.now) = (Arc::clone(&old.signatures), old.now);
        old.snapshot().txs
    }

    /// Takes in what [`Mempool::take_all`] took out, but for what blocks have or replaced since: of that the
    /// chain tells.
    ///
    /// # Errors
    /// When the accounts cannot be read.
    pub fn take_in<A: Accounts>(
        &mut self,
        txs: Vec<(u64, Arc<Transaction>)>,
        settled: &Settled<'_, A>,
    ) -> Result<(), A::Error> {
        self.now = settled.now;
        for (added, tx) in txs {
            if tx.unsigned().nonce >= settled.accounts.account(&tx.sender())?.nonce {
                self.load_one(&tx, added.min(settled.now), settled)?;
            }
        }
        Ok(())
    }

    fn load_one<A: Accounts>(
        &mut self,
        tx: &Arc<Transaction>,
        added: u64,
        settled: &Settled<'_, A>,
    ) -> Result<bool, A::Error> {
        let txid = tx.txid(&self.genesis);
        let reason = if settled.now - added >= MAX_AGE_SECS {
            DropReason::Aged
        } else {
            match self.add(Arc::clone(tx), Source::Loaded, settled) {
                Ok(_) => {
                    if let Some(chain) = self.senders.get_mut(&tx.sender()) {
                        chain.set_added(tx.unsigned().nonce, added);
                    }
                    return Ok(true);
                }
                Err(AddError::Read(error)) => return Err(error),
                Err(AddError::Refused(error)) => DropReason::Refused(error.code()),
            }
        };
        self.events.record(txid, self.now, What::Dropped(reason));
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
