//! Small disks, that tests fill, and copies of folders, that tests damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A file system in memory of a few MiB, gone when dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one.
    ///
    /// # Errors
    /// Why the system does not permit it: only its administrator may mount.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    pub fn mount(mebibytes: u32) -> Result<Self, String> {
        let folder = TempDir::with_prefix("starling-test-").expect("a temporary folder can be made");
        let size = format!("size={mebibytes}m,mode=0700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()))?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes it read-only, or writable again.
    ///
    /// # Panics
    /// When the system does not permit it, or a file is being written.
    pub fn set_read_only(&self, read_only: bool) {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        let done = run(Command::new("mount").args(["-o", options]).arg(self.path()));
        done.expect("what was mounted can be mounted anew");
    }

    /// Fills all of it but so many bytes with one file, which [`SmallDisk::relieve`] removes.
    ///
    /// # Panics
    /// When it is fuller already.
    pub fn fill(&self, left: u64) {
        let stat = nix::sys::statvfs::statvfs(self.path()).expect("a mounted disk");
        let free = stat.blocks_available() * stat.fragment_size();
        let size = usize::try_from(free.saturating_sub(left)).expect("a few MiB");
        fs::write(self.ballast(), vec![0x5a; size]).expect("there was space for it");
    }

    /// Gives the space back.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn relieve(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process of a failed test may have a file open still.
        drop(run(Command::new("umount").arg("-l").arg(self.path())));
    }
}

/// Copies a folder with all that is in it.
///
/// # Panics
/// When it cannot be read, or not written there.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder can be made");
    for entry in fs::read_dir(from).expect("a folder of ours can be read") {
        let entry = entry.expect("an entry can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file of ours can be copied");
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let ended = command.output().map_err(|error| error.to_string())?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    Err(said.lines().next().unwrap_or_default().to_owned())
}
