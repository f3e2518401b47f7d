//! What subscriptions deliver.

use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::{Amount, Bits, BlockId, TxId, Work, Wtxid};

/// One message of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Event<T> {
    /// The subscriber was too slow; the stream goes on after the gap.
    Missed {
        /// Messages left out.
        missed: u64,
    },
    /// What happened.
    Item(T),
}

/// `subscribe_heads`: a new tip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its id.
    #[serde(with = "serial::text")]
    pub id: BlockId,
    /// Its height.
    pub height: u32,
    /// Id of the block before.
    #[serde(with = "serial::text")]
    pub parent: BlockId,
    /// Its time.
    pub time: u32,
    /// Its target, compact.
    #[serde(with = "serial::text")]
    pub bits: Bits,
    /// Cumulative work.
    #[serde(with = "serial::work")]
    pub work: Work,
    /// Address of the miner.
    pub miner: String,
    /// Transactions in it.
    pub tx_count: u32,
    /// Bytes of its body.
    pub body_bytes: u32,
}

/// `subscribe_txs`: a transaction taken into the mempool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolTx {
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
    /// Bytes of the encoding.
    pub size: u32,
    /// When it came, in Unix seconds.
    pub time: u64,
}
