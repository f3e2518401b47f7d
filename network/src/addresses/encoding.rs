//! The book as a file: little-endian, each count checked before anything is made room for.
//!
//! `magic:8 | version:u16 | secret:32 | count:u32 | entry*count`, an entry being
//! `tried:u8 | peer:u8_len | source:9 | seq:u64 | first_seen, last_seen, last_try, last_success,
//! last_failure:u64 | failures:u32 | addresses:u8 count, each u8_len | signed:u16_len, 0 for none |
//! buckets:u8 count, each u16`, none for the tried.
//! Slots follow from the secret. What stands there twice, or has no place, is left out: no file gives a book
//! whose tables and entries disagree. It is our own file, so which buckets an entry is in is believed.

use super::entry::{Entry, Standing};
use super::group::{GROUP_BYTES, Group};
use super::record::{MAX_ADDRESSES, MAX_SIGNED_BYTES, Record, Rules};
use super::table::{MAX_ENTRIES, NEW_BUCKETS};
use super::{Book, MAX_REFERENCES};
use libp2p::{Multiaddr, PeerId};
use starling_primitives::{DecodeError, Reader};
use std::sync::Arc;
use thiserror::Error;

/// Bytes of a file at the most. A book full of the longest records is cut to it, the tried first.
pub(crate) const MAX_FILE_BYTES: usize = 60 << 20;
/// What a file begins with.
const MAGIC: [u8; 8] = *b"peerbook";
/// The format of this file.
const VERSION: u16 = 1;
/// Offset of the count.
const COUNT_AT: usize = 8 + 2 + 32;
/// Bytes of the shortest entry: a peer's id of two bytes, no address, no bucket.
const MIN_ENTRY_BYTES: usize = 1 + 3 + GROUP_BYTES + 6 * 8 + 4 + 1 + 2 + 1;

/// Why bytes are no book.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum BookError {
    /// Another file.
    #[error("this is no peer book")]
    NotABook,
    /// Written by another version.
    #[error("the peer book has version {0}; this is version {VERSION}")]
    Version(u16),
    /// A peer's id, a group or an address that is none.
    #[error("{0} of the peer book cannot be read")]
    Field(&'static str),
    /// The bytes are damaged.
    #[error(transparent)]
    Bytes(#[from] DecodeError),
}

impl Book {
    /// The bytes of a file, at most [`MAX_FILE_BYTES`]. They hold the secret.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.secret.0);
        out.extend_from_slice(&[0; 4]);
        let mut count = 0_u32;
        let tried = self.iter().filter(|entry| entry.is_tried());
        for entry in tried.chain(self.iter().filter(|entry| !entry.is_tried())) {
            let before = out.len();
            if write(entry, &mut out).is_none() || out.len() > MAX_FILE_BYTES {
                out.truncate(before);
                continue;
            }
            count = count.saturating_add(1);
        }
        if let Some(field) = out.get_mut(COUNT_AT..).and_then(|rest| rest.first_chunk_mut()) {
            *field = count.to_le_bytes();
        }
        out
    }

    /// Reads what [`Book::encode`] wrote. Signatures are not checked again; addresses are, for the rules may
    /// have changed.
    pub(crate) fn decode(bytes: &[u8], rules: Rules) -> Result<Self, BookError> {
        let mut reader = Reader::new(bytes);
        if reader.array() != Ok(MAGIC) {
            return Err(BookError::NotABook);
        }
        let version = reader.u16()?;
        if version != VERSION {
            return Err(BookError::Version(version));
        }
        let mut book = Self::new(reader.array()?, rules);
        let count = reader.u32()?;
        let bad = DecodeError::BadField { what: "count", value: count.into() };
        let count = usize::try_from(count).ok().filter(|count| *count <= MAX_ENTRIES).ok_or(bad)?;
        let least = count.saturating_mul(MIN_ENTRY_BYTES);
        if let Some(missing) = least.checked_sub(reader.remaining()).filter(|missing| *missing > 0) {
            return Err(DecodeError::Truncated { at: reader.position(), missing }.into());
        }
        for _ in 0..count {
            if let Some(entry) = read(&mut reader, rules)? {
                book.restore(entry);
            }
        }
        reader.finish()?;
        Ok(book)
    }

    /// Puts an entry where it stood; left out when it is here already or its places are taken.
    fn restore(&mut self, mut entry: Entry) {
        let peer = entry.record().peer();
        if self.entries.find(&self.secret, &peer).is_some() {
            return;
        }
        let tried = self.secret.tried_place(entry.record().group(), &peer);
        match std::mem::replace(&mut entry.standing, Standing::New(Vec::new())) {
            Standing::Tried if self.tried.at(tried).is_none() => {
                entry.standing = Standing::Tried;
                let id = self.entries.insert(&self.secret, entry);
                self.tried.put(tried, id);
            }
            Standing::Tried => {}
            Standing::New(mut buckets) => {
                buckets.sort_unstable();
                buckets.dedup();
                let place = |bucket: &u16| self.secret.new_place(*bucket, &peer);
                buckets.retain(|bucket| self.new.at(place(bucket)).is_none());
                let places: Vec<_> = buckets.iter().map(place).collect();
                if places.is_empty() {
                    return;
                }
                entry.standing = Standing::New(buckets);
                let id = self.entries.insert(&self.secret, entry);
                places.into_iter().for_each(|place| self.new.put(place, id));
            }
        }
    }
}

/// None if something is longer than its field, which no entry's is.
fn write(entry: &Entry, out: &mut Vec<u8>) -> Option<()> {
    let record = entry.record();
    out.push(u8::from(entry.is_tried()));
    write_short(&record.peer().to_bytes(), out)?;
    out.extend_from_slice(&entry.source.to_bytes());
    let times = [entry.first_seen, entry.last_seen, entry.last_try, entry.last_success, entry.last_failure];
    for number in [record.seq()].into_iter().chain(times) {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&entry.failures.to_le_bytes());
    out.push(u8::try_from(record.addresses().len()).ok()?);
    for address in record.addresses() {
        write_short(address.as_ref(), out)?;
    }
    let signed = record.signed().map_or(&[][..], |signed| signed);
    out.extend_from_slice(&u16::try_from(signed.len()).ok()?.to_le_bytes());
    out.extend_from_slice(signed);
    out.push(u8::try_from(entry.buckets().len()).ok()?);
    entry.buckets().iter().for_each(|bucket| out.extend_from_slice(&bucket.to_le_bytes()));
    Some(())
}

fn write_short(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.push(u8::try_from(bytes.len()).ok()?);
    out.extend_from_slice(bytes);
    Some(())
}

/// An entry; none when the rules leave no address of it.
fn read(reader: &mut Reader<'_>, rules: Rules) -> Result<Option<Entry>, BookError> {
    let tried = counted(reader.u8()?, 1, "tried")? == 1;
    let peer = PeerId::from_bytes(read_short(reader)?).map_err(|_| BookError::Field("a peer's id"))?;
    let source = Group::from_bytes(reader.array()?).ok_or(BookError::Field("a group"))?;
    let seq = reader.u64()?;
    let [first_seen, last_seen, last_try] = [reader.u64()?, reader.u64()?, reader.u64()?];
    let [last_success, last_failure] = [reader.u64()?, reader.u64()?];
    let failures = reader.u32()?;
    let addresses = read_addresses(reader)?;
    let signed = read_signed(reader)?;
    let buckets = read_buckets(reader)?;
    if tried != buckets.is_empty() {
        return Err(BookError::Field("the buckets"));
    }
    let standing = if tried { Standing::Tried } else { Standing::New(buckets) };
    let Some(record) = Record::restore(peer, &addresses, seq, signed, rules) else { return Ok(None) };
    Ok(Some(Entry {
        record,
        source,
        standing,
        first_seen,
        last_seen,
        last_try,
        last_success,
        last_failure,
        failures,
    }))
}

fn counted(value: impl Into<u64>, most: usize, what: &'static str) -> Result<usize, BookError> {
    let value = value.into();
    let count = usize::try_from(value).ok().filter(|count| *count <= most);
    count.ok_or(BookError::Bytes(DecodeError::BadField { what, value }))
}

fn read_short<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], BookError> {
    let length = reader.u8()?;
    Ok(reader.take(length.into())?)
}

fn read_addresses(reader: &mut Reader<'_>) -> Result<Vec<Multiaddr>, BookError> {
    let count = counted(reader.u8()?, MAX_ADDRESSES, "addresses")?;
    let address = |bytes: &[u8]| Multiaddr::try_from(bytes.to_vec());
    (0..count).map(|_| address(read_short(reader)?).map_err(|_| BookError::Field("an address"))).collect()
}

fn read_signed(reader: &mut Reader<'_>) -> Result<Option<Arc<[u8]>>, BookError> {
    let length = counted(reader.u16()?, MAX_SIGNED_BYTES, "signed")?;
    let bytes = reader.take(length)?;
    Ok((length > 0).then(|| bytes.into()))
}

fn read_buckets(reader: &mut Reader<'_>) -> Result<Vec<u16>, BookError> {
    let count = counted(reader.u8()?, MAX_REFERENCES, "buckets")?;
    let most = usize::from(NEW_BUCKETS).saturating_sub(1);
    (0..count)
        .map(|_| {
            let bucket = reader.u16()?;
            counted(bucket, most, "bucket").map(|_| bucket)
        })
        .collect()
}

#[cfg(test)]
mod tests;
