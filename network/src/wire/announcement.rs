//! The message of the topic `block/1`: a header and the ids of its transactions.

use super::{HASH_BYTES, length, read_hashes};
use starling_primitives::limits::MAX_HEADER_BYTES;
use starling_primitives::{DecodeError, Header, Reader, TxRoot, Wtxid, tx_root};

/// Transactions up to which an announcement carries their ids.
pub const MAX_ANNOUNCED_TXS: u32 = 8_192;

/// A new block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its header.
    pub header: Header,
    /// The ids of its transactions in order; none when there are more than [`MAX_ANNOUNCED_TXS`].
    pub wtxids: Option<Vec<Wtxid>>,
}

impl Announcement {
    /// Of a block with these transactions.
    #[must_use]
    pub fn new(header: Header, wtxids: &[Wtxid]) -> Self {
        let carried = header.content().tx_count <= MAX_ANNOUNCED_TXS;
        Self { header, wtxids: carried.then(|| wtxids.to_vec()) }
    }

    /// `header_len:u16 | header | wtxid * tx_count`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let ids = self.wtxids.as_deref().unwrap_or_default();
        let mut out = Vec::with_capacity(2 + MAX_HEADER_BYTES + HASH_BYTES * ids.len());
        write_header(&self.header, &mut out);
        out.extend(ids.iter().flat_map(Wtxid::as_bytes));
        out
    }

    /// Reads an announcement that fills `bytes`. Whether the ids are the header's is for [`Self::ids_match`].
    ///
    /// # Errors
    /// The first violation of the format, left to right.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = read_header(&mut reader)?;
        let count = header.content().tx_count;
        let wtxids = if count <= MAX_ANNOUNCED_TXS {
            let count = usize::try_from(count).expect("at most 8,192");
            Some(read_hashes(&mut reader, count, Wtxid::new)?)
        } else {
            None
        };
        reader.finish()?;
        Ok(Self { header, wtxids })
    }

    /// Whether the header commits to the ids, where they are carried.
    #[must_use]
    pub fn ids_match(&self) -> bool {
        self.wtxids.as_ref().is_none_or(|ids| commits_to(&self.header, ids))
    }
}

/// `header_len:u16 | header`.
pub(super) fn write_header(header: &Header, out: &mut Vec<u8>) {
    let header = header.encode();
    out.extend_from_slice(&length::<u16>(header.len()).to_le_bytes());
    out.extend_from_slice(&header);
}

/// `header_len:u16 | header`.
pub(super) fn read_header(reader: &mut Reader<'_>) -> Result<Header, DecodeError> {
    let header_len = usize::from(reader.u16()?);
    starling_primitives::codec::at_most(header_len, MAX_HEADER_BYTES)?;
    Header::decode(reader.take(header_len)?)
}

/// Whether these are the transactions of the header: their number, and the root over them.
pub(crate) fn commits_to(header: &Header, ids: &[Wtxid]) -> bool {
    let content = header.content();
    let root: TxRoot = tx_root(ids.iter().copied());
    u32::try_from(ids.len()) == Ok(content.tx_count) && root == content.tx_root
}
