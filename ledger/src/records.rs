//! How things lie in the database. Each record is one encoding, read back with the codec of the formats.
//! Numbers are little-endian unless marked BE; amounts are motes in 16 bytes.
//!
//! | record | bytes |
//! |---|---|
//! | tip | id 32, height 4, burned 16 |
//! | state tip | id 32, height 4 |
//! | tree mark | state tip 36, depth 4, keys 8, indexes of buckets that keep their nodes 4 each |
//! | header | status 1 (header, body, connected, invalid: 0-3), rule length 1, rule, work 32 (BE), header |
//! | undo | burned 16; for each touched key, ascending: key 32, length 2 (0: absent), account |
//! | transaction index | height 4 (BE), position 4 (BE) |
//! | address index | sent 16, fee 16, received 16, txid 32 (none for a reward, whose position is 2^32 - 1) |

use crate::state_tree::{EntryChange, Outline, Value};
use starling_consensus::Status;
use starling_primitives::state::StateKey;
use starling_primitives::{Address, Amount, BlockId, DecodeError, Header, Reader, TxId, Work};
use thiserror::Error;

/// A record that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Damaged {
    /// Its bytes do not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A field has a value that is never written.
    #[error("{0} has an impossible value")]
    Field(&'static str),
}

/// The last connected block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its id.
    pub id: BlockId,
    /// Its height.
    pub height: u32,
    /// Account charges burned up to it.
    pub burned: Amount,
}

impl Tip {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let burned = self.burned.motes().to_le_bytes();
        [self.id.as_bytes().as_slice(), &self.height.to_le_bytes(), &burned].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let (id, height) = (BlockId::new(reader.array()?), reader.u32()?);
        let burned = read_amount(&mut reader)?;
        reader.finish()?;
        Ok(Self { id, height, burned })
    }
}

/// The block after which the state on disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateTip {
    /// Its id.
    pub(crate) id: BlockId,
    /// Its height.
    pub(crate) height: u32,
}

impl StateTip {
    pub(crate) fn encode(self) -> Vec<u8> {
        [self.id.as_bytes().as_slice(), &self.height.to_le_bytes()].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let (id, height) = (BlockId::new(reader.array()?), reader.u32()?);
        reader.finish()?;
        Ok(Self { id, height })
    }
}

/// Of which state the tree on disk is, and how it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeMark {
    /// The block after which the state is.
    pub(crate) at: StateTip,
    /// How to read it.
    pub(crate) outline: Outline,
}

impl TreeMark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Outline { depth, keys, crowds } = &self.outline;
        let crowds: Vec<u8> = crowds.iter().flat_map(|index| index.to_le_bytes()).collect();
        [self.at.encode().as_slice(), &depth.to_le_bytes(), &keys.to_le_bytes(), &crowds].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let at = StateTip { id: BlockId::new(reader.array()?), height: reader.u32()? };
        let (depth, keys, mut crowds) = (reader.u32()?, reader.u64()?, Vec::new());
        while reader.remaining() > 0 {
            crowds.push(reader.u32()?);
        }
        Ok(Self { at, outline: Outline { depth, keys, crowds } })
    }
}

impl From<Tip> for StateTip {
    fn from(tip: Tip) -> Self {
        Self { id: tip.id, height: tip.height }
    }
}

/// A header with what is known of its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRecord {
    /// The header.
    pub header: Header,
    /// What is known of its block.
    pub status: Status,
    /// The rule that it broke itself, when it is invalid.
    pub rule: String,
    /// Cumulative work.
    pub work: Work,
}

/// Bytes of a rule's name that are kept.
const MAX_RULE_BYTES: usize = 255;

impl HeaderRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let status = match self.status {
            Status::Header => 0,
            Status::Body => 1,
            Status::Connected => 2,
            Status::Invalid => 3,
        };
        let rule = &self.rule.as_bytes()[..self.rule.len().min(MAX_RULE_BYTES)];
        let mut out = vec![status, u8::try_from(rule.len()).expect("cut to 255 bytes")];
        out.extend_from_slice(rule);
        out.extend_from_slice(&self.work.to_be_bytes());
        out.extend_from_slice(&self.header.encode());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let status = match reader.u8()? {
            0 => Status::Header,
            1 => Status::Body,
            2 => Status::Connected,
            3 => Status::Invalid,
            _ => return Err(Damaged::Field("status")),
        };
        let len = usize::from(reader.u8()?);
        let rule = String::from_utf8_lossy(reader.take(len)?).into_owned();
        let work = Work::from_be_bytes(reader.array()?);
        let header = Header::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { header, status, rule, work })
    }
}

/// What a block changed, the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Undo {
    /// Account charges that it burned.
    pub(crate) burned: Amount,
    /// Each touched key, ascending, and its value before; none when it was absent.
    pub(crate) values: Vec<EntryChange>,
}

impl Undo {
    pub(crate) fn encode(burned: Amount, values: &[EntryChange]) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + values.len() * (32 + 2 + size_of::<Value>()));
        out.extend_from_slice(&burned.motes().to_le_bytes());
        for (key, value) in values {
            out.extend_from_slice(key.as_bytes());
            let value = value.as_ref().map_or(&[][..], |value| value);
            let len = u16::try_from(value.len()).expect("a state value has at most 1,024 bytes");
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(value);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        let burned = read_amount(&mut reader)?;
        let mut values = Vec::new();
        while reader.remaining() > 0 {
            let key = StateKey::new(reader.array()?);
            let len = usize::from(reader.u16()?);
            let value = reader.take(len)?;
            let value =
                (len > 0).then(|| value.try_into().map_err(|_| Damaged::Field("value"))).transpose()?;
            values.push((key, value));
        }
        Ok(Self { burned, values })
    }
}

/// Where a mined transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxLocation {
    /// Height of its block on the connected chain.
    pub height: u32,
    /// Its position in the block.
    pub position: u32,
}

impl TxLocation {
    pub(crate) fn encode(self) -> [u8; 8] {
        let mut out = [0; 8];
        out[..4].copy_from_slice(&self.height.to_be_bytes());
        out[4..].copy_from_slice(&self.position.to_be_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let bytes: [u8; 8] = bytes.try_into().map_err(|_| Damaged::Field("location"))?;
        let [a, b, c, d, e, f, g, h] = bytes;
        Ok(Self { height: u32::from_be_bytes([a, b, c, d]), position: u32::from_be_bytes([e, f, g, h]) })
    }
}

/// Position of a mined reward in the address index: after every transaction of its block.
const REWARD_POSITION: u32 = u32::MAX;

/// What one transaction, or one mined block, did to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressEvent {
    /// Height of the block.
    pub height: u32,
    /// Position in the block.
    pub position: u32,
    /// The transaction; none for the reward of a mined block.
    pub txid: Option<TxId>,
    /// Motes that it sent to any recipient, itself included.
    pub sent: Amount,
    /// Fee and account charges that it paid.
    pub fee: Amount,
    /// Motes that came.
    pub received: Amount,
}

impl AddressEvent {
    const KEY_BYTES: usize = 28;

    /// The reward of a block.
    pub(crate) fn reward(height: u32, received: Amount) -> Self {
        Self {
            height,
            position: REWARD_POSITION,
            txid: None,
            sent: Amount::ZERO,
            fee: Amount::ZERO,
            received,
        }
    }

    pub(crate) fn key(&self, address: &Address) -> [u8; Self::KEY_BYTES] {
        Self::key_at(address, self.height, self.position)
    }

    pub(crate) fn key_at(address: &Address, height: u32, position: u32) -> [u8; Self::KEY_BYTES] {
        let mut key = [0; Self::KEY_BYTES];
        key[..20].copy_from_slice(address.as_bytes());
        key[20..24].copy_from_slice(&height.to_be_bytes());
        key[24..].copy_from_slice(&position.to_be_bytes());
        key
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.sent.motes().to_le_bytes().to_vec();
        out.extend_from_slice(&self.fee.motes().to_le_bytes());
        out.extend_from_slice(&self.received.motes().to_le_bytes());
        if let Some(txid) = &self.txid {
            out.extend_from_slice(txid.as_bytes());
        }
        out
    }

    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self, Damaged> {
        let location = TxLocation::decode(key.get(20..).unwrap_or_default())?;
        let mut reader = Reader::new(value);
        let (sent, fee) = (read_amount(&mut reader)?, read_amount(&mut reader)?);
        let received = read_amount(&mut reader)?;
        let txid = if reader.remaining() > 0 { Some(TxId::new(reader.array()?)) } else { None };
        reader.finish()?;
        Ok(Self { height: location.height, position: location.position, txid, sent, fee, received })
    }
}

/// Key of a body or an undo record.
pub(crate) fn block_key(height: u32, id: &BlockId) -> Vec<u8> {
    [height.to_be_bytes().as_slice(), id.as_bytes()].concat()
}

fn read_amount(reader: &mut Reader<'_>) -> Result<Amount, Damaged> {
    Amount::from_motes(reader.u128()?).map_err(|_| Damaged::Field("amount"))
}

#[cfg(test)]
pub(crate) mod tests;
