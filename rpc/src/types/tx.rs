//! Transactions: what they say, how they fared, what they cost.

use crate::error::ApiError;
use crate::serial;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use starling_primitives::{Amount, BlockId, GenesisId, Prefix, Transaction, TxId, Wtxid};

/// One recipient and what it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxOutput {
    /// Address of the recipient.
    pub to: String,
    /// At least 1 mote.
    #[serde(with = "serial::motes")]
    pub amount: Amount,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxInfo {
    /// What people call it by.
    #[serde(with = "serial::text")]
    pub txid: TxId,
    /// What names this exact encoding.
    #[serde(with = "serial::text")]
    pub wtxid: Wtxid,
    /// Address of the sender.
    pub from: String,
    /// The sender's nonce that it uses up.
    pub nonce: u64,
    /// What the miner gets.
    #[serde(with = "serial::motes")]
    pub fee: Amount,
    /// Last height at which it may be included; 0 = no limit.
    pub valid_until: u32,
    /// The recipients.
    pub outputs: Vec<TxOutput>,
    /// A note, up to 128 bytes.
    #[serde(with = "serial::bytes")]
    pub memo: Vec<u8>,
    /// Bytes of the encoding.
    pub size: u32,
}

impl TxInfo {
    /// The JSON form of a transaction of this chain.
    #[must_use]
    pub fn new(tx: &Transaction, genesis: &GenesisId, prefix: &Prefix) -> Self {
        let unsigned = tx.unsigned();
        let output = |output: &starling_primitives::Output| TxOutput {
            to: output.to.to_text(prefix),
            amount: output.amount,
        };
        Self {
            txid: tx.txid(genesis),
            wtxid: tx.wtxid(),
            from: tx.sender().to_text(prefix),
            nonce: unsigned.nonce,
            fee: unsigned.fee,
            valid_until: unsigned.valid_until,
            outputs: unsigned.outputs.iter().map(output).collect(),
            memo: unsigned.memo.as_bytes().to_vec(),
            size: u32::try_from(tx.size()).expect("a transaction has at most 16,384 bytes"),
        }
    }
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TxStatus {
    /// In the mempool.
    Pending,
    /// In a block of the canonical chain.
    Mined,
    /// Seen, and in neither: the last event says why.
    Dropped,
    /// Never seen here.
    Unknown,
}

/// One step of a transaction's way through this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TxEvent {
    /// When, in Unix seconds of this node's clock.
    pub time: u64,
    /// `received`, `accepted`, `announced`, `replaced`, `evicted`, `expired`, `mined`, `disconnected` ..
    pub what: String,
    /// What belongs to it: `peers`, `by`, `block`, `reason` ..
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

/// Probability that a miner with this share of all hash rate still reverses a transaction, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReversalRisk {
    /// An attacker with 10 %.
    #[serde(rename = "10")]
    pub attacker_10: f64,
    /// An attacker with 25 %.
    #[serde(rename = "25")]
    pub attacker_25: f64,
    /// An attacker with 30 %.
    #[serde(rename = "30")]
    pub attacker_30: f64,
}

/// Confirmations beyond which the risk is below 10^-15 for every attacker shown.
const CERTAIN_CONFIRMATIONS: u32 = 200;

impl ReversalRisk {
    /// The risk after this many confirmations (Rosenfeld, Analysis of hashrate-based double spending, 2014).
    #[must_use]
    pub fn after(confirmations: u32) -> Self {
        let risk = |share| reversal_risk(share, confirmations.min(CERTAIN_CONFIRMATIONS));
        Self { attacker_10: risk(0.10), attacker_25: risk(0.25), attacker_30: risk(0.30) }
    }
}

/// `1 - sum over m = 0..=n of C(m+n-1, m) (p^n q^m - p^m q^n)`, for q below one half.
fn reversal_risk(q: f64, confirmations: u32) -> f64 {
    if confirmations == 0 {
        return 1.0;
    }
    let p = 1.0 - q;
    let n = f64::from(confirmations);
    // C(m+n-1, m) (p^n q^m) and C(m+n-1, m) (p^m q^n), each from the one before.
    let mut honest = p.powf(n);
    let mut attacker = q.powf(n);
    let mut caught = honest - attacker;
    for m in 1..=confirmations {
        let m = f64::from(m);
        let growth = (m + n - 1.0) / m;
        honest *= growth * q;
        attacker *= growth * p;
        caught += honest - attacker;
    }
    (1.0 - caught).clamp(0.0, 1.0)
}

/// `tx_get`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TxReport {
    /// The transaction, where the node has it.
    pub tx: Option<TxInfo>,
    /// Where it stands.
    pub status: TxStatus,
    /// Id of its block.
    #[serde(with = "serial::optional_text")]
    pub block: Option<BlockId>,
    /// Height of its block.
    pub height: Option<u32>,
    /// Blocks from its own to the tip, both counted; 0 while it is in none.
    pub confirmations: u32,
    /// Its way, oldest first.
    pub events: Vec<TxEvent>,
    /// How likely it can still be reversed.
    pub reversal_risk: ReversalRisk,
}

/// `tx_submit` of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedTx {
    /// What to ask for later.
    #[serde(with = "serial::text")]
    pub txid: TxId,
}

/// One item of `tx_submit` of an array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TxSubmission {
    /// Taken into the mempool.
    Accepted(SubmittedTx),
    /// Not taken.
    Refused {
        /// Why: `{code, message, hint, ..}`.
        error: ApiError,
    },
}

/// `tx_estimateFee`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeEstimate {
    /// Motes per byte to be mined within 1, 3 and 10 blocks.
    pub per_byte: FeePerByte,
    /// Motes per byte below which the mempool takes nothing.
    #[serde(with = "serial::motes")]
    pub floor: Amount,
}

/// Motes per byte by how soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeePerByte {
    /// In the next block.
    #[serde(rename = "1", with = "serial::motes")]
    pub within_1: Amount,
    /// Within 3 blocks.
    #[serde(rename = "3", with = "serial::motes")]
    pub within_3: Amount,
    /// Within 10 blocks.
    #[serde(rename = "10", with = "serial::motes")]
    pub within_10: Amount,
}
