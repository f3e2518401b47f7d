//! What a node asks another, one variant a protocol.

use super::{
    Compact, HASH_BYTES, MAX_BODIES, MAX_HEADERS, MAX_LOCATOR_IDS, MAX_PEER_RECORDS, MAX_POOL_IDS,
    MAX_TX_IDS, Status, counted, length, need, read_hashes,
};
use crate::driver::{Protocol, Topic};
use starling_primitives::{BlockId, DecodeError, Reader, Wtxid};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Where do you stand? I stand here.
    Status(Status),
    /// The canonical headers after the first id of the locator that you know.
    Headers {
        /// At most so many, up to [`MAX_HEADERS`].
        max: u16,
        /// At most [`MAX_LOCATOR_IDS`], newest first.
        locator: Vec<BlockId>,
    },
    /// Whole bodies, at most [`MAX_BODIES`].
    Bodies(Vec<BlockId>),
    /// The transaction ids of a block.
    BlockIds(BlockId),
    /// Transactions of a block by their place in it, ascending, at most 65,535.
    BlockTxs {
        /// The block.
        id: BlockId,
        /// The places.
        indices: Vec<u32>,
    },
    /// I have these transactions, at most [`MAX_TX_IDS`].
    Announce(Vec<Wtxid>),
    /// A page of your pool.
    Pool {
        /// Where the last page ended; zero to begin.
        cursor: Wtxid,
        /// At most so many ids, up to [`MAX_POOL_IDS`].
        max: u16,
    },
    /// Transactions by id, at most [`MAX_TX_IDS`].
    Txs(Vec<Wtxid>),
    /// A message of a topic, handed over directly.
    Push {
        /// The topic.
        topic: Topic,
        /// The message.
        data: Vec<u8>,
    },
    /// A block announced in short: whoever has its transactions needs nothing else.
    Compact(Box<Compact>),
    /// Hand me blocks by [`Question::Compact`] from now on, or no more of them.
    SendCompact(bool),
    /// Which other nodes do you know? At most so many, up to [`MAX_PEER_RECORDS`].
    Peers(u8),
}

impl Question {
    /// The protocol it is asked in.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Status(_) => Protocol::Status,
            Self::Headers { .. } => Protocol::Headers,
            Self::Bodies(_) => Protocol::Bodies,
            Self::BlockIds(_) => Protocol::BlockIds,
            Self::BlockTxs { .. } => Protocol::BlockTxs,
            Self::Announce(_) => Protocol::Announce,
            Self::Pool { .. } => Protocol::Pool,
            Self::Txs(_) => Protocol::Txs,
            Self::Push { .. } => Protocol::Push,
            Self::Compact(_) => Protocol::Compact,
            Self::SendCompact(_) => Protocol::SendCompact,
            Self::Peers(_) => Protocol::Peers,
        }
    }

    /// The bytes after the length. Whoever asks keeps the limits that the variants name.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Status(status) => status.write(&mut out),
            Self::Headers { max, locator } => {
                out.extend_from_slice(&max.to_le_bytes());
                out.push(length(locator.len()));
                out.extend(locator.iter().flat_map(BlockId::as_bytes));
            }
            Self::Bodies(ids) => {
                out.push(length(ids.len()));
                out.extend(ids.iter().flat_map(BlockId::as_bytes));
            }
            Self::BlockIds(id) => out.extend_from_slice(id.as_bytes()),
            Self::BlockTxs { id, indices } => {
                out.extend_from_slice(id.as_bytes());
                out.extend_from_slice(&length::<u16>(indices.len()).to_le_bytes());
                out.extend(indices.iter().flat_map(|index| index.to_le_bytes()));
            }
            Self::Announce(ids) | Self::Txs(ids) => {
                out.reserve(2 + HASH_BYTES * ids.len());
                out.extend_from_slice(&length::<u16>(ids.len()).to_le_bytes());
                out.extend(ids.iter().flat_map(Wtxid::as_bytes));
            }
            Self::Pool { cursor, max } => {
                out.extend_from_slice(cursor.as_bytes());
                out.extend_from_slice(&max.to_le_bytes());
            }
            Self::Push { topic, data } => {
                out.push(u8::from(*topic == Topic::Tx));
                out.extend_from_slice(data);
            }
            Self::Compact(compact) => compact.write(&mut out),
            Self::SendCompact(wanted) => out.push(u8::from(*wanted)),
            Self::Peers(max) => out.push(*max),
        }
        out
    }

    /// Reads a question that fills `bytes`.
    ///
    /// # Errors
    /// The first violation of the format, left to right.
    pub fn decode(protocol: Protocol, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let question = Self::read(protocol, &mut reader)?;
        reader.finish()?;
        Ok(question)
    }

    fn read(protocol: Protocol, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match protocol {
            Protocol::Status => Self::Status(Status::read(reader)?),
            Protocol::Headers => {
                let max = reader.u16()?;
                counted("the number of headers asked for", max, MAX_HEADERS)?;
                let count = counted("the number of locator ids", reader.u8()?, MAX_LOCATOR_IDS)?;
                Self::Headers { max, locator: read_hashes(reader, count, BlockId::new)? }
            }
            Protocol::Bodies => {
                let count = counted("the number of bodies asked for", reader.u8()?, MAX_BODIES)?;
                Self::Bodies(read_hashes(reader, count, BlockId::new)?)
            }
            Protocol::BlockIds => Self::BlockIds(BlockId::new(reader.array()?)),
            Protocol::BlockTxs => {
                Self::BlockTxs { id: BlockId::new(reader.array()?), indices: read_indices(reader)? }
            }
            Protocol::Announce => Self::Announce(read_wtxids(reader)?),
            Protocol::Pool => {
                let (cursor, max) = (Wtxid::new(reader.array()?), reader.u16()?);
                counted("the number of pool ids asked for", max, MAX_POOL_IDS)?;
                Self::Pool { cursor, max }
            }
            Protocol::Txs => Self::Txs(read_wtxids(reader)?),
            Protocol::Compact => Self::Compact(Box::new(Compact::read(reader)?)),
            Protocol::SendCompact => match reader.u8()? {
                value @ (0 | 1) => Self::SendCompact(value == 1),
                value => {
                    return Err(DecodeError::BadField {
                        what: "whether blocks are wanted",
                        value: value.into(),
                    });
                }
            },
            Protocol::Peers => {
                let max = reader.u8()?;
                counted("the number of peers asked for", max, MAX_PEER_RECORDS)?;
                Self::Peers(max)
            }
            Protocol::Push => {
                let topic = match reader.u8()? {
                    0 => Topic::Block,
                    1 => Topic::Tx,
                    value => return Err(DecodeError::BadField { what: "the topic", value: value.into() }),
                };
                Self::Push { topic, data: reader.take(reader.remaining())?.to_vec() }
            }
        })
    }
}

fn read_wtxids(reader: &mut Reader<'_>) -> Result<Vec<Wtxid>, DecodeError> {
    let count = counted("the number of transaction ids", reader.u16()?, MAX_TX_IDS)?;
    read_hashes(reader, count, Wtxid::new)
}

fn read_indices(reader: &mut Reader<'_>) -> Result<Vec<u32>, DecodeError> {
    let count = usize::from(reader.u16()?);
    need(reader, count, size_of::<u32>())?;
    let mut indices: Vec<u32> = Vec::with_capacity(count);
    for _ in 0..count {
        let index = reader.u32()?;
        if indices.last().is_some_and(|last| index <= *last) {
            return Err(DecodeError::BadField {
                what: "an index not above the one before",
                value: index.into(),
            });
        }
        indices.push(index);
    }
    Ok(indices)
}
