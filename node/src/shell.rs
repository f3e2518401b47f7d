//! The shells around the core: data directory, network task, RPC server, miner threads, signals.

mod api;
mod checkers;
mod core_task;
mod data_dir;
mod dev;
mod error;
mod metrics;
mod miner;
mod offline;
mod options;
mod run;
mod upkeep;

pub use error::NodeError;
pub use offline::{ImportOptions, ImportSummary, export_chain, import_chain, verify_stored_chain};
pub use options::{DevOptions, MineOptions, NodeOptions, StorageOptions};
pub use run::run;
pub use upkeep::{check_db, compact_db, db_stats, has_database};
