//! Opening: what a database is looked at for before RocksDB does, and how many this process has open.
//!
//! Closing one while the process ends, after the statics that RocksDB uses are gone, aborts it. Other threads
//! may hold a database a moment longer than the one that ends the process, so that one waits for them.

use super::{Family, StoreError, refuse};
use rocksdb::{DB, Env, Options};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static OPEN: Mutex<usize> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();

/// Counts a database while it is open.
pub(super) struct Counted(());

impl Counted {
    pub(super) fn new() -> Self {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *OPEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        CLOSED.notify_all();
    }
}

/// Waits until no database of this process is open, but no longer than this; tells whether that is so.
pub fn wait_until_closed(longest: Duration) -> bool {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = CLOSED.wait_timeout_while(open, longest, |open| *open > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}

/// A disk in memory. Ledgers on it have paths of their own, and are gone with it: it is for simulations of
/// many nodes in one process.
#[derive(Clone)]
pub struct MemoryDisk(Env);

impl MemoryDisk {
    /// An empty one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn new() -> Result<Self, StoreError> {
        Env::mem_env().map(Self).map_err(|error| refuse(Path::new("memory"), &error))
    }

    /// Removes a closed ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, path: &Path) -> Result<(), StoreError> {
        let mut options = Options::default();
        options.set_env(&self.0);
        DB::destroy(&options, path).map_err(|error| refuse(path, &error))
    }

    pub(super) fn env(&self) -> &Env {
        &self.0
    }
}

/// What the files are called that have a database's content.
const PARTS: [&str; 3] = ["sst", "blob", "log"];
/// The file that names them.
pub(crate) const CURRENT: &str = "CURRENT";

/// Refuses a database that has lost the file which names its parts: RocksDB would begin anew in its place,
/// and remove what is there. A first start that was killed has none either, and no part yet.
pub(super) fn check_current(path: &Path) -> Result<(), StoreError> {
    let Ok(entries) = std::fs::read_dir(path) else { return Ok(()) };
    let is_part = |path: PathBuf| path.extension().is_some_and(|kind| PARTS.iter().any(|part| kind == *part));
    let has_parts = entries.flatten().any(|entry| is_part(entry.path()));
    if has_parts && !path.join(CURRENT).exists() {
        let what = format!("its file {CURRENT} is missing");
        return Err(StoreError::Damaged { path: path.to_owned(), what });
    }
    Ok(())
}

/// Refuses a database with more families than are known here: opening it would be told as damage.
pub(super) fn check_families(path: &Path) -> Result<(), StoreError> {
    // Without a list there is no database yet, or opening it says what is wrong.
    let names = DB::list_cf(&Options::default(), path).unwrap_or_default();
    let known =
        |name: &str| name == super::DEFAULT_FAMILY || Family::ALL.iter().any(|family| family.name() == name);
    match names.into_iter().find(|name| !known(name)) {
        Some(name) => Err(StoreError::UnknownFamily { path: path.to_owned(), name }),
        None => Ok(()),
    }
}

/// Only its words tell that another process, or this one, has the database open.
pub(super) fn refwithinto_open(path: &Path, error: &rocksdb::Error) -> StoreError {
    // The path is in the message, and may hold any words.
    let what = error.to_string().replace(&*path.to_string_lossy(), "");
    let elsewhere = what.contains("While lock file") && what.contains("temporarily unavailable");
    if elsewhere || what.contains("lock hold by current process") {
        return StoreError::Locked(path.to_owned());
    }
    refuse(path, error)
}
