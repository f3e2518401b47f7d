//! What a node answers: `result:u8`, and for "fine" the layout of the protocol.

use super::{
    HASH_BYTES, MAX_BODIES, MAX_HEADERS, MAX_PEER_RECORDS, MAX_POOL_IDS, MAX_TX_IDS, Status, counted, length,
    need, read_hashes,
};
use starling_primitives::codec::at_most;
use starling_primitives::limits::{MAX_HEADER_BYTES, MAX_TX_BYTES, MIN_TX_BYTES, TX_LEN_BYTES};
use starling_primitives::{Content, DecodeError, Header, Reader, Transaction, Wtxid};
use std::sync::Arc;

const FINE: u8 = 0;
const RATE_LIMITED: u8 = 1;
const NOT_HERE: u8 = 2;
const BAD_REQUEST: u8 = 3;

/// Bytes of a header without extra, behind its length.
const MIN_HEADER_ENTRY_BYTES: usize = 2 + 80 + 1 + Content::BYTES;

/// An answer to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To `status/1`.
    Status(Status),
    /// To `headers/1`: at most [`MAX_HEADERS`].
    Headers(Vec<Header>),
    /// To `bodies/1`: encoded bodies, an entry for each id asked, up to where the answer stops; at least one.
    Bodies(Vec<Option<Vec<u8>>>),
    /// To `block-ids/1`.
    BlockIds(Vec<Wtxid>),
    /// To `block-txs/1`: exactly those asked for.
    BlockTxs(Vec<Arc<Transaction>>),
    /// To `pool/1`, best fee first.
    Pool {
        /// Where the next page begins; zero at the end.
        next: Wtxid,
        /// At most [`MAX_POOL_IDS`].
        ids: Vec<Wtxid>,
    },
    /// To `txs/1`: an entry for each id asked.
    Txs(Vec<Option<Arc<Transaction>>>),
    /// To `peers/1`: signed records of other nodes, at most [`MAX_PEER_RECORDS`].
    Peers(Vec<Arc<[u8]>>),
    /// To `announce/1`, `push/1`, `compact/1` and `send-compact/1`.
    Done,
    /// Too much was asked: come back later.
    RateLimited {
        /// How much later.
        retry_after_ms: u32,
    },
    /// What was asked for is not here.
    NotHere,
    /// The question makes no sense.
    BadRequest,
}

impl Answer {
    /// The bytes after the length. Whoever answers keeps the limits that the variants name.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FINE];
        match self {
            Self::Status(status) => status.write(&mut out),
            Self::Headers(headers) => {
                out.extend_from_slice(&length::<u16>(headers.len()).to_le_bytes());
                headers.iter().for_each(|header| write_short(&header.encode(), &mut out));
            }
            Self::Bodies(bodies) => write_bodies(bodies, &mut out),
            Self::BlockIds(ids) => {
                out.reserve(4 + HASH_BYTES * ids.len());
                out.extend_from_slice(&length::<u32>(ids.len()).to_le_bytes());
                out.extend(ids.iter().flat_map(Wtxid::as_bytes));
            }
            Self::BlockTxs(txs) => {
                out.extend_from_slice(&length::<u16>(txs.len()).to_le_bytes());
                txs.iter().for_each(|tx| write_short(tx.bytes(), &mut out));
            }
            Self::Pool { next, ids } => {
                out.extend_from_slice(next.as_bytes());
                out.extend_from_slice(&length::<u16>(ids.len()).to_le_bytes());
                out.extend(ids.iter().flat_map(Wtxid::as_bytes));
            }
            Self::Txs(txs) => {
                txs.iter().for_each(|tx| write_short(tx.as_ref().map_or(&[], |tx| tx.bytes()), &mut out));
            }
            Self::Peers(records) => {
                out.push(length(records.len()));
                records.iter().for_each(|record| write_short(record, &mut out));
            }
            Self::Done => {}
            Self::RateLimited { retry_after_ms } => {
                out[0] = RATE_LIMITED;
                out.extend_from_slice(&retry_after_ms.to_le_bytes());
            }
            Self::NotHere => out[0] = NOT_HERE,
            Self::BadRequest => out[0] = BAD_REQUEST,
        }
        out
    }
}

fn write_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&length::<u16>(bytes.len()).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn write_bodies(bodies: &[Option<Vec<u8>>], out: &mut Vec<u8>) {
    for body in bodies {
        match body {
            Some(body) => {
                out.push(1);
                out.extend_from_slice(&length::<u32>(body.len()).to_le_bytes());
                out.extend_from_slice(body);
            }
            None => out.push(0),
        }
    }
}

/// An answer received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply<T> {
    /// What was asked for.
    Fine(T),
    /// We asked too much.
    RateLimited { retry_after_ms: u32 },
    /// It is not there.
    NotHere,
    /// The peer makes nothing of our question.
    BadRequest,
}

/// Reads an answer that fills `bytes`, with `body` for what follows a result of "fine".
pub(crate) fn read_answer<T>(
    bytes: &[u8],
    body: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Reply<T>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let reply = match reader.u8()? {
        FINE => Reply::Fine(body(&mut reader)?),
        RATE_LIMITED => Reply::RateLimited { retry_after_ms: reader.u32()? },
        NOT_HERE => Reply::NotHere,
        BAD_REQUEST => Reply::BadRequest,
        value => return Err(DecodeError::BadField { what: "the result", value: value.into() }),
    };
    reader.finish()?;
    Ok(reply)
}

pub(crate) fn status(reader: &mut Reader<'_>) -> Result<Status, DecodeError> {
    Status::read(reader)
}

pub(crate) fn nothing(_: &mut Reader<'_>) -> Result<(), DecodeError> {
    Ok(())
}

pub(crate) fn headers(reader: &mut Reader<'_>) -> Result<Vec<Header>, DecodeError> {
    let count = counted("the number of headers", reader.u16()?, MAX_HEADERS)?;
    need(reader, count, MIN_HEADER_ENTRY_BYTES)?;
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        let len = usize::from(reader.u16()?);
        at_most(len, MAX_HEADER_BYTES)?;
        headers.push(Header::decode(reader.take(len)?)?);
    }
    Ok(headers)
}

/// Bodies as bytes, each at most `max_body_bytes`; decoding them is work for another thread.
pub(crate) fn bodies(
    reader: &mut Reader<'_>,
    max_body_bytes: u32,
) -> Result<Vec<Option<Vec<u8>>>, DecodeError> {
    let limit = usize::try_from(max_body_bytes).unwrap_or(usize::MAX);
    let mut bodies = Vec::new();
    while reader.remaining() > 0 || bodies.is_empty() {
        if bodies.len() == usize::from(MAX_BODIES) {
            return Err(DecodeError::TrailingBytes(reader.remaining()));
        }
        bodies.push(match reader.u8()? {
            0 => None,
            1 => {
                let len = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
                at_most(len, limit)?;
                Some(reader.take(len)?.to_vec())
            }
            value => return Err(DecodeError::BadField { what: "the mark of a body", value: value.into() }),
        });
    }
    Ok(bodies)
}

pub(crate) fn block_ids(reader: &mut Reader<'_>) -> Result<Vec<Wtxid>, DecodeError> {
    let count = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
    read_hashes(reader, count, Wtxid::new)
}

pub(crate) fn block_txs(reader: &mut Reader<'_>) -> Result<Vec<Arc<Transaction>>, DecodeError> {
    let count = usize::from(reader.u16()?);
    need(reader, count, TX_LEN_BYTES + MIN_TX_BYTES)?;
    let mut txs = Vec::with_capacity(count);
    for _ in 0..count {
        let len = usize::from(reader.u16()?);
        txs.push(read_tx(reader, len)?);
    }
    Ok(txs)
}

pub(crate) fn pool(reader: &mut Reader<'_>) -> Result<(Wtxid, Vec<Wtxid>), DecodeError> {
    let next = Wtxid::new(reader.array()?);
    let count = counted("the number of pool ids", reader.u16()?, MAX_POOL_IDS)?;
    Ok((next, read_hashes(reader, count, Wtxid::new)?))
}

pub(crate) fn txs(reader: &mut Reader<'_>) -> Result<Vec<Option<Arc<Transaction>>>, DecodeError> {
    let mut txs = Vec::new();
    while reader.remaining() > 0 {
        if txs.len() == usize::from(MAX_TX_IDS) {
            return Err(DecodeError::TrailingBytes(reader.remaining()));
        }
        let len = usize::from(reader.u16()?);
        txs.push(if len == 0 { None } else { Some(read_tx(reader, len)?) });
    }
    Ok(txs)
}

/// Signed records, not looked into yet, at most `limit` bytes each.
pub(crate) fn peers(reader: &mut Reader<'_>, limit: usize) -> Result<Vec<Vec<u8>>, DecodeError> {
    let count = counted("the number of peer records", reader.u8()?, MAX_PEER_RECORDS)?;
    need(reader, count, size_of::<u16>())?;
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let len = usize::from(reader.u16()?);
        at_most(len, limit)?;
        records.push(reader.take(len)?.to_vec());
    }
    Ok(records)
}

fn read_tx(reader: &mut Reader<'_>, len: usize) -> Result<Arc<Transaction>, DecodeError> {
    at_most(len, MAX_TX_BYTES)?;
    Ok(Arc::new(Transaction::decode(reader.take(len)?)?))
}
