//! What is pending.

use super::PoolTx;
use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::Amount;

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
    /// What a subscriber is told of it.
    #[serde(flatten)]
    pub tx: PoolTx,
    /// Motes per byte.
    #[serde(with = "serial::motes")]
    pub per_byte: Amount,
    /// Whether it waits behind a gap of nonces.
    pub waiting: bool,
}
