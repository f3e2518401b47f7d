//! Accounts and what happened on them.

use crate::serial;
use serde::{Deserialize, Serialize};
use starling_primitives::{Amount, BlockId, TxId};

/// `account_get`. An unknown account is zeros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The address asked for.
    pub address: String,
    /// Motes at the tip.
    #[serde(with = "serial::motes")]
    pub balance: Amount,
    /// Nonce of its next transaction at the tip.
    pub nonce: u64,
    /// Motes after all pending transactions.
    #[serde(with = "serial::motes")]
    pub pending_balance: Amount,
    /// Nonce after all its pending transactions.
    pub pending_nonce: u64,
}

/// `account_history`: one page, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountHistory {
    /// The address asked for.
    pub address: String,
    /// The entries.
    pub entries: Vec<HistoryEntry>,
    /// What to ask for next; absent on the last page.
    pub next_cursor: Option<String>,
}

/// One change of a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// What happened.
    pub kind: HistoryKind,
    /// The transaction; absent for a block reward.
    #[serde(with = "serial::optional_text")]
    pub txid: Option<TxId>,
    /// Motes that moved, the fee not counted.
    #[serde(with = "serial::motes")]
    pub amount: Amount,
    /// Fee that this account paid.
    #[serde(with = "serial::optional_motes")]
    pub fee: Option<Amount>,
    /// Id of the block.
    #[serde(with = "serial::text")]
    pub block: BlockId,
    /// Height of the block.
    pub height: u32,
    /// Time of the block.
    pub time: u32,
}

/// What happened to a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    /// Motes came in.
    Received,
    /// Motes went out.
    Sent,
    /// A payment to oneself.
    Own,
    /// Subsidy and fees of a block.
    Mined,
}
