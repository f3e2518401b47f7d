//! Care for the database of a data directory whose node is stopped.

use super::NodeError;
use super::data_dir::DataDir;
use starling_genesis::Chain;
use starling_ledger::{CheckReport, CompactedFamily, DbStats, UpkeepStep};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The folder of the database in a data directory.
const DB: &str = "db";

/// Whether a data directory has a database; makes nothing.
///
/// # Errors
/// [`NodeError::Store`]: it cannot be read, or is damaged.
pub fn has_database(data_dir: &Path) -> Result<bool, NodeError> {
    Ok(starling_ledger::has_database(&data_dir.join(DB))?)
}

/// How large the database is, and what is in it.
///
/// # Errors
/// [`NodeError`].
pub fn db_stats(chain: &Chain, data_dir: &Path) -> Result<DbStats, NodeError> {
    let dir = DataDir::open(data_dir)?;
    Ok(starling_ledger::db_stats(&dir.file(DB), &Arc::new(chain.clone()))?)
}

/// Holds every record of the database against the others; no report when `progress` ended it.
///
/// # Errors
/// [`NodeError`]: the database cannot even be opened.
pub fn check_db(
    chain: &Chain,
    data_dir: &Path,
    progress: &mut dyn FnMut(UpkeepStep) -> ControlFlow<()>,
) -> Result<Option<CheckReport>, NodeError> {
    let dir = DataDir::open(data_dir)?;
    Ok(starling_ledger::check_db(&dir.file(DB), &Arc::new(chain.clone()), progress)?)
}

/// Writes the database anew, without what was overwritten or deleted; nothing is told when `progress` ended
/// it.
///
/// # Errors
/// [`NodeError`].
pub fn compact_db(
    chain: &Chain,
    data_dir: &Path,
    progress: &mut dyn FnMut(UpkeepStep) -> ControlFlow<()>,
) -> Result<Option<Vec<CompactedFamily>>, NodeError> {
    let dir = DataDir::open(data_dir)?;
    Ok(starling_ledger::compact_db(&dir.file(DB), &Arc::new(chain.clone()), progress)?)
}
