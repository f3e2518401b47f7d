//! The only I/O of this crate: reading a bounded file, and writing one that was not there.

use super::KeystoreError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of a wallet file at the most.
pub(super) const MAX_FILE_BYTES: u64 = 64 * 1_024;
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// A file under a passing name, removed when dropped.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // Nothing reads it; one that stays behind costs a few hundred encrypted bytes.
        let _ = fs::remove_file(&self.0);
    }
}

/// Reads a regular file of at most [`MAX_FILE_BYTES`].
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening, for opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that the decoder sees that the file is too long.
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file that only its owner reads: whole or not at all, and never over another one.
///
/// Says whether it did: `false` when `path` exists.
pub(super) fn write_new(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<bool> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let passing = Passing(dir.join(format!(".{}.tmp", hex::encode(suffix))));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&passing.0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // A link, unlike a rename, fails when the name is taken.
    match fs::hard_link(&passing.0, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        linked => linked?,
    }
    drop(passing);
    File::open(dir)?.sync_all()?;
    Ok(true)
}

/// The names of a directory's entries that are UTF-8; none when the directory does not exist.
pub(super) fn file_names(dir: &Path) -> Result<impl Iterator<Item = String>, KeystoreError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(KeystoreError::from_io(dir, error)),
    };
    let named = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    Ok(entries.into_iter().flatten().filter_map(named))
}
