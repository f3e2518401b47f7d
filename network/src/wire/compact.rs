//! The question of `compact/1`: an announcement with five bytes for each transaction id, for those who have
//! the transactions (after BIP 152, which has six).

use super::announcement::{read_header, write_header};
use super::{Announcement, MAX_ANNOUNCED_TXS, counted, need};
use siphasher::sip::SipHasher24;
use starling_primitives::{DecodeError, Header, Reader, Tag, Wtxid};
use std::collections::HashMap;

/// Bytes of a short id.
const SHORT_ID_BYTES: usize = 5;
/// Transactions from which on an announcement is worth shortening: it may be larger than 1 KiB.
const WORTH_IT: usize = 23;
/// The key of a block's short ids is the beginning of `tagged("starling/compact", block id)`: nobody can look
/// for ids that are alike in short before the block is mined.
static KEY: Tag = Tag::new("starling/compact");

/// An announcement in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact {
    header: Header,
    /// One for each transaction, in the block's order.
    short_ids: Vec<[u8; SHORT_ID_BYTES]>,
}

impl Compact {
    /// The same in short; none of an announcement that is short as it is, or carries no ids.
    #[must_use]
    pub fn of(announcement: &Announcement) -> Option<Self> {
        let ids = announcement.wtxids.as_ref().filter(|ids| ids.len() >= WORTH_IT)?;
        let header = announcement.header.clone();
        let shorten = Shorten::of(&header);
        let short_ids = ids.iter().map(|id| shorten.id(id)).collect();
        Some(Self { header, short_ids })
    }

    /// The block's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// `header_len:u16 | header | short id[5] * tx_count`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_header(&self.header, out);
        out.extend(self.short_ids.iter().flatten());
    }

    /// A block whose announcement carries no ids has no short form.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = read_header(reader)?;
        let count = header.content().tx_count;
        let count = counted("the number of short ids", count, MAX_ANNOUNCED_TXS)?;
        need(reader, count, SHORT_ID_BYTES)?;
        let short_ids = (0..count).map(|_| reader.array()).collect::<Result<_, _>>()?;
        Ok(Self { header, short_ids })
    }

    /// For each transaction in the block's order, which of these ids it may have; of two that are alike in
    /// short, one.
    pub(crate) fn find(&self, known: impl Iterator<Item = Wtxid>) -> Vec<Option<Wtxid>> {
        let places: HashMap<_, usize> = self.short_ids.iter().zip(0..).collect();
        let mut found = vec![None; self.short_ids.len()];
        let shorten = Shorten::of(&self.header);
        for id in known {
            if let Some(place) = places.get(&shorten.id(&id)).and_then(|at| found.get_mut(*at)) {
                *place = Some(id);
            }
        }
        found
    }
}

/// What makes ids short in one block.
struct Shorten(SipHasher24);

impl Shorten {
    fn of(header: &Header) -> Self {
        let key = KEY.hash(&[header.id().as_bytes()]);
        Self(SipHasher24::new_with_key(key.first_chunk().expect("16 of 32 bytes")))
    }

    /// The low bytes of SipHash-2-4.
    fn id(&self, id: &Wtxid) -> [u8; SHORT_ID_BYTES] {
        *self.0.hash(id.as_bytes()).to_le_bytes().first_chunk().expect("5 of 8 bytes")
    }
}
