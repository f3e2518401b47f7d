//! What is settled, and what is pending.
//!
//! [`Ledger`] is the one writer: it connects a checked block to the tip or takes the tip back, compares the
//! state root with the header's each time, and commits each block in one atomic batch. Accounts follow some
//! blocks behind, many blocks' in one batch: whatever instant a process dies at, the next start finds a state
//! that is whole, and the blocks from there to the tip. [`Reader`] hands out [`View`]s to any thread.
//! [`Mempool`] holds what is not settled yet.
//!
//! - [`Ledger`], [`LedgerOptions`], [`LedgerMemory`], [`ConnectedBlock`], [`DisconnectedBlock`], [`Draft`],
//!   [`AccountProof`]: writing, and what only the writer knows
//! - [`Reader`], [`View`], [`AddressEvent`], [`TxLocation`]: reading
//! - [`Store`], [`StoreError`], [`wait_until_closed`]: the database, why it refuses, and its end
//! - [`Mempool`] and what it answers: pending transactions
//! - [`db_stats`], [`check_db`], [`compact_db`]: care for the database of a stopped node; [`ahead`]: what
//!   comes next, on other cores
//! - [`verify_chain`]: everything once more from genesis; [`measure_state`]: what the state costs
//!
//! It never talks to a peer, never reads a clock, and never keeps a state whose root is not the header's.

mod accounts;
mod ahead;
mod ledger;
mod measure;
mod mempool;
mod overlay;
mod published;
mod reader;
mod records;
mod sorted;
mod state;
mod state_tree;
mod store;
#[cfg(test)]
mod testing;
mod upkeep;
mod verify;
mod workers;

pub use ahead::{CHECKED_AHEAD, ahead};
pub use ledger::{
    AccountProof, ConnectError, ConnectedBlock, DisconnectedBlock, Draft, Ledger, LedgerMemory, LedgerOptions,
};
pub use measure::{StateFigures, StatePlan, measure_state};
pub use mempool::{
    AddError, Admitted, DropReason, Event, EventKind, FeeClass, FileError, Fresh, LoadError, Loaded,
    MAX_EXECUTABLE, MAX_FRESH_EVENTS, MAX_POOL_BYTES, MAX_TRAIL_EVENTS, MAX_WAITING, Mempool, Page,
    PendingAccount, PoolError, PoolInfo, PoolLimits, PoolTx, Settled, Snapshot, Source, TipBlock, TipReport,
    TxStatus,
};
pub use reader::{MinedTx, Reader, View};
pub use records::{AddressEvent, HeaderRecord, Tip, TxLocation};
pub use store::{MemoryDisk, Store, StoreError, wait_until_closed};
pub use upkeep::{
    CheckReport, CompactedFamily, Damage, DbStats, DiskBytes, FamilyStats, MAX_LISTED, UpkeepStep, check_db,
    compact_db, db_stats, has_database, open_settled,
};
pub use verify::{VerifyError, verify_chain, verify_chain_from};
