//! Where a benchmark keeps its files: a directory of its own, gone at the end.

use super::work::Work;
use crate::failure::{Failure, Outcome};
use crate::files::Scratch;
use crate::output;
use nix::sys::statvfs::statvfs;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Bytes that are asked for beyond what is expected to be written.
const SLACK_BYTES: u64 = 64 << 20;

/// The directory, held until dropped.
pub(super) struct Place {
    scratch: Scratch,
    /// Tells the next run that this one is alive.
    _lock: File,
    /// Removed at the end as well: it was made for this.
    _made: Option<MadeDir>,
}

impl Place {
    /// A directory in `dir`, which is new or empty, else among the system's temporary files; it must have
    /// room for so many bytes.
    ///
    /// # Errors
    /// `dir` holds something, or there is not enough room.
    pub(super) fn open(dir: Option<&Path>, bytes: u64, work: &Work) -> Outcome<Self> {
        let made = dir.map(prepare).transpose()?.flatten();
        let parent = dir.map_or_else(std::env::temp_dir, Path::to_owned);
        check_room(&parent, bytes)?;
        let scratch = Scratch::of_bench(&parent)?;
        let around = made.iter().map(|made| made.0.clone());
        work.must_not_leave([scratch.path().to_owned()].into_iter().chain(around).collect());
        let path = scratch.path().join("lock");
        let lock = File::create(&path).and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| Failure::file(&path, &error))?;
        Ok(Self { scratch, _lock: lock, _made: made })
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

/// A directory that was made, and goes when it is empty again.
struct MadeDir(PathBuf);

impl Drop for MadeDir {
    fn drop(&mut self) {
        // Somebody may have put something into it.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Makes a directory if it is missing; one that holds something is refused.
fn prepare(dir: &Path) -> Outcome<Option<MadeDir>> {
    let hint = "name a directory that is empty or does not exist: what is in it stays out of danger";
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(None),
        Ok(false) => Err(Failure::usage(format!("{} is not empty; {hint}", dir.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            crate::files::private_dir(dir)?;
            Ok(Some(MadeDir(dir.to_owned())))
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(Failure::usage(format!("{} is a file; {hint}", dir.display())))
        }
        Err(error) => Err(Failure::file(dir, &error)),
    }
}

fn check_room(dir: &Path, bytes: u64) -> Outcome<()> {
    let stat = statvfs(dir).map_err(|error| Failure::file(dir, &io::Error::from(error)))?;
    let (free, needed) = (free_bytes(&stat), bytes.saturating_add(SLACK_BYTES));
    if free < needed {
        return Err(Failure::failed(format!(
            "{} has {} free, and about {} are needed; name another directory with --dir, or a smaller size",
            dir.display(),
            output::bytes(free),
            output::bytes(needed)
        )));
    }
    Ok(())
}

/// The widths of these numbers differ between systems.
#[allow(clippy::useless_conversion, reason = "not useless where they have 32 bits")]
fn free_bytes(stat: &nix::sys::statvfs::Statvfs) -> u64 {
    u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size()))
}

/// Copies a directory and waits until the copy is on the disk, so that writing it disturbs nothing later.
pub(super) fn copy_dir(from: &Path, to: &Path) -> Outcome<()> {
    let copy = || -> io::Result<()> {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                copy_dir(&entry.path(), &target).map_err(|failure| io::Error::other(failure.message()))?;
            } else {
                fs::copy(entry.path(), &target)?;
                File::open(&target)?.sync_all()?;
            }
        }
        Ok(())
    };
    copy().map_err(|error| Failure::file(from, &error))
}

#[cfg(test)]
mod tests;
