//! What a benchmark ran on, and what its process took of it, as Linux tells; elsewhere little is known.

use serde_json::{Value, json};
use starling_primitives::Kernel;
use std::fs;
use std::num::NonZero;
use std::path::Path;

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hardware {
    /// The processor's model.
    cpu: String,
    /// Cores that this process may use.
    cores: usize,
    /// Bytes of memory.
    memory: Option<u64>,
    /// The operating system and its kernel's release.
    kernel: String,
    /// What hashes large batches.
    sha256: &'static str,
    /// The file system that was worked on, where one was: `tmpfs` is no disk.
    disk: Option<String>,
}

impl Hardware {
    /// This machine, and the disk of a directory.
    pub(super) fn here(dir: Option<&Path>) -> Self {
        let cpu = value("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, NonZero::get),
            memory: bytes("/proc/meminfo", "MemTotal"),
            kernel: format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned(),
            sha256: Kernel::fastest().name(),
            disk: dir.and_then(file_system),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "memory_bytes": self.memory,
            "kernel": self.kernel,
            "sha256": self.sha256,
            "disk": self.disk,
        })
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let memory = self.memory.map_or("unknown".to_owned(), crate::output::bytes);
        let machine = [
            ("cpu", format!("{}, {} cores, {memory} of memory", self.cpu, self.cores)),
            ("kernel", format!("{}; SHA-256 by {}", self.kernel, self.sha256)),
        ];
        machine.into_iter().chain(self.disk.clone().map(|disk| ("disk", disk))).collect()
    }
}

/// The kind of the file system that holds a directory: that of the deepest mount above it.
fn file_system(dir: &Path) -> Option<String> {
    let (dir, mounts) = (dir.canonicalize().ok()?, fs::read_to_string("/proc/mounts").ok()?);
    // Of several at one place the last one shows.
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (at, kind) = (words.next()?, words.next()?);
        dir.starts_with(at).then(|| (at.len(), kind.to_owned()))
    });
    mounts.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// Lets [`peak_bytes`] begin anew.
pub(super) fn forget_peak() {
    // Where it cannot be, the peak of the whole run is told.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that a process had, in bytes; `process` is `self` or an id.
pub(super) fn peak_bytes(process: &str) -> Option<u64> {
    bytes(&format!("/proc/{process}/status"), "VmHWM")
}

/// A value in kibibytes, as bytes.
fn bytes(path: &str, name: &str) -> Option<u64> {
    value(path, name)?.trim_end_matches("kB").trim_end().parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// The first value of a name in lines of `name: value`.
fn value(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(at, _)| at.trim() == name)?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests;
