//! Proofs: what a node says, in a form that anybody can check against a header (formats: State, History,
//! Body and its root).

use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::history::{Leaf, Proof as HistoryPath};
use starling_primitives::state::{Found, Proof as StatePath, StateKey};
use starling_primitives::{Bits, BlockId, Header, TxProof as TxPath, Work, Wtxid};

/// `account_getProof`: that an account is what it is after a block, or is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountProof {
    /// The address asked for.
    pub address: String,
    /// Id of the block.
    #[serde(with = "serial::text")]
    pub block: BlockId,
    /// The block's header, whose `state_root` the proof leads to.
    #[serde(with = "serial::bytes")]
    pub header: Vec<u8>,
    /// The account's key in the state.
    #[serde(with = "serial::hash")]
    pub key: [u8; 32],
    /// The account's bytes; null when it is absent.
    #[serde(with = "serial::optional_bytes")]
    pub value: Option<Vec<u8>>,
    /// The lone leaf that stands in the account's place; null when none does.
    pub other: Option<OtherLeaf>,
    /// Bit i: the sibling met at key bit i is not zero.
    #[serde(with = "serial::hash")]
    pub depth_bitmap: [u8; 32],
    /// Those siblings, from the root down.
    #[serde(with = "serial::hashes")]
    pub siblings: Vec<[u8; 32]>,
}

/// Another key's leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherLeaf {
    /// Its key.
    #[serde(with = "serial::hash")]
    pub key: [u8; 32],
    /// Its value.
    #[serde(with = "serial::bytes")]
    pub value: Vec<u8>,
}

impl AccountProof {
    /// The JSON form of a proof for an address.
    #[must_use]
    pub fn new(address: String, header: &Header, key: &StateKey, proof: StatePath) -> Self {
        let (value, other) = match proof.found {
            Found::Value(value) => (Some(value), None),
            Found::Other(other) => (None, Some(OtherLeaf { key: *other.key.as_bytes(), value: other.value })),
            Found::Nothing => (None, None),
        };
        Self {
            address,
            block: header.id(),
            header: header.encode(),
            key: *key.as_bytes(),
            value,
            other,
            depth_bitmap: proof.bitmap,
            siblings: proof.siblings,
        }
    }
}

/// `tx_getProof`: that a transaction is in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxProof {
    /// Id of the block.
    #[serde(with = "serial::text")]
    pub block: BlockId,
    /// The block's header, whose `tx_root` the proof leads to.
    #[serde(with = "serial::bytes")]
    pub header: Vec<u8>,
    /// Place of the transaction in the body, from 0.
    pub index: u32,
    /// Transactions of the body.
    pub count: u32,
    /// What names the transaction's exact encoding.
    #[serde(with = "serial::text")]
    pub wtxid: Wtxid,
    /// From the leaf up; a level at which the last element moves up unchanged has none.
    #[serde(with = "serial::hashes")]
    pub siblings: Vec<[u8; 32]>,
}

impl TxProof {
    /// The JSON form of a proof.
    #[must_use]
    pub fn new(header: &Header, wtxid: Wtxid, proof: TxPath) -> Self {
        let TxPath { index, count, siblings } = proof;
        Self { block: header.id(), header: header.encode(), index, count, wtxid, siblings }
    }
}

/// `history_getProof`: that a block is an ancestor of the tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryProof {
    /// The tip's header, whose `history_root` the proof leads to.
    #[serde(with = "serial::bytes")]
    pub tip_header: Vec<u8>,
    /// The ancestor.
    pub leaf: HistoryLeaf,
    /// Which leaf: the ancestor's height.
    pub index: u32,
    /// Of how many: the tip's height.
    pub count: u32,
    /// From the leaf up to its peak.
    #[serde(with = "serial::hashes")]
    pub siblings: Vec<[u8; 32]>,
    /// The bagged peaks to the right; null when there are none.
    #[serde(with = "serial::optional_hash")]
    pub right_bag: Option<[u8; 32]>,
    /// The peaks to the left, from right to left.
    #[serde(with = "serial::hashes")]
    pub left_peaks: Vec<[u8; 32]>,
}

/// What the history says of one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLeaf {
    /// Its id.
    #[serde(with = "serial::text")]
    pub id: BlockId,
    /// Its height.
    pub height: u32,
    /// Its time.
    pub time: u32,
    /// Its bits.
    #[serde(with = "serial::text")]
    pub bits: Bits,
    /// Cumulative work, its own included.
    #[serde(with = "serial::work")]
    pub work: Work,
}

impl HistoryProof {
    /// The JSON form of a proof against the tip's header.
    #[must_use]
    pub fn new(tip: &Header, leaf: Leaf, proof: HistoryPath) -> Self {
        let Leaf { id, height, time, bits, work } = leaf;
        let HistoryPath { index, count, siblings, right_bag, left_peaks } = proof;
        let leaf = HistoryLeaf { id, height, time, bits, work };
        Self { tip_header: tip.encode(), leaf, index, count, siblings, right_bag, left_peaks }
    }
}
