//! Care for the database of a node that is stopped: how large it is, whether all of it holds, compaction.

mod check;

pub use check::{CheckReport, Damage, MAX_LISTED, check_db};

use crate::ledger::Ledger;
use crate::records::Tip;
use crate::store::{CURRENT, Family, StoreError};
use starling_genesis::Chain;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// How far long work has come: it is told from time to time, and may end the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpkeepStep {
    /// The family at hand.
    pub family: &'static str,
    /// What is done: records when checking, families when compacting.
    pub done: u64,
    /// What there is to do, as far as it is known.
    pub total: u64,
}

/// What a database holds and takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbStats {
    /// Version of its layout.
    pub schema: u32,
    /// The last connected block.
    pub tip: Tip,
    /// Height of the lowest block that can be undone; none when no block can.
    pub lowest_undo: Option<u32>,
    /// Each family.
    pub families: Vec<FamilyStats>,
    /// Files on disk.
    pub disk: DiskBytes,
    /// Bytes of the write-ahead log as the node had left it: opening the database empties it.
    pub left_log_bytes: u64,
}

/// A family of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyStats {
    /// Its name.
    pub name: &'static str,
    /// About how many records it has.
    pub keys: u64,
    /// Bytes of its tables.
    pub sst_bytes: u64,
    /// Bytes of its blob files.
    pub blob_bytes: u64,
    /// Bytes in its blob files that nothing refers to any more.
    pub garbage_bytes: u64,
}

/// Files of a database, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskBytes {
    /// Tables.
    pub sst: u64,
    /// Blob files.
    pub blob: u64,
    /// The write-ahead log.
    pub log: u64,
    /// Everything else.
    pub other: u64,
}

/// What compaction did to a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactedFamily {
    /// Its name.
    pub name: &'static str,
    /// Bytes of its tables and blob files before.
    pub before: u64,
    /// The same afterwards.
    pub after: u64,
}

impl DiskBytes {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.blob, self.log, self.other].iter().fold(self.sst, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Of the files in a folder.
    fn of(path: &Path) -> Result<Self, StoreError> {
        let mut bytes = Self::default();
        for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
            let entry = entry.map_err(|error| unreadable(path, &error))?;
            let size = match entry.metadata() {
                Ok(metadata) => metadata.len(),
                // RocksDB removes what it needs no more.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&entry.path(), &error)),
            };
            let of = match entry.path().extension().and_then(|extension| extension.to_str()) {
                Some("sst") => &mut bytes.sst,
                Some("blob") => &mut bytes.blob,
                Some("log") => &mut bytes.log,
                _ => &mut bytes.other,
            };
            *of = of.saturating_add(size);
        }
        Ok(bytes)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), what: error.to_string() }
}

/// Whether there is a database in a folder, without making one.
///
/// # Errors
/// [`StoreError`]: the folder cannot be read, or a database in it has lost the file that names its parts.
pub fn has_database(path: &Path) -> Result<bool, StoreError> {
    let mut is_empty = true;
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable(path, &error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| unreadable(path, &error))?.file_name();
        if name == CURRENT {
            return Ok(true);
        }
        is_empty = false;
    }
    let what = format!("its file {CURRENT} is missing");
    if is_empty { Ok(false) } else { Err(StoreError::Damaged { path: path.to_owned(), what }) }
}

/// Opens a database for work without a node: its state on disk is that of its tip.
///
/// # Errors
/// [`StoreError`].
pub fn open_settled(path: &Path, chain: &Arc<Chain>) -> Result<Ledger, StoreError> {
    let (mut ledger, _) = Ledger::open(path, chain.clone())?;
    ledger.flush_state()?;
    Ok(ledger)
}

/// How large a database is, and what is in it.
///
/// # Errors
/// [`StoreError`].
pub fn db_stats(path: &Path, chain: &Arc<Chain>) -> Result<DbStats, StoreError> {
    let left_log_bytes = DiskBytes::of(path)?.log;
    let ledger = open_settled(path, chain)?;
    let (store, tip) = (ledger.store(), ledger.tip());
    let family = |family: Family| {
        let bytes = store.family_bytes(family)?;
        let keys = store.estimated_entries(family)?;
        let (sst_bytes, blob_bytes, garbage_bytes) = (bytes.sst, bytes.blob, bytes.garbage);
        Ok(FamilyStats { name: family.name(), keys, sst_bytes, blob_bytes, garbage_bytes })
    };
    Ok(DbStats {
        schema: store.schema()?.ok_or_else(|| store.damaged("no schema"))?,
        tip,
        lowest_undo: ledger.deepest_fork().checked_add(1).filter(|lowest| *lowest <= tip.height),
        families: Family::ALL.into_iter().map(family).collect::<Result<_, StoreError>>()?,
        disk: DiskBytes::of(path)?,
        left_log_bytes,
    })
}

/// Writes each family anew, without what was overwritten or deleted; gives what that did to each. None when
/// `progress`, which is told before each family, ended it: what is done stays done.
///
/// # Errors
/// [`StoreError`]: the disk may be full, for old files go when new ones are there.
pub fn compact_db(
    path: &Path,
    chain: &Arc<Chain>,
    progress: &mut dyn FnMut(UpkeepStep) -> ControlFlow<()>,
) -> Result<Option<Vec<CompactedFamily>>, StoreError> {
    let ledger = open_settled(path, chain)?;
    let store = ledger.store();
    let bytes = |family| store.family_bytes(family).map(|bytes| bytes.sst.saturating_add(bytes.blob));
    let total = u64::try_from(Family::ALL.len()).expect("a handful");
    let mut compacted = Vec::with_capacity(Family::ALL.len());
    for (family, done) in Family::ALL.into_iter().zip(0..) {
        let name = family.name();
        if progress(UpkeepStep { family: name, done, total }).is_break() {
            return Ok(None);
        }
        let before = bytes(family)?;
        store.compact(family)?;
        compacted.push(CompactedFamily { name, before, after: bytes(family)? });
    }
    Ok(Some(compacted))
}

#[cfg(test)]
mod tests;
