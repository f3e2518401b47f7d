//! Work for miners, and what the node's own miner does.

use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::{Amount, Bits, BlockId, Commitment};

/// `mining_getTemplate`: a header to search a nonce for, and to hand back by `mining_submit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiningTemplate {
    /// `work | extra_len | extra | content` with nonce 0 (formats: Work header, coinbase, content).
    #[serde(with = "serial::bytes")]
    pub header: Vec<u8>,
    /// Names the content, by which the node finds the body again.
    #[serde(with = "serial::text")]
    pub commitment: Commitment,
    /// Height of the new block.
    pub height: u32,
    /// Id of the block that it follows.
    #[serde(with = "serial::text")]
    pub parent: BlockId,
    /// Proof of work: `sha256d` or `sha256d-tagged`.
    pub pow: String,
    /// The target, compact.
    #[serde(with = "serial::text")]
    pub bits: Bits,
    /// The target: 64 hex digits, big-endian.
    pub target: String,
    /// The earliest time that the header may carry.
    pub min_time: u32,
    /// The latest time that others take now.
    pub max_time: u32,
    /// Transactions in the body.
    pub tx_count: u32,
    /// Subsidy and fees.
    #[serde(with = "serial::motes")]
    pub reward: Amount,
}

/// `mining_submit`: the block that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinedBlock {
    /// Its id.
    #[serde(with = "serial::text")]
    pub id: BlockId,
    /// Its height.
    pub height: u32,
    /// Whether it is the tip now.
    pub canonical: bool,
}

/// `mining_info`; `mining_start` and `mining_stop` answer the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MiningInfo {
    /// Whether the node's own miner runs.
    pub mining: bool,
    /// Its threads.
    pub threads: u32,
    /// Who gets the reward.
    pub payout: Option<String>,
    /// Its hashes a second.
    pub hash_rate: f64,
    /// Blocks found since start.
    pub blocks_found: u64,
    /// Hashes a second of all miners, estimated from recent blocks.
    pub network_hash_rate: f64,
    /// Expected hashes for the next block.
    pub difficulty: f64,
    /// Height of the next block.
    pub height: u32,
    /// Why templates are not handed out now, where they are not; on a private chain, how it mines by itself.
    pub reason: Option<String>,
}

/// `mining_generate`: what was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// Ids of the new blocks, ascending.
    #[serde(with = "serial::texts")]
    pub blocks: Vec<BlockId>,
    /// Height of the last.
    pub height: u32,
}
