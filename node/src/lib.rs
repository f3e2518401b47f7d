//! The node as a library: the core that decides, and the shells that carry its decisions out.
//!
//! [`Core`] owns everything that changes: the header tree, the ledger's writer, the mempool, the network
//! machines. It is synchronous and touches neither socket nor clock: an [`Event`] and the time go in,
//! [`Effect`]s come out, so a simulator drives the very code that ships. [`run`] puts the shells around it:
//! libp2p, JSON-RPC, miner threads, one timer. The binary adds the command line.
//!
//! - [`Core`], [`Event`], [`Effect`], [`Now`]: the core
//! - [`run`], [`NodeOptions`], [`StorageOptions`]: a whole node until it is told to stop
//! - [`Budget`]: memory, and who may use how much of it
//! - [`export_chain`], [`import_chain`], [`verify_stored_chain`]: work on a data directory without a node
//! - [`has_database`], [`db_stats`], [`check_db`], [`compact_db`]: care for the database in it
//!
//! It never lets two things write the same state, and never answers from a state whose root is not a
//! header's.

mod budget;
mod core;
mod shell;

pub use crate::budget::Budget;
pub use crate::core::{
    Call, CheckJob, Checked, Core, CoreConfig, Done, Effect, Event, Job, Now, PoolEntry, ServeJob, Served,
    SubmitBlockError, SyncState, Template, TemplateError, TipEvent, penalty_of_block, penalty_of_header,
    penalty_of_tx,
};
pub use crate::shell::{
    DevOptions, ImportOptions, ImportSummary, MineOptions, NodeError, NodeOptions, StorageOptions, check_db,
    compact_db, db_stats, export_chain, has_database, import_chain, run, verify_stored_chain,
};
