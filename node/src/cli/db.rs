//! `db`.

use super::DataArgs;
use clap::Subcommand;

/// `starling db`.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Show how large the database is, and what is in it
    Stats(DataArgs),
    /// Read every record, and hold it against the others
    Check(DataArgs),
    /// Write everything anew, without what was overwritten or deleted
    Compact(DataArgs),
}
