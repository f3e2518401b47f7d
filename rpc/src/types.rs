//! What the methods answer, as JSON: one type for each result, the same for server and client.
//!
//! Amounts are decimal strings of motes, hashes stand as they print (formats: Hashes), `bits` and `version`
//! are 8 hex digits, work 64, bytes lower-case hex, times Unix seconds. Fields may be added, none is renamed.

mod account;
mod chain;
mod discover;
mod event;
mod mempool;
mod mining;
mod net;
mod node;
mod proof;
mod tx;

pub use account::{Account, AccountHistory, HistoryEntry, HistoryKind};
pub use chain::{
    BlockInfo, BlockPart, BlockRef, BlockRefError, ChainInfo, ChainTip, ChainTips, HeaderInfo, HeaderList,
    HeaderPlace, SyncInfo, SyncStage, TipStatus,
};
pub use discover::{Discovery, MethodInfo, ParamInfo};
pub use event::{Event, Head, PoolTx};
pub use mempool::{FeeBand, MempoolEntry, MempoolInfo, MempoolPage};
pub use mining::{Generated, MinedBlock, MiningInfo, MiningTemplate};
pub use net::{Ban, Direction, NetAdded, NetInfo, PeerChanged, PeerInfo, ProtocolTraffic};
pub use node::{Health, MemoryInfo, NodeStatus};
pub use proof::{AccountProof, HistoryLeaf, HistoryProof, OtherLeaf, TxProof};
pub use tx::{
    FeeEstimate, FeePerByte, ReversalRisk, SubmittedTx, TxEvent, TxInfo, TxOutput, TxReport, TxStatus,
    TxSubmission,
};

#[cfg(test)]
mod tests;
