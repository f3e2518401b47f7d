//! What a node is told at its start.

use crate::budget::Budget;
use starling_genesis::Chain;
use starling_ledger::LedgerOptions;
use starling_primitives::Address;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A whole node's settings, resolved.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Which chain.
    pub chain: Chain,
    /// Where everything is kept; made if missing.
    pub data_dir: PathBuf,
    /// What is kept, and how much memory may be used.
    pub storage: StorageOptions,
    /// Multiaddresses to listen on; nowhere if empty.
    pub listen: Vec<String>,
    /// Multiaddresses of nodes to begin with, besides the chain's own.
    pub bootstrap: Vec<String>,
    /// Where JSON-RPC is answered; port 0 is any free one.
    pub rpc: SocketAddr,
    /// Host names under which it may be called, besides localhost and IP addresses.
    pub rpc_hosts: Vec<String>,
    /// Origins whose pages may call it.
    pub rpc_origins: Vec<String>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Whether nodes on the local network are looked for.
    pub mdns: bool,
    /// Whether peers are looked for that nobody named.
    pub discovery: bool,
    /// Whether to find out if others can reach the node, and to help it.
    pub nat: bool,
    /// Bytes a second that may be sent to peers; as many as the line takes if none.
    pub upload_limit: Option<u64>,
    /// How much later what peers send is delivered.
    pub link_delay: Duration,
    /// Mining inside the node, from the start.
    pub mine: Option<MineOptions>,
    /// Whether to mine on a public chain while no peer is connected.
    pub mine_alone: bool,
    /// The private chain's own ways.
    pub dev: Option<DevOptions>,
    /// Whether the ready line is JSON, on stdout.
    pub json: bool,
}

/// What is kept of a chain, and how much memory the process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageOptions {
    /// Memory.
    pub budget: Budget,
    /// How many blocks' bodies are kept; all unless given.
    pub prune: Option<u32>,
    /// Whether what happened to each address is kept.
    pub address_index: bool,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self { budget: Budget::default(), prune: None, address_index: true }
    }
}

impl StorageOptions {
    pub(super) fn ledger(&self) -> LedgerOptions {
        LedgerOptions {
            memory_bytes: self.budget.ledger_bytes(),
            keep_bodies: self.prune,
            address_index: Some(self.address_index),
        }
    }
}

/// Mining inside the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MineOptions {
    /// Who is paid.
    pub payout: Address,
    /// Threads, at least 1.
    pub threads: u16,
}

/// What only `starling dev` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevOptions {
    /// Seconds between blocks; without it, a block for each transaction.
    pub block_time: Option<u32>,
    /// Who is paid for blocks.
    pub payout: Address,
    /// Funded accounts to show: address and key in hex.
    pub accounts: Vec<(String, String)>,
}
