//! Files that commands make.

use crate::failure::{Failure, Outcome};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A directory that its owner alone may enter.
const PRIVATE_DIR_MODE: u32 = 0o700;
/// Before the random part of a passing directory's name: of private chains, and of benchmarks.
const SCRATCH_PREFIXES: [&str; 2] = ["starling-dev-", "starling-bench-"];
/// A passing directory younger than this may belong to a process that has not locked it yet.
const YOUNG: Duration = Duration::from_secs(10);
/// Passing directories of dead processes that one start removes at the most.
const MAX_REMOVED: usize = 100;

/// Writes a file that was not there, whole or not at all.
///
/// # Errors
/// It exists, or cannot be written.
pub(crate) fn write_new(path: &Path, text: &str) -> Outcome<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::file(path, &error))?;
    file.finish()
}

/// Makes a directory, and those above it, that this user alone may enter; one that exists is left as it is.
///
/// # Errors
/// It cannot be made.
pub(crate) fn private_dir(path: &Path) -> Outcome<()> {
    let made = DirBuilder::new().recursive(true).mode(PRIVATE_DIR_MODE).create(path);
    made.map_err(|error| Failure::file(path, &error))
}

/// A file under a passing name until it is finished; removed when dropped before.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    passing: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file that is not there yet.
    ///
    /// # Errors
    /// It exists, or cannot be made.
    pub(crate) fn create(path: &Path) -> Outcome<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", random_suffix()?));
        let passing = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&passing);
        let file = file.map_err(|error| Failure::file(path, &error))?;
        Ok(Self { file, passing, path: path.to_owned() })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// Another file has taken the name, or the disk fails.
    pub(crate) fn finish(self) -> Outcome<()> {
        // A link, unlike a rename, fails when the name is taken.
        let named = self.file.sync_all().and_then(|()| fs::hard_link(&self.passing, &self.path));
        named.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(&self.path),
            _ => Failure::file(&self.path, &error),
        })
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // What stays behind carries a passing name, and nothing reads it.
        let _ = fs::remove_file(&self.passing);
    }
}

fn exists(path: &Path) -> Failure {
    let path = path.display();
    Failure::failed(format!("{path} exists already and is left as it is; choose another name"))
}

/// A fresh directory of this user's alone, removed with all that is in it when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one among the system's temporary files, and removes those that killed processes left there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new() -> Outcome<Self> {
        Self::in_dir(&std::env::temp_dir())
    }

    /// Makes one of a benchmark's in a directory.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn of_bench(dir: &Path) -> Outcome<Self> {
        Self::named(dir, SCRATCH_PREFIXES[1])
    }

    fn in_dir(dir: &Path) -> Outcome<Self> {
        Self::named(dir, SCRATCH_PREFIXES[0])
    }

    fn named(dir: &Path, prefix: &str) -> Outcome<Self> {
        let path = dir.join(format!("{prefix}{}", random_suffix()?));
        let made = DirBuilder::new().mode(PRIVATE_DIR_MODE).create(&path);
        made.map_err(|error| Failure::file(&path, &error))?;
        let scratch = Self(path);
        if let Ok(ours) = fs::symlink_metadata(scratch.path()) {
            remove_left(dir, ours.uid());
        }
        Ok(scratch)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            crate::failure::say(&format!("warning: {} stays behind: {error}", self.0.display()));
        }
    }
}

/// Removes the passing directories of this user whose process was killed. The directory for temporary files
/// is everybody's: nothing of another user is touched, and no link is followed.
fn remove_left(dir: &Path, user: u32) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let named = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        SCRATCH_PREFIXES.iter().any(|prefix| name.to_str().is_some_and(|name| name.starts_with(prefix)))
    };
    let left = entries.flatten().filter(named).map(|entry| entry.path());
    for path in left.filter(|path| is_left(path, user)).take(MAX_REMOVED) {
        // Another start may remove the same one; a later start tries again.
        let _ = fs::remove_dir_all(path);
    }
}

/// Whether a directory of this user has a lock that no process holds.
fn is_left(path: &Path, user: u32) -> bool {
    let lock = path.join("lock");
    let of_user = |metadata: &fs::Metadata| metadata.uid() == user;
    let is_dir = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir() && of_user(&it));
    let is_old = fs::symlink_metadata(&lock).is_ok_and(|it| {
        let age = it.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        it.is_file() && of_user(&it) && age.is_some_and(|age| age >= YOUNG)
    });
    is_dir && is_old && File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok())
}

/// Random bytes in hex, for a name that nobody else has.
///
/// # Errors
/// The operating system gives none.
pub(crate) fn random_suffix() -> Outcome<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the operating system gives no random bytes: {error}")))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests;
