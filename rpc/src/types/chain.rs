//! Blocks, headers, tips and the chain as a whole.

use super::TxInfo;
use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::{
    Amount, Bits, BlockId, GenesisId, Header, HistoryRoot, Prefix, StateRoot, TxRoot, Work,
};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How a block is named: by height, by id, or as the tip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRef {
    /// The canonical block at this height.
    Height(u32),
    /// The block with this id, on any branch.
    Id(BlockId),
    /// The best connected block.
    Tip,
}

/// A text that names no block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} names no block; give a height, a block id of 64 hex digits, or \"tip\"")]
pub struct BlockRefError(String);

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Height(height) => height.fmt(f),
            Self::Id(id) => id.fmt(f),
            Self::Tip => f.write_str("tip"),
        }
    }
}

/// As people write it: `tip`, digits for a height, 64 hex digits for an id.
impl FromStr for BlockRef {
    type Err = BlockRefError;

    fn from_str(text: &str) -> Result<Self, BlockRefError> {
        if text == "tip" {
            return Ok(Self::Tip);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let digits = text.bytes().all(|c| c.is_ascii_digit());
        let height = text.parse().ok().filter(|_| digits).map(Self::Height);
        height.ok_or_else(|| BlockRefError(text.chars().take(80).collect()))
    }
}

/// A height is a number, the others are strings.
impl Serialize for BlockRef {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Height(height) => to.serialize_u32(*height),
            named => to.collect_str(named),
        }
    }
}

impl<'de> Deserialize<'de> for BlockRef {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Height(u32),
            Name(String),
        }
        let refuse = |text: String| serde::de::Error::custom(BlockRefError(text.chars().take(80).collect()));
        match Form::deserialize(from) {
            Ok(Form::Height(height)) => Ok(Self::Height(height)),
            Ok(Form::Name(name)) => match name.parse() {
                Ok(Self::Height(_)) | Err(_) => Err(refuse(name)),
                Ok(named) => Ok(named),
            },
            Err(_) => Err(refuse(String::new())),
        }
    }
}

/// Which bytes of a block `chain_getRaw` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockPart {
    /// The header (formats: Work header, coinbase, content).
    Header,
    /// The body (formats: Body and its root).
    Body,
    /// Header and body.
    Block,
}

/// What the node is doing to reach the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncStage {
    /// No peer to learn from yet.
    Waiting,
    /// Fetching headers.
    Headers,
    /// Fetching and connecting bodies.
    Bodies,
    /// At the best chain known.
    Synced,
}

/// How far a node is that is not synced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncInfo {
    /// Height of the last header that came.
    pub header_height: u32,
    /// Headers or blocks a second, whichever are being fetched, over the last half minute.
    pub per_second: f64,
    /// Seconds until the target at this pace; absent while that cannot be told.
    pub eta_seconds: Option<u64>,
    /// Peer id of whom headers come from.
    pub headers_from: Option<String>,
    /// Peer id of who holds up the next block.
    pub stalling: Option<String>,
}

/// `chain_info`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainInfo {
    /// The chain's name.
    pub chain: String,
    /// First four bytes of the genesis id as a little-endian number.
    pub chain_id: u32,
    /// The genesis block's id, which pins every rule.
    #[serde(with = "serial::text")]
    pub genesis: GenesisId,
    /// Height of the tip.
    pub height: u32,
    /// Id of the tip.
    #[serde(with = "serial::text")]
    pub tip: BlockId,
    /// Time of the tip.
    pub time: u32,
    /// Bits of the tip.
    #[serde(with = "serial::text")]
    pub bits: Bits,
    /// Cumulative work of the tip.
    #[serde(with = "serial::work")]
    pub work: Work,
    /// Motes that exist: prefunded and subsidies, less burned charges.
    #[serde(with = "serial::motes")]
    pub supply: Amount,
    /// Whether the node is at the best chain it knows.
    pub synced: bool,
    /// What it is doing to get there.
    pub stage: SyncStage,
    /// Height of the best chain that can be had.
    pub target_height: u32,
    /// How it gets there.
    pub sync: SyncInfo,
    /// What the operator should know, one sentence each.
    pub warnings: Vec<String>,
    /// What addresses begin with.
    pub prefix: String,
    /// Proof of work: `sha256d` or `sha256d-tagged`.
    pub pow: String,
    /// Seconds between blocks that the difficulty aims at.
    pub interval: u32,
    /// Expected hashes for a block at the tip's bits.
    pub difficulty: f64,
    /// Hashes a second of all miners, estimated from recent blocks.
    pub hash_rate: f64,
    /// What a transfer pays for each recipient that has no account yet.
    #[serde(with = "serial::motes")]
    pub account_charge: Amount,
    /// Lowest height whose body is kept; absent when all are.
    pub pruned_below: Option<u32>,
}

/// `chain_getHeader`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderInfo {
    /// The block's id.
    #[serde(with = "serial::text")]
    pub id: BlockId,
    /// Blocks since genesis.
    pub height: u32,
    /// Id of the block before.
    #[serde(with = "serial::text")]
    pub parent: BlockId,
    /// The header's time.
    pub time: u32,
    /// The target, compact.
    #[serde(with = "serial::text")]
    pub bits: Bits,
    /// The work header's nonce.
    pub nonce: u32,
    /// The work header's version.
    #[serde(with = "serial::word")]
    pub version: u32,
    /// Address of the miner.
    pub miner: String,
    /// Transactions in the body.
    pub tx_count: u32,
    /// Bytes of the body.
    pub body_bytes: u32,
    /// Root over the body's `wtxid`s.
    #[serde(with = "serial::text")]
    pub tx_root: TxRoot,
    /// Root of the state after this block.
    #[serde(with = "serial::text")]
    pub state_root: StateRoot,
    /// Root over all blocks before this one.
    #[serde(with = "serial::text")]
    pub history_root: HistoryRoot,
    /// What the miner appended to the coinbase script.
    #[serde(with = "serial::bytes")]
    pub extra: Vec<u8>,
    /// Cumulative work, this block included.
    #[serde(with = "serial::work")]
    pub work: Work,
    /// Blocks from this one to the tip, both counted; 0 off the canonical chain.
    pub confirmations: u32,
    /// Whether it lies on the canonical chain.
    pub canonical: bool,
}

/// What a header does not say of itself.
#[derive(Clone, Copy, Debug)]
pub struct HeaderPlace {
    /// Cumulative work, the block included.
    pub work: Work,
    /// Blocks from it to the tip, both counted; 0 off the canonical chain.
    pub confirmations: u32,
    /// Whether it lies on the canonical chain.
    pub canonical: bool,
}

impl HeaderInfo {
    /// The JSON form of a header at its place.
    #[must_use]
    pub fn new(header: &Header, prefix: &Prefix, place: HeaderPlace) -> Self {
        let (work, content) = (header.work(), header.content());
        Self {
            id: header.id(),
            height: content.height,
            parent: work.parent,
            time: work.time,
            bits: work.bits,
            nonce: work.nonce,
            version: work.version,
            miner: content.miner.to_text(prefix),
            tx_count: content.tx_count,
            body_bytes: content.body_bytes,
            tx_root: content.tx_root,
            state_root: content.state_root,
            history_root: content.history_root,
            extra: header.extra().as_bytes().to_vec(),
            work: place.work,
            confirmations: place.confirmations,
            canonical: place.canonical,
        }
    }
}

/// `chain_getBlock`: the header's fields, and the transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockInfo {
    /// The header.
    #[serde(flatten)]
    pub header: HeaderInfo,
    /// The transactions, in order.
    pub txs: Vec<TxInfo>,
}

/// `chain_getHeaders`: canonical headers, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderList {
    /// At most 2,000.
    pub headers: Vec<HeaderInfo>,
}

/// `chain_getTips`: the canonical tip, then the branch heads with the most work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainTips {
    /// At most 100.
    pub tips: Vec<ChainTip>,
}

/// One branch head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainTip {
    /// Id of the head.
    #[serde(with = "serial::text")]
    pub id: BlockId,
    /// Its height.
    pub height: u32,
    /// Height of the last block it shares with the canonical chain.
    pub fork_height: u32,
    /// Cumulative work.
    #[serde(with = "serial::work")]
    pub work: Work,
    /// How far the node has followed it.
    pub status: TipStatus,
}

/// How far the node has followed a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TipStatus {
    /// The canonical tip.
    Active,
    /// Connected before, or fully stored, with less work than the tip.
    Fork,
    /// Only headers are known.
    Headers,
    /// A block of it breaks a rule.
    Invalid,
}
