//! Block headers: Bitcoin's 80 bytes of work, the content they commit to, and the coinbase between the two
//! (formats: Work header, coinbase, content).

use crate::address::Address;
use crate::codec::{DecodeError, Reader, at_most};
use crate::hash::{BlockId, Commitment, HistoryRoot, StateRoot, TxRoot};
use crate::limits::{MAX_EXTRA_BYTES, MAX_HEADER_BYTES, MAX_SCRIPT_BYTES, MIN_SCRIPT_BYTES};
use crate::target::Bits;
use starling_sha256::{Tag, sha256, sha256d};

/// Bytes of a work header.
pub(crate) const WORK_BYTES: usize = 80;
const CONTENT_VERSION: u16 = 1;
const VERSION_MASK: u32 = 0xe000_001f;
const VERSION_BASE: u32 = 0x2000_0000;
const MAGIC: &[u8; 4] = b"STRL";

static CONTENT: Tag = Tag::new("starling/content");
static POW: Tag = Tag::new("starling/pow");

/// Which hash of the work header must meet the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowKind {
    /// `sha256d(work)`, as every SHA-256d miner computes it; also the block id.
    Sha256d,
    /// `sha256(tagged("starling/pow", work))`: keeps that hardware out of a testnet.
    Sha256dTagged,
}

/// The 80 bytes that are hashed for work, in Bitcoin's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkHeader {
    /// `version & 0xe000001f == 0x20000000`; bits 5 to 28 are free for miners.
    pub version: u32,
    /// Id of the block before.
    pub parent: BlockId,
    /// `sha256d(coinbase)`.
    pub root: [u8; 32],
    /// Unix seconds.
    pub time: u32,
    /// The target, compact.
    pub bits: Bits,
    /// What miners search.
    pub nonce: u32,
}

/// What the block says, committed to by the coinbase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Blocks since genesis.
    pub height: u32,
    /// Who gets subsidy and fees.
    pub miner: Address,
    /// Transactions in the body.
    pub tx_count: u32,
    /// Bytes of the body.
    pub body_bytes: u32,
    /// Over the `wtxid`s in order.
    pub tx_root: TxRoot,
    /// After this block.
    pub state_root: StateRoot,
    /// Over all blocks before this one.
    pub history_root: HistoryRoot,
}

/// What the miner appends to the height in the coinbase script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(Vec<u8>);

/// The coinbase transaction, rebuilt from a header and never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coinbase(Vec<u8>);

/// A well-formed header with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    work: WorkHeader,
    extra: Extra,
    content: Content,
    id: BlockId,
}

impl WorkHeader {
    /// The version that a miner starts from.
    pub const BASE_VERSION: u32 = VERSION_BASE;

    /// The 80 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; WORK_BYTES] {
        let mut out = [0; WORK_BYTES];
        out[..4].copy_from_slice(&self.version.to_le_bytes());
        out[4..36].copy_from_slice(self.parent.as_bytes());
        out[36..68].copy_from_slice(&self.root);
        out[68..72].copy_from_slice(&self.time.to_le_bytes());
        out[72..76].copy_from_slice(&self.bits.to_u32().to_le_bytes());
        out[76..].copy_from_slice(&self.nonce.to_le_bytes());
        out
    }

    /// `sha256d` of the 80 bytes.
    #[must_use]
    pub fn id(&self) -> BlockId {
        BlockId::new(sha256d(&self.encode()))
    }

    /// The hash that must meet the target.
    #[must_use]
    pub fn pow_hash(&self, kind: PowKind) -> [u8; 32] {
        match kind {
            PowKind::Sha256d => sha256d(&self.encode()),
            PowKind::Sha256dTagged => sha256(&POW.hash(&[&self.encode()])),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u32()?;
        if version & VERSION_MASK != VERSION_BASE {
            return Err(DecodeError::BadHeaderVersion(version));
        }
        Ok(Self {
            version,
            parent: BlockId::new(reader.array()?),
            root: reader.array()?,
            time: reader.u32()?,
            bits: Bits::new(reader.u32()?),
            nonce: reader.u32()?,
        })
    }
}

impl Content {
    /// Bytes of a content.
    pub const BYTES: usize = 2 + 4 + 20 + 4 + 4 + 32 * 3;

    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::BYTES);
        out.extend_from_slice(&CONTENT_VERSION.to_le_bytes());
        out.extend_from_slice(&self.height.to_le_bytes());
        out.extend_from_slice(self.miner.as_bytes());
        out.extend_from_slice(&self.tx_count.to_le_bytes());
        out.extend_from_slice(&self.body_bytes.to_le_bytes());
        out.extend_from_slice(self.tx_root.as_bytes());
        out.extend_from_slice(self.state_root.as_bytes());
        out.extend_from_slice(self.history_root.as_bytes());
        out
    }

    /// `tagged("starling/content", content)`.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        Commitment::new(CONTENT.hash(&[&self.encode()]))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u16()?;
        if version != CONTENT_VERSION {
            return Err(DecodeError::BadContentVersion(version));
        }
        Ok(Self {
            height: reader.u32()?,
            miner: Address::new(reader.array()?),
            tx_count: reader.u32()?,
            body_bytes: reader.u32()?,
            tx_root: TxRoot::new(reader.array()?),
            state_root: StateRoot::new(reader.array()?),
            history_root: HistoryRoot::new(reader.array()?),
        })
    }
}

impl Extra {
    /// Extra bytes for a block at `height`: with the height's push, the script has 2 to 100 bytes.
    ///
    /// # Errors
    /// [`DecodeError::ExtraTooShort`] or [`DecodeError::ExtraTooLong`].
    pub fn new(bytes: &[u8], height: u32) -> Result<Self, DecodeError> {
        let script = push_height(height).len() + bytes.len();
        if script < MIN_SCRIPT_BYTES {
            return Err(DecodeError::ExtraTooShort(bytes.len()));
        }
        if script > MAX_SCRIPT_BYTES {
            return Err(DecodeError::ExtraTooLong(bytes.len()));
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Coinbase {
    /// The coinbase of a block with this content and extra.
    #[must_use]
    pub fn new(content: &Content, extra: &Extra) -> Self {
        let push = push_height(content.height);
        let script_len = u8::try_from(push.len() + extra.0.len()).expect("a script has at most 100 bytes");
        let mut out = Vec::with_capacity(102 + usize::from(script_len));
        out.extend_from_slice(&2u32.to_le_bytes());
        out.push(1);
        out.extend_from_slice(&[0; 32]);
        out.extend_from_slice(&[0xff; 4]);
        out.push(script_len);
        out.extend_from_slice(&push);
        out.extend_from_slice(&extra.0);
        out.extend_from_slice(&[0xff; 4]);
        out.push(1);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&[0x26, 0x6a, 0x24]);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(content.commitment().as_bytes());
        out.extend_from_slice(&[0; 4]);
        Self(out)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What `work.root` must be.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        sha256d(&self.0)
    }
}

impl Header {
    /// Joins the three parts.
    ///
    /// # Errors
    /// [`DecodeError`] for a version that is not allowed, or an extra that does not fit the height.
    pub fn new(work: WorkHeader, extra: &[u8], content: Content) -> Result<Self, DecodeError> {
        if work.version & VERSION_MASK != VERSION_BASE {
            return Err(DecodeError::BadHeaderVersion(work.version));
        }
        let extra = Extra::new(extra, content.height)?;
        Ok(Self { work, extra, content, id: work.id() })
    }

    /// Reads one header that fills `bytes`.
    ///
    /// # Errors
    /// The first violation of the format, left to right.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        at_most(bytes.len(), MAX_HEADER_BYTES)?;
        let mut reader = Reader::new(bytes);
        let header = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(header)
    }

    /// Reads one header, leaving what follows.
    ///
    /// # Errors
    /// The first violation of the format, left to right.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let work = WorkHeader::read(reader)?;
        let extra_len = usize::from(reader.u8()?);
        if extra_len > MAX_EXTRA_BYTES {
            return Err(DecodeError::ExtraTooLong(extra_len));
        }
        let extra = reader.take(extra_len)?;
        let content = Content::read(reader)?;
        Self::new(work, extra, content)
    }

    /// The encoding: work, extra, content.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(WORK_BYTES + 1 + self.extra.0.len() + Content::BYTES);
        out.extend_from_slice(&self.work.encode());
        out.push(u8::try_from(self.extra.0.len()).expect("extra has at most 99 bytes"));
        out.extend_from_slice(&self.extra.0);
        out.extend_from_slice(&self.content.encode());
        out
    }

    /// The 80 bytes of work, as fields.
    #[must_use]
    pub fn work(&self) -> &WorkHeader {
        &self.work
    }

    /// What the miner appended.
    #[must_use]
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// What the block says.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// `sha256d` of the work header.
    #[must_use]
    pub fn id(&self) -> BlockId {
        self.id
    }

    /// Id of the block before.
    #[must_use]
    pub fn parent(&self) -> BlockId {
        self.work.parent
    }

    /// Blocks since genesis.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.content.height
    }

    /// The coinbase that `work.root` must be the hash of.
    #[must_use]
    pub fn coinbase(&self) -> Coinbase {
        Coinbase::new(&self.content, &self.extra)
    }
}

/// BIP 34's push of the height as Bitcoin Core writes it: `OP_0`, `OP_1` to `OP_16`, then minimal
/// little-endian.
fn push_height(height: u32) -> Vec<u8> {
    const OP_1_MINUS_1: u8 = 0x50;
    match height {
        0 => vec![0],
        1..=16 => vec![OP_1_MINUS_1 + u8::try_from(height).expect("at most 16")],
        _ => {
            let mut number = height.to_le_bytes().to_vec();
            while number.last() == Some(&0) {
                number.pop();
            }
            // A set top bit would be read as a sign.
            if number.last().is_some_and(|&top| top & 0x80 != 0) {
                number.push(0);
            }
            number.insert(0, u8::try_from(number.len()).expect("at most 5"));
            number
        }
    }
}

#[cfg(test)]
mod tests;
