//! What is pending.

use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::{Amount, TxId, Wtxid};

/// `mempool_info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolInfo {
    /// Transactions in it.
    pub count: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes that it may hold.
    pub max_bytes: u64,
    /// Motes per byte below which nothing is taken.
    #[serde(with = "serial::motes")]
    pub floor: Amount,
    /// Transactions that wait behind a gap of nonces.
    pub waiting: u64,
    /// Fees per byte, dearest first.
    pub fee_histogram: Vec<FeeBand>,
}

/// The transactions that pay at least this much and less than the band above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeBand {
    /// Motes per byte at the least.
    #[serde(with = "serial::motes")]
    pub per_byte: Amount,
    /// How many.
    pub count: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// `mempool_list`: one page, best fee first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolPage {
    /// The transactions.
    pub txs: Vec<MempoolEntry>,
    /// What to ask for next; absent on the last page.
    pub next_cursor: Option<String>,
}

/// One pending transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MempoolEntry {
    /// What people call it by.
    #[serde(with = "serial::text")]
    pub txid: TxId,
    /// What names its exact encoding.
    #[serde(with = "serial::text")]
    pub wtxid: Wtxid,
    /// Address of the sender.
    pub from: String,
    /// The sender's nonce that it uses up.
    pub nonce: u64,
    /// What the miner gets.
    #[serde(with = "serial::motes")]
    pub fee: Amount,
    /// Motes per byte.
    #[serde(with = "serial::motes")]
    pub per_byte: Amount,
    /// Bytes of the encoding.
    pub size: u32,
    /// When it came, in Unix seconds.
    pub time: u64,
    /// Whether it waits behind a gap of nonces.
    pub waiting: bool,
}
