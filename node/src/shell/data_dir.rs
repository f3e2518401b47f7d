//! The data directory: one process at a time, files written whole or not at all.

use super::NodeError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The directory, held until dropped.
pub(super) struct DataDir {
    path: PathBuf,
    /// Whether this process made it, and nobody else has kept anything in it.
    is_new: bool,
    /// The lock lives as long as the open file.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is missing, and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, NodeError> {
        let refuse = |path: &Path, error| NodeError::DataDir { path: path.to_owned(), error };
        let is_new = make(path).map_err(|error| refuse(path, error))?;
        let file = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&file);
        let lock = lock.map_err(|error| refuse(&file, error))?;
        match lock.try_lock() {
            Ok(()) => {
                let is_new = is_new && !path.join("db").exists();
                Ok(Self { path: path.to_owned(), is_new, _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(NodeError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(refuse(&file, error)),
        }
    }

    /// After a start that failed: what this process made is removed, what was there before stays.
    pub(super) fn give_up(self) {
        if self.is_new {
            // What stays behind is an empty database, which the next start takes.
            let _ = fs::remove_dir_all(&self.path);
        }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file whole: under another name first, synced, then renamed.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), NodeError> {
        let (path, temporary) = (self.file(name), self.file(&format!("{name}.new")));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|error| NodeError::DataDir { path: path.clone(), error })
    }

    /// Reads a file of the last run; none when there is none, or it is larger than it can be.
    pub(super) fn read_whole(&self, name: &str, max_bytes: u64) -> Option<Vec<u8>> {
        let path = self.file(name);
        let size = fs::metadata(&path).ok()?.len();
        if size > max_bytes {
            tracing::warn!(path = %path.display(), size, "too large to be of an earlier run: ignored");
            return None;
        }
        fs::read(&path).ok()
    }

    /// Renames a file that is of no use, so that it is neither read nor lost; where to, if that went well.
    pub(super) fn put_aside(&self, name: &str) -> Option<PathBuf> {
        let aside = self.file(&format!("{name}.damaged"));
        fs::rename(self.file(name), &aside).ok().map(|()| aside)
    }

    /// Removes a file that names this run; nothing is lost when it cannot be.
    pub(super) fn remove(&self, name: &str) {
        let _gone_already = fs::remove_file(self.file(name));
    }
}

/// Makes the directory and those above it; says whether it was not there before.
fn make(path: &Path) -> io::Result<bool> {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700).recursive(true);
    if let Some(above) = path.parent() {
        builder.create(above)?;
    }
    match builder.recursive(false).create(path) {
        Ok(()) => Ok(true),
        Err(_) if path.is_dir() => Ok(false),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(io::Error::new(ErrorKind::NotADirectory, "this is a file, and a folder is needed"))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
