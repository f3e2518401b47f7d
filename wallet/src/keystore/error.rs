//! Why a wallet is not made or opened; each message names the way out.

use crate::mnemonic::MnemonicError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Names of existing wallets that an error repeats.
const SHOWN_NAMES: usize = 20;
/// Characters of a refused name that an error repeats.
const SHOWN_CHARS: usize = 80;

/// Why a wallet is not made or opened.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// Not 1 to 64 of `[a-z0-9_-]`.
    #[error("{0:?} cannot name a wallet: use 1 to 64 lower-case letters, digits, - and _")]
    BadName(String),
    /// A wallet of that name is there, and is never overwritten.
    #[error("a wallet named {0:?} exists already and is left as it is; choose another name")]
    NameExists(String),
    /// No wallet of that name.
    #[error("there is no wallet {name:?} in {}; {}", dir.display(), there(existing))]
    NotFound {
        /// What was asked for.
        name: String,
        /// Where.
        dir: PathBuf,
        /// What is there.
        existing: Vec<String>,
    },
    /// The operating system denies access.
    #[error("{} may not be accessed by this user; fix it with chmod u+rwX", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
    },
    /// Any other failure of the file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// Not the file that was written.
    #[error(
        "{} is damaged: {what}; restore it from a backup, or import the mnemonic under another name",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file of a later program.
    #[error("{} is of version {version}, and this program knows version 1; use a newer one", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The file asks for more work than any wallet needs.
    #[error(
        "{} asks for {memory_kib} KiB, {passes} passes and {lanes} lanes to try a passphrase; \
         at most 1048576 KiB, 16 passes and 4 lanes are spent on it: restore the file from a backup",
        path.display()
    )]
    KdfTooDear {
        /// The file.
        path: PathBuf,
        /// KiB of memory.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// The file holds another wallet than its name says.
    #[error("{} holds the wallet {inside:?}; give the file that name again", path.display())]
    Renamed {
        /// The file.
        path: PathBuf,
        /// The wallet in it.
        inside: String,
    },
    /// The passphrase does not open the file.
    #[error("the passphrase of wallet {0:?} is wrong")]
    WrongPassphrase(String),
    /// The key cannot be derived from the passphrase: most likely too little memory.
    #[error("the passphrase cannot be tried: {0}; 64 MiB of free memory are needed")]
    Kdf(String),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes ({0})")]
    Random(getrandom::Error),
    /// Not a mnemonic.
    #[error(transparent)]
    Mnemonic(#[from] MnemonicError),
}

impl KeystoreError {
    pub(super) fn bad_name(name: &str) -> Self {
        Self::BadName(name.chars().take(SHOWN_CHARS).collect())
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Unreadable { path },
            _ => Self::Io { path, source },
        }
    }
}

/// What is in the directory instead.
fn there(existing: &[String]) -> String {
    if existing.is_empty() {
        return "there are none yet: make one with `starling wallet new NAME`".to_owned();
    }
    let more = if existing.len() > SHOWN_NAMES { ", .." } else { "" };
    let shown = &existing[..existing.len().min(SHOWN_NAMES)];
    format!("there are: {}{more}", shown.join(", "))
}
