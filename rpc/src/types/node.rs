//! The node as a whole.

use super::{ChainInfo, MempoolInfo, MiningInfo, NetInfo};
use serde::{Deserialize, Serialize};

/// `node_status`: everything `starling status` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Version of the binary.
    pub version: String,
    /// Seconds since start.
    pub uptime_seconds: u64,
    /// The chain.
    pub chain: ChainInfo,
    /// What is pending.
    pub mempool: MempoolInfo,
    /// The peers.
    pub net: NetInfo,
    /// The miner.
    pub mining: MiningInfo,
    /// Bytes of memory that the process holds, where the system tells.
    pub resident_bytes: Option<u64>,
    /// What it may hold, and what its parts do.
    pub memory: MemoryInfo,
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryInfo {
    /// What the process may use: `--memory`.
    pub budget: u64,
    /// The database's cache, and what waits to be written to its files.
    pub database: u64,
    /// Accounts used lately, and those that wait to be written.
    pub accounts: u64,
    /// The state tree, which grows with the accounts.
    pub tree: u64,
    /// Pending transactions.
    pub mempool: u64,
}

/// `GET /ready`, for supervisors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether the node answers and is at the best chain.
    pub ready: bool,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// Height of the tip.
    pub height: u32,
    /// Height of the best chain that can be had.
    pub target_height: u32,
    /// Connected peers.
    pub peers: u32,
    /// Seconds since the tip's time.
    pub seconds_since_block: u64,
}
